"""What the page brought along and the text did not: page numbers, running heads, rules."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise

from mailer.importers.chinese_numbers import NUMBER
from mailer.importers.dates import without_dates
from mailer.importers.lines import Line, columns, half_width, key
from mailer.importers.numbering import find_number
from mailer.importers.sources import is_source

_DASH = r"[-–—―─~～·•*|]"
_PAGE_NUMBER = re.compile(
    rf"{_DASH}[\s\-–—]*\d{{1,4}}[\s\-–—]*{_DASH}"
    rf"|第\s*{NUMBER}\s*页(?:[\s,/，、(]*共\s*{NUMBER}\s*页\)?)?|共\s*{NUMBER}\s*页[\s,/，、]*第\s*{NUMBER}\s*页"
    r"|\d{1,4}\s*/\s*\d{1,4}|—\s*\d{1,4}|(?i:page|p\.?)\s*\d{1,4}(?:\s*(?:of|/)\s*\d{1,4})?"
)
_BARE_NUMBER = re.compile(r"\d{1,3}")
_RULE = re.compile(r"[^\w\s]{3,}|(?:[*＊★☆◆◇●○■□#＃~～]\s*){1,}|[-—–_=]+")
_LEAST_ON_PAGE = 160  # columns
_EDGE = 2  # running heads stand within so many lines of a page's end
_LONGEST_HEAD = 80  # columns
_SHORTEST_NAME = 3  # characters: less may be a word that page breaks cut off twice
_LONG_NAME = 6


def page_numbers(lines: Sequence[Line]) -> set[int]:
    """The indexes of the lines that are page numbers: — 3 —, 第 3 页 共 8 页, or bare figures that count pages upwards."""
    found = {index for index, line in enumerate(lines) if _PAGE_NUMBER.fullmatch(half_width(line.text))}
    bare = [index for index, line in enumerate(lines) if _BARE_NUMBER.fullmatch(half_width(line.text))]
    values = {index: int(half_width(lines[index].text)) for index in bare}
    counted = {
        index
        for earlier, later in pairwise(bare)
        if values[later] == values[earlier] + 1 and _is_page(lines[earlier + 1 : later + 1])
        for index in (earlier, later)
    }
    at_page_end = {i for i in bare if lines[i].page_break or (i + 1 < len(lines) and lines[i + 1].page_break)}
    pages = sum(line.page_break for line in lines)
    return found | counted | (at_page_end if 2 * len(at_page_end) >= pages else set())


def _is_page(lines: Sequence[Line]) -> bool:
    """Whether so much stands between two numbers that they may count pages, and not the rows of a table."""
    return any(line.page_break for line in lines) or sum(columns(line.text) for line in lines) > _LEAST_ON_PAGE


def rules(lines: Sequence[Line]) -> set[int]:
    """The indexes of the lines that hold no letter and no digit: ————, ＊＊＊."""
    return {index for index, line in enumerate(lines) if _RULE.fullmatch(line.text) and not key(line.text)}


def running_heads(lines: Sequence[Line], announced: Iterable[str], *, masthead: int, text: int) -> set[int]:
    """The indexes of lines that come again at the edges of pages, page numbers having been taken out before.

    The text begins at line `text`, above it stand headlines once: those that the contents announce, by their keys, and the
    first line below that says one of them is kept. The masthead, `masthead` lines, is never taken; what repeats it is, anywhere.
    """
    edges = _page_edges(lines)
    names = {index: _name(lines[index].text) for index in edges if index >= text and _may_be_head(lines[index].text)}
    count = Counter(names.values())
    heads = {index for index, name in names.items() if count[name] >= (2 if len(name) >= _LONG_NAME else 3)}
    due = set(announced) if heads else set()
    for index in sorted(heads):
        said = key(lines[index].text)
        if said in due:
            heads.discard(index)
            due.discard(said)
    return heads | _repeats_of_masthead(lines, masthead, edges)


def _page_edges(lines: Sequence[Line]) -> set[int]:
    breaks = [index for index, line in enumerate(lines) if line.page_break]
    return {index for start in breaks for index in range(start - _EDGE, start + _EDGE) if 0 <= index < len(lines)}


def _repeats_of_masthead(lines: Sequence[Line], masthead: int, edges: set[int]) -> set[int]:
    """Lines below the masthead that say what it says. At the edge of a page once is enough, elsewhere title and number must
    come twice, the title alone three times."""
    parts = {part for line in lines[:masthead] if (part := _without_number(line.text))}
    found: dict[str, set[int]] = {}
    for index in range(masthead, len(lines)):
        text = lines[index].text
        if columns(text) <= _LONGEST_HEAD and _is_made_of(text, parts):
            found.setdefault(_name(text), set()).add(index)
    often = {index for name, indexes in found.items() if len(indexes) >= (3 if name in parts else 2) for index in indexes}
    return often | (edges & set().union(*found.values()))


def _is_made_of(text: str, parts: set[str]) -> bool:
    rest = _without_number(text)
    if len(_name(text)) < _SHORTEST_NAME or (not rest and find_number(text).number is None):
        return False
    for part in sorted(parts, key=len, reverse=True):
        rest = rest.replace(part, "", 1)
    return not rest


def _without_number(text: str) -> str:
    """The letters of a line without the number and the date of the issue."""
    return _name(without_dates(find_number(text).rest))


def _may_be_head(text: str) -> bool:
    return (
        columns(text) <= _LONGEST_HEAD
        and len(_name(text)) >= _SHORTEST_NAME
        and text[-1] not in "。；：，、！？"
        and not is_source(text)
    )


def _name(text: str) -> str:
    return "".join(character for character in key(text) if not character.isdecimal())
