"""The command line as a tree, for tests that hold what is written about it against it."""

from __future__ import annotations

from collections.abc import Sequence

import click

from mailer.cli import cli


def command_path(words: Sequence[str]) -> tuple[list[click.Command], list[str]]:
    """The commands that `words` (without "jianbao") lead through, and the words left over. No commands where there is none."""
    command: click.Command = cli
    path: list[click.Command] = []
    rest = list(words)
    while rest and not rest[0].startswith("-") and isinstance(command, click.Group):
        try:
            _, found, rest = command.resolve_command(command.context_class(command), rest)
        except click.UsageError:
            return [], rest
        assert found is not None
        command = found
        path.append(found)
    return path, rest
