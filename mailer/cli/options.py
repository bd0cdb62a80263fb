"""What several commands read from their options in the same way."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from subscribers.errors import InputError

F = TypeVar("F", bound=Callable[..., Any])


def add_options(options: Sequence[Callable[[F], F]]) -> Callable[[F], F]:
    """Adds several options to a command, in their order."""

    def add(command: F) -> F:
        for option in reversed(options):
            command = option(command)
        return command

    return add


def read_fields(pairs: Iterable[str]) -> dict[str, object]:
    """`NAME=VALUE` of one's own fields; None where the value is empty. InputError for what is none."""
    fields: dict[str, object] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name.strip():
            raise InputError(f"--field {pair!r} is no field. Give one like --field 职称=研究员.")
        fields[name.strip()] = value.strip() or None
    return fields
