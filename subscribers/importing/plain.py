"""Plain lists: an address or several on a line, with or without names, as mail programs and Mailman write them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import IO

from subscribers.errors import InputError
from subscribers.importing.cells import addresses_in
from subscribers.importing.headers import Field
from subscribers.importing.table import Chunk, Row, in_chunks

HEADER = (Field.ADDRESS.value,)
_ADDRESS = re.compile(r"[^\s@|\t]+@[^\s@|\t]+\.[^\s@|\t]+")
_COMMENT = ("#", "//")


def is_plain(sample: str) -> bool:
    """Whether most of the lines with an '@' are nothing but addresses, with or without names."""
    lines = [line for line in sample.splitlines()[:200] if "@" in line or "＠" in line]
    return sum(map(_is_addresses, lines)) * 2 > len(lines)


def _is_addresses(line: str) -> bool:
    if line.lstrip().startswith(_COMMENT):
        return False
    try:
        return all(_ADDRESS.fullmatch(found.text) for found in addresses_in(line))
    except InputError:
        return False


def read_plain(text: IO[str]) -> Iterator[Chunk]:
    """The lines as rows of one cell; comments and blank lines are none."""
    return in_chunks(_rows(text))


def _rows(text: IO[str]) -> Iterator[tuple[int, Row]]:
    for line, content in enumerate(text, 1):
        stripped = content.strip().lstrip("\ufeff")
        if stripped and not stripped.startswith(_COMMENT):
            yield line, (stripped,)
