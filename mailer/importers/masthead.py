"""The masthead: who publishes the bulletin, what it is called, which number of which year this is."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from mailer.importers.contents import is_contents_heading
from mailer.importers.dates import PrintedDate, find_date
from mailer.importers.entries import column_name
from mailer.importers.furniture import rules
from mailer.importers.lines import Line, columns
from mailer.importers.markers import marker_of
from mailer.importers.naming import Names, is_notice, names_imprint, names_kind, names_publisher, read_names
from mailer.importers.numbering import PrintedNumber, find_number, find_year
from mailer.importers.sources import is_source
from subscribers.errors import InputError

_CURE = (
    "Write it on a line of its own above the first article, like 2023年第9期（总第190期）, with the date, like 2023年8月3日, below. "
    "What is no whole issue goes into the next one with `jianbao article add FILE`."
)
_ANOTHER_DATE = re.compile("创刊|试刊|登记|批准|准印")  # of the publication, not of the issue
_DAY_WORDS = re.compile(
    r"\W*(?:出版|编印|编发|印发|印制|发行|发布|刊发|编辑)?(?:日期|时间)?\W*(?:出版|编印|编发|印发|发行)?"
    r"\W*(?:(?:星期|周).|[A-Za-z]+|农历.+|[甲乙丙丁戊己庚辛壬癸].年.+)?\W*"
)
_MOST_LINES = 30
_LONGEST_NAME = 60  # columns
_LONGEST_MOTTO = 40  # columns
_WIDEST = 90  # columns of a line of a masthead
_LONGEST_WITH_DATE = 24  # columns beside a date
_MOST_BETWEEN = 3  # lines that say nothing certain, between two that do


@dataclass(frozen=True, slots=True)
class _Read:
    """What one line says, and the rest of it."""

    line: Line
    number: PrintedNumber
    date: PrintedDate | None
    rest: str


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of an issue before its masthead is read. `may_be_unnumbered` says that a date is enough."""

    publisher: str = ""
    title: str = ""
    kind: str = ""
    year: int | None = None
    number: int | None = None
    total_number: int | None = None
    date: date | None = None
    may_be_unnumbered: bool = False


NOTHING_KNOWN = Known()


@dataclass(frozen=True, slots=True)
class Masthead:
    """What a masthead says; names it does not print are empty. `last_number` and `last_total_number` close double numbers (第9-10期).

    `has_total_alone` says that it numbers the issue by its total number, and by no other.
    """

    names: Names
    year: int
    number: int
    last_number: int | None
    total_number: int | None
    date: date | None
    has_total_alone: bool = False
    last_total_number: int | None = None


def read_masthead(lines: Sequence[Line], colophon: Sequence[Line], name: str, known: Known = NOTHING_KNOWN) -> Masthead:
    """What the lines of a masthead say, in whatever order they stand; publisher and date may be in the colophon instead.

    What is `known` goes before what is printed. Raises InputError, with `name` and the line, where the number or the year is
    missing, or the calendar lacks the date; a number that is only missing is 0 where there is a date.
    """
    said = [_read(line) for line in lines]
    below = [_read(line) for line in colophon]
    number, last, total, total_alone = _numbers(said, known)
    last_total = next((each.number.last_total for each in said if each.number.total == total), None) if total else None
    last = last_total if total_alone else last
    year = known.year or _year(said) or _year(below)
    first = lines[0].number if lines else 1
    if number is None and (year is None or not known.may_be_unnumbered):
        raise InputError(f"{name}:{first}: the masthead has no issue number. {_CURE}")
    if year is None:
        where = next((each.line.number for each in said if each.number.number or each.number.total), 1)
        raise InputError(f"{name}:{where}: the masthead has the number {number}, but no year. {_CURE}")
    names = read_names(each.rest for each in said)
    if not names.publisher:
        names = replace(names, publisher=read_names(each.rest for each in below).publisher)
    names = Names(known.publisher or names.publisher, known.title or names.title, known.kind or names.kind)
    day = known.date or _date([*said, *below], year, name)
    if number is None and day is None:
        raise InputError(f"{name}:{first}: the masthead has neither an issue number nor a date. {_CURE}")
    last, last_total = _above(number, last), _above(total, last_total)
    return Masthead(names, year, number or 0, last, total, day, total_alone, last_total)


def _above(first: int | None, last: int | None) -> int | None:
    """The last of two numbers, which counts on."""
    return last if first is not None and last is not None and last > first else None


def title_in(line: Line) -> str:
    """The name that a bulletin's own heading gives it, without number and date; empty where it names only who publishes it."""
    return read_names([_read(line).rest]).title


def _read(line: Line) -> _Read:
    number = find_number(line.text)
    found = find_date(number.rest)
    rest = number.rest if found is None else number.rest[: found.start] + "  " + number.rest[found.end :]
    return _Read(line, number, found, rest)


