"""From the rows of a table to lines for the database, and to those that cannot go in, each with its reason.

Lists of a million rows come through here, so whole columns are looked at at once: a column in which nothing needs mending goes through as
it is, an ordinary address is told by one expression, and what is the same in many rows is found out once.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import repeat

from subscribers.address import Address, parse_address
from subscribers.doubts import DOUBTFUL_MAILBOXES, doubts_about
from subscribers.errors import InputError
from subscribers.importing.cells import LONGEST_TEXT, NOTHING, addresses_in, person, plain, unguarded
from subscribers.importing.columns import Columns
from subscribers.importing.headers import OWN_FIELD, Field, folded
from subscribers.importing.institute_cells import InstituteCells, NewName
from subscribers.importing.memo import Memo
from subscribers.importing.standings import Standings
from subscribers.importing.states import role_of
from subscribers.importing.table import Chunk, Row

# The columns of the lines that are made here, in this order.
STAGED = (
    "sheet", "line", "address", "canonical", "name", "role", "institute_key", "rank", "language", "phone", "fields", "wish", "suppressed",
    "since", "until", "why",
)  # fmt: skip
_ADDRESSES_IN_A_CELL = 500
_ORDINARY = re.compile(r"[a-z0-9_+-]+(?:\.[a-z0-9_+-]+)*@[a-z0-9.-]+\n")
_ALL_ORDINARY = re.compile(f"(?:{_ORDINARY.pattern})*")
_ORDINARY_LENGTH = 64
_DOMAIN = re.compile(r"@(.+)")
_MAILBOX = re.compile(r"^([^@\n]+)@", re.MULTILINE)
_STRANGE = re.compile(
    r"[\x00-\x09\x0b-\x1f\x7f-\xa0\xad\u1680\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ufeff\ufffe\uffff\ud800-\udfff\\]"
)
_MENDED_AT_THE_EDGE = ("  ", "\n ", " \n", "\n'", '\n="')
_SPOILED = re.compile(r"[.eE]")  # of a number that a spreadsheet has taken for a quantity
_LOST_DIGITS = re.compile(r"\d(?:\.\d+)?[eE]\+?\d+")
_UNKNOWN_STATE = "nobody knows what the state {!r} means: put in as unconfirmed, so that nobody writes there"
_CHINESE = re.compile(r"[\u2e80-\uffff\U00020000-\U0003ffff]")  # and Japanese and Korean
_WHOLE = re.compile(r"(\d+)\.0+")


@dataclass(frozen=True, slots=True)
class Reject:
    """A row, or one address of it, that did not go in: where, the cell as it stands, why, and what to do."""

    line: int
    address: str
    reason: str
    column: str
    sheet: str | None = None
    fields: Mapping[str, str] = field(default_factory=dict)  # what else stands in the row, by the names that an import takes


@dataclass(frozen=True, slots=True)
class Remark:
    """Something about a row that went in which staff should know; `proposal` is the address that was probably meant."""

    line: int
    address: str
    kind: str
    why: str
    proposal: str | None = None
    sheet: str | None = None


@dataclass(slots=True)
class Checked:
    """What came of a chunk: `lines` in PostgreSQL's text format of COPY, an empty string for NULL."""

    lines: str = ""
    entries: int = 0
    rejects: list[Reject] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)
    institutes: list[NewName] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Domain:
    valid: bool
    doubtful: bool


@dataclass(slots=True)
class _Entries:
    """The addresses of a chunk: the row of each, as written and in canonical form, and a name that stood beside it."""

    places: Sequence[int]
    written: Sequence[str]
    canonical: Sequence[str]
    names: dict[int, str] = field(default_factory=dict)  # by the entry's number


