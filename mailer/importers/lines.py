"""The lines of a text: where each stands, how wide it is, what it compares by, and how two of them become one."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

# Everything `str.splitlines` takes for a line end, besides the newline itself: Word's soft break, the form feed between two
# pages of a PDF, the Unicode separators.
_BREAK = re.compile(r"[\v\f\x1c-\x1e\x85\u2028\u2029]")
_CJK = re.compile("[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff“”‘’—…·]")
_NARROW = re.compile("[\x00-\u10ff]")
_NEITHER_LETTER_NOR_DIGIT = re.compile(r"[\W_]+")
_HALF_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: 0x20}
# The traditional characters of the words that bulletins are known by: 目錄, 總第一二八期, 協會, 簡報.
_TRADITIONAL = (
    "總总 號号 輯辑 協协 會会 學学 聯联 誼谊 處处 辦办 醫医 術术 機机 構构 團团 實实 驗验 館馆 圖图 書书 業业 務务 區区 縣县 "
    "鄉乡 黨党 組组 簡简 報报 訊讯 動动 態态 資资 參参 閱阅 專专 輿舆 覽览 遞递 傳传 編编 發发 單单 雙双 電电 開开 園园 銀银 "
    "產产 貿贸 議议 論论 農农 財财 經经 點点 責责 審审 對对 簽签 製制 聞闻 網网 視视 臺台 導导 讀读 錄录 內内 週周 員员 華华 "
)
_TO_SIMPLIFIED = {ord(pair[0]): pair[1] for pair in _TRADITIONAL.split()}
_ADDRESS = re.compile(r"(?:://|www\.|@)\S*$")
_TAB = 4
# White space, and what pages on the web put at the ends of paragraphs beside it: it has no width.
_NO_WIDTH = "\u200b\ufeff"
_EDGES = "".join(character for character in map(chr, range(0x3001)) if character.isspace()) + _NO_WIDTH


@dataclass(frozen=True, slots=True)
class Line:
    """One printed line that is not blank.

    `number` counts the file's lines from 1, `offset` the characters before it in that line; `text` has no white space at its
    ends, `indent` is the width of what stood before, in columns; `gap` is the number of blank lines above; `page_break` says
    that a form feed or a page number stands between it and the line above; `is_rest` that it was one with that line until it was cut.
    """

    number: int
    offset: int
    text: str
    indent: int = 0
    gap: int = 0
    page_break: bool = False
    is_rest: bool = False

    def cut(self, index: int) -> tuple[Line, Line]:
        """The line as two: its text before `index` and from there on."""
        head, tail = self.text[:index].rstrip(), self.text[index:].lstrip()
        offset = self.offset + len(self.text) - len(tail)
        return replace(self, text=head), Line(self.number, offset, tail, is_rest=True)


def split_lines(text: str) -> list[Line]:
    """The lines of a text that are not blank, in order."""
    lines: list[Line] = []
    gap, page_break = 0, False
    for number, raw in enumerate(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"), start=1):
        blank, offset = True, 0
        for part in _BREAK.split(raw):
            content = part.strip(_EDGES)
            if offset:
                page_break |= raw[offset - 1] == "\f"
            if content:
                before = part[: len(part) - len(part.lstrip(_EDGES))]
                lines.append(Line(number, offset + len(before), content, _indent(before), gap, page_break))
                blank, gap, page_break = False, 0, False
            offset += len(part) + 1
        gap += blank
    return lines


def without(lines: Sequence[Line], dropped: set[int], *, page_break: bool) -> list[Line]:
    """The lines whose index is not in `dropped`; below a dropped one begins a new block, or with `page_break` a new page."""
    kept: list[Line] = []
    gap, broken = 0, False
    for index, line in enumerate(lines):
        if index in dropped:
            gap, broken = max(gap, line.gap, 1), broken or page_break or line.page_break
            continue
        kept.append(replace(line, gap=max(gap, line.gap), page_break=line.page_break or broken))
        gap, broken = 0, False
    return kept


def join_lines(lines: Iterable[Line]) -> str:
    """The text that wrapped lines make: nothing is added between Chinese characters, one space between Latin words.

    Inside a line the spacing stays exactly as the file has it, also between Chinese and digits.
    """
    parts: list[str] = []
    above: Line | None = None
    for line in lines:
        if above is not None:
            parts.append(_space_between(above, line))
        parts.append(line.text)
        above = line
    return "".join(parts)


def _space_between(above: Line, line: Line) -> str:
    if line.is_rest and above.number == line.number:
        return " " * (line.offset - above.offset - len(above.text))
    return " " if _needs_space(above.text, line.text) else ""


def _needs_space(left: str, right: str) -> bool:
    last, first = left[-1], right[0]
    if _is_cjk(last) or _is_cjk(first) or last in "-/([{<@_" or first in ",.;:!?)]}>%":
        return False
    if first.isdecimal() and (last.isdecimal() or last in ".,"):
        return not _ends_in_cut_number(left)
    return _ADDRESS.search(left) is None


def _ends_in_cut_number(text: str) -> bool:
    """Whether a number stands at the end that Chinese text runs into: a page break may go through it (20|23年)."""
    before = text.rstrip("0123456789.,").rstrip()
    return not before or _is_cjk(before[-1])


def _is_cjk(character: str) -> bool:
    return _CJK.match(character) is not None


def columns(text: str) -> int:
    """The width of a text in columns: one for a letter of an alphabet or a digit, two for everything else."""
    return 2 * len(text) - len(_NARROW.findall(text))


def half_width(text: str) -> str:
    """The text with full-width ASCII and spaces made half-width, character for character, so that offsets stay true."""
    return text.translate(_HALF_WIDTH)


def simplified(text: str) -> str:
    """The text with the traditional characters of known words as simplified ones, character for character: to look at, not to show."""
    return text.translate(_TO_SIMPLIFIED)


def key(text: str) -> str:
    """What two printings of one headline share: its letters and digits (NFKC), without case."""
    return _NEITHER_LETTER_NOR_DIGIT.sub("", unicodedata.normalize("NFKC", text).casefold())


def _indent(before: str) -> int:
    return sum(_TAB if character == "\t" else columns(character) for character in before if character not in _NO_WIDTH)
