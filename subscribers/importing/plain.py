"""Plain lists: an address or several on a line, with or without names, as mail programs and Mailman write them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO

from subscribers.importing.cells import holds_addresses
from subscribers.importing.headers import Field
from subscribers.importing.table import Chunk, Row, in_chunks

HEADER = (Field.ADDRESS.value,)
_COMMENT = ("#", "//")


def is_plain(sample: str) -> bool:
    """Whether at least half of the lines are nothing but addresses, with or without names. A letter that mentions one is no list."""
    lines = [line for line in sample.splitlines()[:200] if line.strip() and not line.lstrip().startswith(_COMMENT)]
    return bool(lines) and sum(map(holds_addresses, lines)) * 2 >= len(lines)


def read_plain(text: IO[str]) -> Iterator[Chunk]:
    """The lines as rows of one cell; comments and blank lines are none."""
    return in_chunks(_rows(text))


def _rows(text: IO[str]) -> Iterator[tuple[int, Row]]:
    for line, content in enumerate(text, 1):
        stripped = content.strip().lstrip("\ufeff")
        if stripped and not stripped.startswith(_COMMENT):
            yield line, (stripped,)