class Checker:
    """Checks the chunks of one table, one after the other."""

    def __init__(self, columns: Columns, *, sheet: str | None = None, sheet_number: int = 0, escaped: bool = False) -> None:
        self._columns = columns
        self._sheet = sheet
        self._sheet_number = str(sheet_number)
        self._escaped = escaped
        self._width = len(columns.names)
        self._heading = folded(columns.names[columns.address])
        self._domains: Memo[str, _Domain] = Memo(_look_at_domain)
        self._texts: Memo[str, str] = Memo(self._text)
        self._roles: Memo[str, str] = Memo(lambda cell: role_of(self._texts[cell]) or "")
        self._ranks: Memo[str, str] = Memo(_rank)
        self._institutes = InstituteCells(columns.places, self._texts)
        self._standings = Standings(columns.places, states_are_others=columns.states_are_others)

    def check(self, chunk: Chunk) -> Checked:
        """The chunk's rows as lines, rejects and remarks."""
        checked = Checked()
        rows = self._even(chunk.rows)
        cells = list(zip(*rows, strict=True))
        entries = self._addresses(cells[self._columns.address], chunk, rows, checked)
        if not entries.written:
            return checked
        checked.entries = len(entries.written)
        whole = len(entries.written) == len(rows) and not entries.names and entries.places == range(len(rows))
        chosen = cells if whole else [[column[place] for place in entries.places] for column in cells]
        lines = chunk.lines if whole else [chunk.lines[place] for place in entries.places]
        self._remark(entries, lines, checked)
        standings = self._standings.of(chosen)
        checked.remarks += [
            Remark(lines[number], entries.written[number], "state", _UNKNOWN_STATE.format(word), sheet=self._sheet)
            for number, word in standings.unknown.items()
        ]
        staged = (
            repeat(self._sheet_number),
            map(str, lines),
            entries.written,
            entries.canonical,
            self._names(chosen, entries),
            self._column(chosen, Field.ROLE, self._roles),
            self._institutes.keys(chosen, checked.institutes),
            self._column(chosen, Field.RANK, self._ranks),
            self._column(chosen, Field.LANGUAGE),
            self._phones(chosen),
            self._own(chosen),
            standings.wishes,
            standings.suppressed,
            standings.since,
            standings.until,
            self._column(chosen, Field.SUPPRESSED_WHY),
        )
        checked.lines = "\n".join(map("\t".join, zip(*staged, strict=False))) + "\n"
        return checked

    def _even(self, rows: Sequence[Row]) -> Sequence[Row]:
        width = self._width
        if set(map(len, rows)) == {width}:
            return rows
        return [[*row, *repeat("", width - len(row))] if len(row) < width else row[:width] for row in rows]

    # --- addresses -----------------------------------------------------------------------------------------------------------

    def _addresses(self, written: Sequence[str], chunk: Chunk, rows: Sequence[Row], checked: Checked) -> _Entries:
        lowered = list(map(str.lower, written))
        joined = "\n".join(lowered) + "\n"
        one_a_cell = joined.count("\n") == len(lowered)
        if one_a_cell and max(map(len, lowered)) <= _ORDINARY_LENGTH and _ALL_ORDINARY.fullmatch(joined):
            domains = set(_DOMAIN.findall(joined))
            if all(self._domains[domain].valid for domain in domains):
                return _Entries(range(len(rows)), written, lowered)
        entries = _Entries([], [], [])
        assert isinstance(entries.places, list)
        for place, (cell, low) in enumerate(zip(written, lowered, strict=True)):
            if len(low) <= _ORDINARY_LENGTH and _ORDINARY.fullmatch(f"{low}\n") and self._domains[low.rpartition("@")[2]].valid:
                self._take(entries, place, cell, low)
            else:
                for address, name in self._unusual(cell, chunk.lines[place], rows[place], checked):
                    if name:
                        entries.names[len(entries.places)] = name
                    self._take(entries, place, address.written, address.canonical)
        return entries

    @staticmethod
    def _take(entries: _Entries, place: int, written: str, canonical: str) -> None:
        for column, value in ((entries.places, place), (entries.written, written), (entries.canonical, canonical)):
            assert isinstance(column, list)
            column.append(value)

    def _unusual(self, cell: str, line: int, row: Row, checked: Checked) -> Iterator[tuple[Address, str]]:
        """The addresses in a cell that is not simply one, the rest as rejects. A blank row is nothing, nor is a heading repeated."""
        column = self._columns.names[self._columns.address]
        if not any(map(str.strip, row)) or (self._heading and folded(cell) == self._heading):
            return
        try:
            if not cell.strip():
                raise InputError("there is no address. Fill it in, or take the row out.")
            found = addresses_in(unguarded(cell) if self._escaped else cell)
            if len(found) > _ADDRESSES_IN_A_CELL:
                raise InputError(f"more than {_ADDRESSES_IN_A_CELL} addresses in a cell. Give each a row.")
        except InputError as error:
            checked.rejects.append(Reject(line, _shown(cell), str(error), column, self._sheet, self._fields(row)))
            return
        for one in found:
            try:
                yield parse_address(one.text), one.name
            except InputError as error:
                checked.rejects.append(Reject(line, _shown(one.text), str(error), column, self._sheet, self._fields(row)))

    def _fields(self, row: Row) -> dict[str, str]:
        own = {f"{OWN_FIELD}{name}": place for name, place in self._columns.own.items()}
        places = {one.value: place for one, place in self._columns.places.items()} | own
        return {name: unguarded(row[place]) if self._escaped else row[place] for name, place in places.items()}

    def _remark(self, entries: _Entries, lines: Sequence[int], checked: Checked) -> None:
        """What is doubtful about the addresses. Domains are many rows' and looked at once; a mailbox only where it is an office's."""
        joined = "\n".join(entries.canonical)
        domains, mailboxes = _DOMAIN.findall(joined), _MAILBOX.findall(joined)
        doubtful = {domain for domain in set(domains) if self._domains[domain].doubtful}
        if not doubtful and DOUBTFUL_MAILBOXES.isdisjoint(map(str.rstrip, mailboxes, repeat("0123456789"))):
            return
        for number, (domain, mailbox) in enumerate(zip(domains, mailboxes, strict=True)):
            if domain in doubtful or mailbox.rstrip("0123456789") in DOUBTFUL_MAILBOXES:
                address = Address(entries.written[number], entries.canonical[number], domain)
                checked.remarks += [
                    Remark(lines[number], address.written, doubt.kind.value, doubt.why, doubt.proposal, self._sheet)
                    for doubt in doubts_about(address)
                ]

    # --- the other columns -----------------------------------------------------------------------------------------------------

    def _column(
        self, cells: Sequence[Sequence[str]], wanted: Field, memo: Memo[str, str] | None = None
    ) -> Sequence[str] | repeat[str]:
        place = self._columns.places.get(wanted)
        if place is None:
            return repeat("")
        column = cells[place]
        if memo is not None:
            return list(map(memo.__getitem__, column))
        return column if _is_clean(column) else list(map(self._texts.__getitem__, column))

    def _names(self, cells: Sequence[Sequence[str]], entries: _Entries) -> Sequence[str] | repeat[str]:
        places = self._columns.places
        names = self._column(cells, Field.NAME)
        if not isinstance(names, repeat) and "@" in "".join(names):
            names = list(map(person, names))
        if Field.SURNAME in places:
            givens = self._column(cells, Field.GIVEN) if Field.GIVEN in places else names
            full = map(_full_name, self._column(cells, Field.SURNAME), givens)
            alone = Field.NAME not in places or Field.GIVEN not in places
            names = list(full) if alone else [name or whole for name, whole in zip(names, full, strict=False)]
        elif Field.GIVEN in places and Field.NAME not in places:
            names = self._column(cells, Field.GIVEN)
        if entries.names:
            beside = (self._texts[entries.names.get(number, "")] for number in range(len(entries.written)))
            names = [name or other for other, name in zip(beside, names, strict=False)]
        return names

    def _phones(self, cells: Sequence[Sequence[str]]) -> Sequence[str] | repeat[str]:
        phones = self._column(cells, Field.PHONE)
        if isinstance(phones, repeat) or not _SPOILED.search("\n".join(phones)):
            return phones
        return list(map(_phone, phones))

    def _own(self, cells: Sequence[Sequence[str]]) -> Sequence[str] | repeat[str]:
        if not self._columns.own:
            return repeat("")
        names = list(self._columns.own)
        columns = [cells[place] for place in self._columns.own.values()]
        return [
            _copied(
                json.dumps(
                    {name: cell for name, cell in zip(names, map(self._kept, row), strict=True) if cell}, ensure_ascii=False
                )
            )
            for row in zip(*columns, strict=True)
        ]

    def _kept(self, cell: str) -> str:
        """A cell of a field of their own: as it is, but for what a database cannot hold."""
        return (unguarded(cell) if self._escaped else cell).replace("\0", "").encode("utf-8", "ignore").decode()

    def _text(self, cell: str) -> str:
        text = plain(unguarded(cell) if self._escaped else cell)
        return _copied(text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - 1] + "…")


