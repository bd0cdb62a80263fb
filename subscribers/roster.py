"""The association's list of members from a file: institutes that are new, and what is known of those that are there."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import chain
from types import MappingProxyType

from sqlalchemy import Connection

from subscribers import memberships
from subscribers.errors import InputError
from subscribers.importing.cells import plain, unguarded
from subscribers.importing.formats import tables_of
from subscribers.importing.headers import WORDS, folded
from subscribers.importing.reading import HIDDEN
from subscribers.importing.source import Source
from subscribers.importing.table import Row
from subscribers.institutes import by_names, may_be
from subscribers.models import InstituteStatus, NameKind

_HEADING_WITHIN = 20
_OWN = "field."
_LISTED = frozenset({"short_name", "former"})  # Of these several may stand in a cell, also below each other.
_NO_NAMES = "left out, since no column of it holds institutes' names. Call one 单位名称 or name."

# What a column is called, as `folded` leaves it. The names that lists of people use for an institute's columns are known here too.
_COLUMNS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "name": (*WORDS["columns"]["institute"], "名称", "全称", "单位全称", "会员名称", "院所全称", "name", "fullname"),
        "short_name": ("简称", "单位简称", "缩写", "別稱", "简写", "shortname", "short", "abbreviation"),
        "former": ("曾用名", "原名", "原单位名称", "旧名", "历史名称", "formername", "formernames", "formerly"),
        "province": tuple(WORDS["columns"]["province"]),
        "city": tuple(WORDS["columns"]["city"]),
        "kind": (*WORDS["columns"]["institute_kind"], "类型", "类别", "性质", "kind", "type"),
        "membership_number": (*WORDS["columns"]["membership_number"], "编号", "number"),
        "status": ("状态", "会员状态", "会籍", "会籍状态", "status"),
        "since": ("入会时间", "入会日期", "加入时间", "加入日期", "入会年份", "入会", "since", "joined", "membersince"),
        "until": ("退会时间", "退会日期", "退出时间", "退会", "until", "left"),
        "notes": ("备注", "说明", "注", "notes", "note", "remarks", "comment"),
    }
)
_FIELD_OF: Mapping[str, str] = MappingProxyType(
    {word: name for name, words in reversed(list(_COLUMNS.items())) for word in words}
)
_STATUS: Mapping[str, InstituteStatus] = MappingProxyType(
    dict.fromkeys(
        ("member", "会员", "会员单位", "正式会员", "正式", "在会", "在册", "正常", "有效", "是", "active"),
        InstituteStatus.MEMBER,
    )
    | dict.fromkeys(
        ("candidate", "候选", "候补", "预备", "预备会员", "申请", "申请中", "待批", "观察员"), InstituteStatus.CANDIDATE
    )
    | dict.fromkeys(
        ("former", "退会", "已退会", "退出", "已退出", "注销", "已注销", "撤销", "否", "left"), InstituteStatus.FORMER
    )
)
_DAY = re.compile(r"(?P<year>(?:19|20)\d\d)(?:\D(?P<month>\d{1,2})(?:\D(?P<day>\d{1,2}))?)?\D?(?: 00:00:00)?")
_SERIAL = re.compile(r"[2-7]\d{4}")  # a day as a spreadsheet counts it, in a cell that has lost its format
_SERIALS_BEGIN = date(1899, 12, 30)
_SUM = re.compile(r"[合总小共]\s*计(?:[\W\d].*)?")
_SEVERAL = re.compile(r"[;；,，、/|\n]+")


@dataclass(frozen=True, slots=True)
class Entry:
    """One institute as the file has it: `values` are columns of its record, those that are filled; `also` are its other names."""

    line: int
    name: str
    values: Mapping[str, object] = field(default_factory=dict)
    also: Sequence[tuple[str, NameKind]] = ()


@dataclass(frozen=True, slots=True)
class RosterReject:
    """A row that cannot go in, and why."""

    line: int
    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class RosterOutcome:
    """What an import of institutes did: each row is in one of created, updated, unchanged and rejected."""

    rows: int
    created: int
    updated: int
    unchanged: int
    rejected: int
    rejects: Sequence[RosterReject]
    left_out: Sequence[str]
    notes: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Roster:
    """A file as it is understood; `left_out` are the columns of which nothing is known, `notes` say which sheets are left out."""

    entries: Sequence[Entry]
    rejects: Sequence[RosterReject]
    left_out: Sequence[str]
    notes: Sequence[str] = ()


def read_roster(source: Source) -> Roster:
    """The institutes of a file: CSV, XLSX, JSON lines or one name a line. InputError where no column holds names."""
    entries: list[Entry] = []
    rejects: list[RosterReject] = []
    left_out: list[str] = []
    notes: list[str] = []
    begins: list[str] = []
    found = False
    for table in tables_of(source):
        rows = ((line, row) for chunk in table.chunks for line, row in zip(chunk.lines, chunk.rows, strict=True))
        seen: list[tuple[int, Row]] = []
        heading = _heading(rows, table.header, seen, plainly=not found)
        if heading is None:
            begins = begins or [plain(cell) for cell in (seen[0][1] if seen else table.header or ())[:8]]
            if table.hidden or seen:
                notes.append(f"{table.title}: {HIDDEN if table.hidden else _NO_NAMES}")
            continue
        found = True
        fields, unknown, rest = heading
        left_out += unknown
        for line, row in rest:
            written = {name: unguarded(row[at]) if table.escaped else row[at] for at, name in fields.items() if at < len(row)}
            cells = {name: plain("；".join(cell.splitlines()) if name in _LISTED else cell) for name, cell in written.items()}
            repeated = _FIELD_OF.get(folded(cells.get("name", ""))) == "name"  # the heading of another page
            if repeated or not any(cells.values()):
                continue
            try:
                if _SUM.fullmatch(next(filter(None, map(plain, row)), "")):
                    raise InputError("this is a line of sums, and no institute. Take it out.")
                entries.append(_entry(line, cells))
            except InputError as error:
                rejects.append(RosterReject(line, cells.get("name", ""), str(error)))
    if not found:
        raise InputError(
            f"{source.name}: no column holds the institutes' names. It begins with: {', '.join(begins)}. Call one 单位名称 or name."
        )
    return Roster(entries, rejects, left_out, notes)


def apply_roster(
    connection: Connection, roster: Roster, *, update: bool, actor: str, tell: Callable[[int], None] = lambda _rows: None
) -> RosterOutcome:
    """Make the institutes that are new; with `update`, fill and change what is known of the others. Nothing is taken away.

    `tell` hears how many are done.
    """
    rejects = list(roster.rejects)
    done = {"created": 0, "updated": 0, "unchanged": 0}
    for number, entry in enumerate(roster.entries, 1):
        try:
            with connection.begin_nested():
                done[_apply(connection, entry, update=update, actor=actor)] += 1
        except InputError as error:
            rejects.append(RosterReject(entry.line, entry.name, str(error)))
        tell(number)
    rows = len(roster.entries) + len(roster.rejects)
    rejects.sort(key=lambda reject: reject.line)
    return RosterOutcome(rows, **done, rejected=len(rejects), rejects=rejects, left_out=roster.left_out, notes=roster.notes)


def _apply(connection: Connection, entry: Entry, *, update: bool, actor: str) -> str:
    named = by_names(connection, [entry.name])
    if named.ambiguous:
        raise InputError(f"{may_be(entry.name, named.ambiguous[entry.name])}. Write the whole name.")
    number = entry.values.get("membership_number")
    by_number = memberships.by_number(connection, str(number)) if number else None
    known = named.ids.get(entry.name, by_number)
    if by_number is not None and by_number != known:
        holder = memberships.read(connection, by_number).name
        raise InputError(f"the membership number {number} is that of {holder}. Mend one of the two.")
    if known is None:
        made = memberships.create(connection, entry.name, entry.values, actor=actor)
        memberships.call(connection, made, entry.also)
        return "created"
    if not update:
        return "unchanged"
    changed = memberships.amend(connection, known, entry.values, actor=actor) if entry.values else False
    called = memberships.call(connection, known, [*entry.also, *_as_short(entry, named.ids)])
    return "updated" if called or changed else "unchanged"


def _as_short(entry: Entry, ids: Mapping[str, int]) -> list[tuple[str, NameKind]]:
    """A name that nobody knows beside a number that is known finds the institute from now on; to give it that name is for `rename`."""
    return [] if entry.name in ids else [(entry.name, NameKind.SHORT)]


def _heading(
    rows: Iterator[tuple[int, Row]], header: Row | None, seen: list[tuple[int, Row]], *, plainly: bool
) -> tuple[dict[int, str], list[str], Iterator[tuple[int, Row]]] | None:
    """Which column holds what, the names of the others, and the rows below; None where none holds names. `seen` gets the rows above.

    A table of one column is one of names, where it may be `plainly`: beside a list of institutes it is somebody's remarks.
    """
    if header is not None:
        fields, unknown = _fields(header)
        if "name" in fields.values():
            return fields, unknown, rows
    for line, row in rows:
        fields, unknown = _fields(row)
        if "name" in fields.values():
            return fields, unknown, rows
        seen.append((line, row))
        if len(seen) == _HEADING_WITHIN:
            break
    if plainly and seen and all(sum(map(bool, map(plain, row))) <= 1 for _, row in seen):
        return {0: "name"}, [], chain(seen, rows)
    return None


def _fields(row: Row) -> tuple[dict[int, str], list[str]]:
    fields: dict[int, str] = {}
    unknown = []
    for place, cell in enumerate(row):
        heading = plain(cell)
        found = heading if heading.startswith(_OWN) else _FIELD_OF.get(folded(heading)) if heading else None
        if found and found not in fields.values():
            fields[place] = found
        elif heading:
            unknown.append(heading)
    return fields, unknown


def _entry(line: int, cells: Mapping[str, str]) -> Entry:
    name = cells.get("name", "")
    if not name:
        raise InputError("the name is missing. Write it.")
    if "@" in name:
        raise InputError(
            f"{name[:60]!r} is an address and not an institute's name. People come in by `jianbao subscriber import`."
        )
    values: dict[str, object] = {
        one: cells[one] for one in ("province", "city", "kind", "membership_number", "notes") if cells.get(one)
    }
    values |= {one: _day(cells[one]) for one in ("since", "until") if cells.get(one)}
    if status := cells.get("status"):
        values["status"] = _status(status).value
    own = {one.removeprefix(_OWN): cell for one, cell in cells.items() if one.startswith(_OWN) and cell}
    if own:
        values["fields"] = own
    shorts = _SEVERAL.split(cells["short_name"]) if cells.get("short_name") else []
    if shorts:
        values["short_name"] = shorts[0].strip()
    also = [(one.strip(), NameKind.SHORT) for one in shorts[1:]]
    also += [(one.strip(), NameKind.FORMER) for one in _SEVERAL.split(cells.get("former", ""))]
    return Entry(line, name, values, [(one, kind) for one, kind in also if one])


def _status(word: str) -> InstituteStatus:
    found = _STATUS.get(folded(word))
    if found is None:
        raise InputError(f"{word!r} is no status. Write 会员 (member), 候选 (candidate) or 退会 (former).")
    return found


def _day(text: str) -> date:
    found = _DAY.fullmatch(text)
    try:
        if _SERIAL.fullmatch(text):
            return _SERIALS_BEGIN + timedelta(days=int(text))
        if found:
            return date(int(found["year"]), int(found["month"] or 1), int(found["day"] or 1))
    except ValueError:
        pass
    raise InputError(f"{text!r} is no day. Write one like 2012-05-01.")
