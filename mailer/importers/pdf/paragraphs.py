"""Lines become paragraphs again: what the margin, the column's end or the page's end cut is joined."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from mailer.importers.markers import MarkerStyle, marker_of
from mailer.importers.pdf.columns import Printed, Region
from mailer.importers.pdf.lines import Words
from mailer.importers.pdf.setting import INDENT, NEVER_FIRST, NEVER_LAST, Margins, Setting
from mailer.importers.punctuation import is_closed, must_go_on

_LABEL = re.compile(r"[^\s\d]{1,10}?[：:](?!//)")  # and no time of day
_SURE_LABEL = re.compile(r"[\u4e00-\u9fff]{2,6}[：:](?!//)")  # 活动时间：, and no piece of a sentence
_ADDRESS_END = re.compile(r"https?://[!-~]*$")
_BEFORE_ADDRESS = re.compile(r"[\u4e00-\u9fff](?=https?://)")
_ADDRESS_GOES_ON = re.compile(r"[A-Za-z0-9/._~%?#&=+-]{2,}")
_WIDER = 1.32  # of the distance of lines: a gap like this parts paragraphs
_HEADING_LEADING = 1.9  # of a size
_QUOTES = "“”‘’"
_LONGEST_WORD = 12  # sizes


class Joint(Enum):
    """What stands between a line and the one above it."""

    PARTED = auto()
    JOINED = auto()
    DOUBTFUL = auto()


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Lines that were one paragraph, or one table, or one picture. `doubtful` says that a person should look at its joints."""

    page: int
    lines: tuple[Printed, ...]
    margins: Margins
    doubtful: bool = False

    @property
    def words(self) -> tuple[Words, ...]:
        """Its lines, where it is text."""
        return tuple(line.words for line in self.lines if line.words is not None)


@dataclass(frozen=True, slots=True)
class _Flowing:
    """A line in the flow of text, with its surroundings."""

    printed: Printed
    region: Region
    margins: Margins


def read_paragraphs(regions: Iterable[Region], setting: Setting) -> list[Paragraph]:
    """The paragraphs of a document, in the order of reading."""
    groups: list[tuple[list[_Flowing], bool]] = []
    for region in regions:
        margins = setting.margins_of(region)
        for printed in region.lines:
            line = _Flowing(printed, region, margins)
            joint = _joint(groups[-1][0], line, setting) if groups else Joint.PARTED
            if joint is Joint.PARTED:
                groups.append(([line], False))
            else:
                lines, doubtful = groups.pop()
                groups.append(([*lines, line], doubtful or joint is Joint.DOUBTFUL))
    return [
        Paragraph(lines[0].region.page, tuple(line.printed for line in lines), lines[0].margins, doubtful)
        for lines, doubtful in groups
    ]


def _joint(paragraph: Sequence[_Flowing], below: _Flowing, setting: Setting) -> Joint:
    """Whether a line goes on with the paragraph above it."""
    above = paragraph[-1]
    upper, lower = above.printed.words, below.printed.words
    if upper is None or lower is None or not _same_size(upper, lower):
        return Joint.PARTED
    step = upper.baseline - lower.baseline if above.region is below.region else None
    if not setting.is_text_size(upper.size) and upper.size > setting.size:
        return _heading_joint(upper, lower, step, above.margins)
    if _is_one_address(upper, lower, above.margins):
        return Joint.JOINED
    is_apart = step is not None and step > _WIDER * setting.leading * max(1.0, lower.size / setting.size)
    changes_weight = upper.bold is not lower.bold and upper.glyphs[-1].bold is not lower.glyphs[0].bold
    if (
        is_apart
        or changes_weight
        or not (above.margins.fills(upper, _room(lower)) or _had_no_room(upper, lower, above.margins))
    ):
        return Joint.PARTED
    if _ends_with_address(upper) and not (above.margins.justified and above.margins.is_stretched(upper)):
        return Joint.PARTED  # where an author gives an address, hardly ever does more follow in the same paragraph
    return _full_joint(paragraph, below, setting)


def _full_joint(paragraph: Sequence[_Flowing], below: _Flowing, setting: Setting) -> Joint:
    """What a line does that stands below a full one: its indent tells, or else its first words."""
    above = paragraph[-1]
    upper, lower = above.printed.words, below.printed.words
    assert upper is not None
    assert lower is not None
    closed = is_closed(upper.text, lower.text)
    indent = lower.left - below.margins.left
    if _hangs(paragraph, lower):
        return Joint.JOINED
    if indent > INDENT * lower.size and (setting.indents or len(paragraph) > 1 or upper.left - above.margins.left < lower.size):
        return Joint.PARTED
    if setting.indents and indent < lower.size / 2:
        return Joint.JOINED
    marker = marker_of(lower.text)
    closed = closed or _ADDRESS_END.search(upper.text) is not None
    if _is_next(paragraph, lower, may_be_full=above.margins.justified) or (
        closed and (marker is not None or _LABEL.match(lower.text))
    ):
        return Joint.PARTED
    if marker is not None and marker.style is MarkerStyle.BULLET and marker.sign:
        return Joint.PARTED
    return Joint.DOUBTFUL if closed or above.region is not below.region else Joint.JOINED