def _shown(cell: str) -> str:
    """A cell for a report and a database: they take neither NUL nor half a pair of surrogates, as JSON can say it."""
    text = cell.strip()[:LONGEST_TEXT].replace("\0", "\N{SYMBOL FOR NULL}")
    return text.encode("utf-8", "replace").decode()


def _look_at_domain(domain: str) -> _Domain:
    try:
        address = parse_address(f"x@{domain}")
    except InputError:
        return _Domain(valid=False, doubtful=False)
    return _Domain(valid=address.domain == domain, doubtful=bool(doubts_about(address)))


def _is_clean(column: Sequence[str]) -> bool:
    """Whether nothing in a column needs mending: no control characters, no blanks at the edges, nothing that stands for nothing."""
    joined = "\n".join(("", *column, ""))
    return (
        joined.count("\n") == len(column) + 1
        and not _STRANGE.search(joined)
        and not any(map(joined.__contains__, _MENDED_AT_THE_EDGE))
        and NOTHING.isdisjoint(column)
        and max(map(len, column)) <= LONGEST_TEXT
        and unicodedata.is_normalized("NFC", joined)
    )


def _copied(text: str) -> str:
    r"""A text as COPY takes it, where `\` and control characters are written with one."""
    return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")


def _full_name(surname: str, given: str) -> str:
    """As people write it: 张三, and Jane Doe or Jörg Müller."""
    return surname + given if _CHINESE.search(surname + given) else f"{given} {surname}".strip()


def _rank(cell: str) -> str:
    digits = cell.strip().removesuffix(".0")
    return digits if digits.isascii() and digits.isdigit() and 0 < int(digits[:6]) < 32_767 else ""


def _phone(text: str) -> str:
    """A telephone number, without what a spreadsheet has made of it; one whose last digits it has thrown away is no number."""
    if _LOST_DIGITS.fullmatch(text):
        return ""
    whole = _WHOLE.fullmatch(text)
    return whole[1] if whole else text
