"""The numbers that Word and WPS print before paragraphs and that stand nowhere in the text: 1. （一） 第三条 ②."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from lxml import etree

from mailer.importers.claims import claimed_number
from mailer.importers.docx.package import attribute, child, local, value

_LEVELS = 9
_PLACE = re.compile(r"%([1-9])")
_DIGITS = "〇一二三四五六七八九"
_FORMAL = "零壹贰叁肆伍陆柒捌玖"
_STEMS = "甲乙丙丁戊己庚辛壬癸"
_CHINESE = frozenset(
    {
        *("chineseCounting", "chineseCountingThousand", "japaneseCounting", "taiwaneseCounting", "taiwaneseCountingThousand"),
        *("ideographDigital", "japaneseDigitalTenThousand", "taiwaneseDigital"),
    }
)


@dataclass(frozen=True, slots=True)
class Level:
    """How the paragraphs of a level are numbered."""

    form: str = "bullet"
    text: str = ""
    start: int = 1


@dataclass
class Numbering:
    """The lists of a document, and how far each has counted."""

    levels: dict[str, dict[int, Level]] = field(default_factory=dict)
    shared: dict[str, str] = field(default_factory=dict)
    _counts: dict[str, dict[int, int]] = field(default_factory=dict)

    def next(self, number: str, level: int) -> tuple[bool, str] | None:
        """Whether the next paragraph of that list and level has a bullet, and the number printed before it; None for none."""
        known = self.levels.get(number)
        if known is None or number in ("", "0"):
            return None
        here = known.get(level, Level())
        if here.form == "bullet":
            return True, ""
        counts = self._counts.setdefault(self.shared.get(number, number), {})
        counts[level] = counts.get(level, here.start - 1) + 1
        for deeper in [other for other in counts if other > level]:
            del counts[deeper]

        def said(place: re.Match[str]) -> str:
            other = int(place[1]) - 1
            form = known.get(other, Level("decimal"))
            return printed(counts.get(other, form.start), form.form)

        return False, _PLACE.sub(said, here.text).strip()


def read_numbering(root: etree._Element | None) -> Numbering:
    """The lists in `numbering.xml`."""
    numbering = Numbering()
    abstract: dict[str, dict[int, Level]] = {}
    for element in () if root is None else root:
        if local(element) == "abstractNum":
            abstract[attribute(element, "abstractNumId") or ""] = _levels(element)
        elif local(element) == "num":
            number, base = attribute(element, "numId") or "", value(element, "abstractNumId") or ""
            overrides = [found for found in element if local(found) == "lvlOverride"]
            numbering.levels[number] = abstract.get(base, {}) | _overridden(overrides, abstract.get(base, {}))
            numbering.shared[number] = f"own {number}" if overrides else base
    return numbering


def _levels(element: etree._Element) -> dict[int, Level]:
    return {_index(found): _level(found) for found in element if local(found) == "lvl"}


def _overridden(overrides: list[etree._Element], base: dict[int, Level]) -> dict[int, Level]:
    found: dict[int, Level] = {}
    for override in overrides:
        index = _index(override)
        start = value(override, "startOverride")
        new = child(override, "lvl")
        level = _level(new) if new is not None else base.get(index, Level())
        found[index] = level if start is None else Level(level.form, level.text, _first(start))
    return found


def _index(element: etree._Element) -> int:
    return level_in(attribute(element, "ilvl"))


def level_in(written: str | None) -> int:
    """The level of a list that a paragraph says it is on: there are nine, from 0."""
    return min(_LEVELS - 1, max(0, claimed_number(written) or 0))


def _level(element: etree._Element) -> Level:
    return Level(value(element, "numFmt") or "decimal", value(element, "lvlText") or "", _first(value(element, "start")))


def _first(start: str | None) -> int:
    """The number that a list begins with."""
    claimed = claimed_number(start)
    return 1 if claimed is None or claimed < 0 else claimed


def printed(number: int, form: str) -> str:
    """A number in one of the forms that Word knows; one that is too large for its form in figures."""
    write = _FORMS.get(form)
    return str(number) if write is None or number > _MOST_IN_LETTERS.get(form, number) else write(number)


def chinese(number: int) -> str:
    """A number below ten thousand in Chinese."""
    if not 0 < number < 10_000:
        return str(number)
    said, gap = "", False
    for unit, name in ((1000, "千"), (100, "百"), (10, "十"), (1, "")):
        digit = number // unit % 10
        if digit:
            said += ("零" if gap and said else "") + _DIGITS[digit] + name
            gap = False
        else:
            gap = True
    return said.removeprefix("一") if said.startswith("一十") else said


def _roman(number: int) -> str:
    said = ""
    for worth, sign in (
        *((1000, "M"), (900, "CM"), (500, "D"), (400, "CD"), (100, "C"), (90, "XC"), (50, "L"), (40, "XL")),
        *((10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I")),
    ):
        said += sign * (number // worth)
        number %= worth
    return said


def _letter(number: int) -> str:
    return chr(ord("a") + (number - 1) % 26) * (1 + (number - 1) // 26)


def _circled(number: int) -> str:
    return chr(ord("①") + number - 1) if 1 <= number <= 20 else str(number)


_MOST_IN_LETTERS = {"lowerLetter": 780, "upperLetter": 780, "lowerRoman": 3999, "upperRoman": 3999}
_FORMS: Mapping[str, Callable[[int], str]] = {
    **dict.fromkeys(_CHINESE, chinese),
    "chineseLegalSimplified": lambda number: "".join(_FORMAL[int(digit)] for digit in str(number)),
    "ideographTraditional": lambda number: _STEMS[(number - 1) % len(_STEMS)],
    "lowerLetter": _letter,
    "upperLetter": lambda number: _letter(number).upper(),
    "lowerRoman": lambda number: _roman(number).lower(),
    "upperRoman": _roman,
    "decimalEnclosedCircle": _circled,
    "decimalEnclosedCircleChinese": _circled,
    "decimalZero": lambda number: f"{number:02d}",
    "none": lambda number: "",
}