def _numbers(said: Sequence[_Read], known: Known) -> tuple[int | None, int | None, int | None, bool]:
    """The number, the one that closes a double number, the total number, and whether that had to do for the first."""
    total = known.total_number or next((each.number.total for each in said if each.number.total is not None), None)
    if known.number is not None:
        return known.number, None, total, False
    printed = next((each.number for each in said if each.number.number is not None), None)
    return (total, None, total, total is not None) if printed is None else (printed.number, printed.last, total, False)


def _year(said: Sequence[_Read]) -> int | None:
    """The year of the number, else of the date, else one that stands alone."""
    years = [each.number.year for each in said]
    years += [each.date.year for each in said if each.date is not None]
    years += [find_year(each.line.text) for each in said]
    return next((year for year in years if year is not None), None)


def _date(said: Sequence[_Read], year: int, name: str) -> date | None:
    for each in said:
        if each.date is None or _ANOTHER_DATE.search(each.line.text):
            continue
        try:
            day = each.date.in_year(year)
        except ValueError as error:
            where, text = each.line.number, each.line.text
            raise InputError(f"{name}:{where}: no calendar has the date in {text!r}. Correct the date.") from error
        if day is not None:
            return day
    return None


def masthead_length(lines: Sequence[Line]) -> int:
    """How many lines from the first belong to the masthead, in a bulletin without contents to end it.

    It reaches to the last of the short lines at the beginning that says a number, a date, a publisher or the like.
    """
    end = 0
    said: set[str] = set()
    for index, line in enumerate(lines[:_MOST_LINES]):
        below = lines[index + 1 : index + 3]
        if index - end > _MOST_BETWEEN or (_is_text(line) and not _is_dated(_read(line), below)):
            break
        facts = _facts(line, below)
        if "kind" in said and any(map(_is_text, below[1:])):
            facts -= {"kind"}  # it is a column's heading that ends like one, with a headline below
        if facts - (said - {"kind"}):
            end = index + 1
            said |= facts - {"notice", "publisher"}
    return end if said & {"number", "total"} else 0


def is_imprint(text: str) -> bool:
    """Whether a line says, and says nothing else, which issue this is or whose: 2023年8月3日, 第9期 星期四, 某某研究院主办."""
    line = Line(1, 0, text)
    read = _read(line)
    if _is_text(line):
        return False
    if read.date is not None or read.number.number is not None or read.number.total is not None:
        return _is_plain(read.rest) or _ends_with_day(read) or _DAY_WORDS.fullmatch(read.rest) is not None
    return _is_plain(text) or bool(rules([line]))


def _is_plain(rest: str) -> bool:
    """Whether nothing is left of a line but names that a masthead has."""
    return not rest.strip(" 　()（）-—,，") or names_publisher(rest) or names_kind(rest) or is_notice(rest)


def is_beyond_masthead(line: Line) -> bool:
    """Whether a line says more than a masthead does, and than a motto in it."""
    said = is_source(line.text) or ("。" in line.text and columns(line.text) > _LONGEST_MOTTO) or columns(line.text) > _WIDEST
    return said and find_date(line.text) is None and not is_notice(line.text)


def _ends_with_day(read: _Read) -> bool:
    """Whether a line is a name of any kind with a whole date behind it: 西部农业院所协作网    二〇二三年十月三十日."""
    found = read.date
    if found is None or found.year is None or found.day is None or columns(read.rest) > _LONGEST_NAME:
        return False
    behind, before = read.line.text[found.end :], read.line.text[: found.start]
    return not behind.strip(" 　)）") and before != before.rstrip()


def _is_dated(read: _Read, below: Sequence[Line]) -> bool:
    """Whether a short line has a whole date in it and no text below, so that it heads no article: 出版日期：2023年8月3日 星期四."""
    found = read.date
    if found is None or found.year is None or found.day is None or columns(read.rest) > _LONGEST_WITH_DATE:
        return False
    numbered = _DAY_WORDS.fullmatch(read.rest) is None and bool(below) and marker_of(below[0].text) is not None
    return bool(below) and not numbered and not _is_text(below[0])


def _is_text(line: Line) -> bool:
    return columns(line.text) > _WIDEST or "。" in line.text or is_source(line.text)


def _facts(line: Line, below: Sequence[Line]) -> set[str]:
    read = _read(line)
    rest = read.rest
    plain = _is_plain(rest)
    facts = {"number"} if read.number.number is not None and (plain or columns(rest) <= 30) else set()
    facts |= {"total"} if read.number.total is not None else set()
    if read.date is not None and (plain or _ends_with_day(read) or _is_dated(read, below)):
        facts |= {"date"} if read.date.day is None else {"date", "day"}
    if not facts and marker_of(line.text) is None and column_name(line.text) is None and not (below and _is_text(below[0])):
        facts |= {"publisher"} if names_publisher(line.text) else set()
        facts |= {"kind"} if names_kind(line.text) else set()
    head, _, announced = line.text.partition("：")  # 本期要目：…；…, in one line
    if (announced and is_contents_heading(head)) or is_notice(line.text) or rules([line]) or names_imprint(line.text):
        facts.add("notice")
    return facts