def _is_next(paragraph: Sequence[_Flowing], lower: Words, *, may_be_full: bool) -> bool:
    """Whether a line begins as the paragraph above it does: with the number that is due, or both with a label like 时间：.

    A line that was stretched to the margin goes on whatever stands below it but a number.
    """
    above, last = paragraph[0].printed.words, paragraph[-1].printed.words
    if above is None or last is None:
        return False
    first, marker = marker_of(above.text), marker_of(lower.text)
    if first is not None and marker is not None and first.style is marker.style and first.value is not None:
        return marker.value == first.value + 1
    labelled = _SURE_LABEL.match(above.text) is not None and _SURE_LABEL.match(lower.text) is not None
    return labelled and not may_be_full and not must_go_on(last.text)


def _hangs(paragraph: Sequence[_Flowing], lower: Words) -> bool:
    """Whether a line stands below the text of a list item, and not below its marker."""
    first = paragraph[0].printed.words
    marker = marker_of(first.text) if first is not None else None
    if first is None or marker is None:
        return False
    text = "".join(first.text[marker.end :].split())
    begin = first.glyphs[-len(text)] if 0 < len(text) < len(first.glyphs) else first.glyphs[0]
    return lower.left - first.left > lower.size / 2 and abs(lower.left - begin.left) < lower.size / 2


def _heading_joint(upper: Words, lower: Words, step: float | None, margins: Margins) -> Joint:
    """Two large lines are one heading when the first is full, or both are centred, and no number stands before the second."""
    if step is None or step > _HEADING_LEADING * upper.size or marker_of(lower.text) is not None:
        return Joint.PARTED
    centred = abs((upper.left + upper.right) - (lower.left + lower.right)) < upper.size
    return Joint.JOINED if margins.right - upper.right < 2 * upper.size or centred else Joint.PARTED


def _is_one_address(upper: Words, lower: Words, margins: Margins) -> bool:
    last, first = upper.glyphs[-1], lower.glyphs[0]
    if last.link is not None and last.link == first.link:
        return True
    return (
        _ADDRESS_END.search(upper.text) is not None
        and _ADDRESS_GOES_ON.match(lower.text) is not None
        and not lower.text.startswith("http")
        and margins.right - upper.right < upper.size
    )


def _ends_with_address(line: Words) -> bool:
    return line.glyphs[-1].link is not None or _ADDRESS_END.search(line.text) is not None


def _had_no_room(upper: Words, lower: Words, margins: Margins) -> bool:
    """Whether one sign of Chinese and the address behind it went down together, as LibreOffice lets them."""
    if _BEFORE_ADDRESS.match(lower.text) is None or is_closed(upper.text, lower.text):
        return False
    end = next((index for index, glyph in enumerate(lower.glyphs[1:], 1) if glyph.is_wide), len(lower.glyphs))
    return upper.right + lower.glyphs[end - 1].right - lower.left > margins.right


def _room(line: Words) -> float:
    """The width of what had to stay together at a line's beginning: a sign of Chinese, or a word, and what may begin no line.

    An opening bracket stays with what it opens.
    """
    begin = next((index for index, glyph in enumerate(line.glyphs) if glyph.text not in NEVER_LAST), 0)
    length = _unit_end(line, begin)
    while length < len(line.glyphs) and line.glyphs[length].text in NEVER_FIRST:
        is_quote = line.glyphs[length].text in _QUOTES  # no line breaks at either side of it (UAX #14, class QU)
        length = _unit_end(line, length + 1) if is_quote and length + 1 < len(line.glyphs) else length + 1
    return min(line.glyphs[length - 1].right - line.left, _LONGEST_WORD * line.size)


def _unit_end(line: Words, begin: int) -> int:
    """Where a sign of Chinese, or a word, ends that begins there."""
    if line.glyphs[begin].is_wide:
        return begin + 1
    rest = line.glyphs[begin:]
    word = next((index for index, glyph in enumerate(rest) if glyph.is_wide), len(rest))
    return begin + min(word, len(Words(rest).text.split(maxsplit=1)[0]))


def _same_size(upper: Words, lower: Words) -> bool:
    return abs(upper.size - lower.size) <= 0.08 * max(upper.size, lower.size)
