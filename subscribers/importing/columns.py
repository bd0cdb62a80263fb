"""Which column of a table holds what: by its name, by what stands in it, or as `--map` says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from subscribers.errors import InputError
from subscribers.importing.cells import holds_addresses
from subscribers.importing.headers import (
    ABOUT_A_REJECT,
    OWN_FIELD,
    WORDS,
    Field,
    address_place,
    field_of,
    folded,
    is_heading,
    preference,
)
from subscribers.importing.states import is_state_word
from subscribers.importing.table import Row

_HEADING_WITHIN = 20
_SIDE_BY_SIDE = (
    "several columns {!r} hold addresses. Put what stands side by side below each other, or give them names of their own."
)
_INSTITUTE_ENDINGS = tuple(WORDS["cells"]["institute_endings"])


@dataclass(frozen=True, slots=True)
class Columns:
    """Where each field stands. `rows_above` rows of the table are its heading and what stands above it; `notes` are for people.

    `states_are_others`: the column of states mostly holds words for something else. `passed_over` are other columns of addresses.
    """

    names: tuple[str, ...]
    address: int
    places: Mapping[Field, int] = field(default_factory=dict)
    own: Mapping[str, int] = field(default_factory=dict)
    rows_above: int = 0
    notes: tuple[str, ...] = ()
    states_are_others: bool = False
    passed_over: tuple[str, ...] = ()


def find_columns(sample: Sequence[Row], header: Row | None, chosen: Mapping[str, str], where: str) -> Columns | None:
    """The columns of a table that begins with `sample`; None where it holds no addresses at all.

    InputError, with `where`, says what to tell `--map` where more than one column may be meant.
    """
    above, names = (0, tuple(header)) if header is not None else _heading(sample, chosen)
    rows = sample[above:]
    width = max([len(names), *map(len, rows)])
    names = (*names, *(f"column {number}" for number in range(len(names) + 1, width + 1)))
    mapped = _mapped(names, chosen, where)
    notes: list[str] = []
    passed_over: list[str] = []
    address = mapped.get(Field.ADDRESS)
    if address is None:
        address, passed_over = _address(names, rows, set(mapped.values()), where, notes)
    headless = above == 0 and header is None
    if address is None or (headless and Field.ADDRESS not in mapped and not _is_list(rows, address)):
        return None
    places, own, left_out = _others(names, rows, address, chosen, mapped, headed=above > 0 or header is not None)
    if headless:
        places |= _by_content(rows, address, {*places.values(), *own.values()})
        left_out = [name for name in left_out if names.index(name) not in places.values()]
    if left_out:
        notes.append(
            f"left out: {', '.join(left_out)}. `--map COLUMN=FIELD` takes a column in, `--map COLUMN=field.NAME` as your own."
        )
    others = next((place for place, name in enumerate(names) if name in left_out and field_of(name) is Field.STATE), None)
    if others is not None and Field.STATE not in places:
        places[Field.STATE] = others
        notes.append(f"of {names[others]!r} only what speaks of mail alone is understood, such as unsubscribed or 退订.")
    return Columns(names, address, places, own, above, tuple(notes), others is not None, tuple(passed_over))


def _heading(sample: Sequence[Row], chosen: Mapping[str, str]) -> tuple[int, tuple[str, ...]]:
    """How many rows there are before the first of people, and the names of the columns."""
    for place, row in enumerate(sample[:_HEADING_WITHIN]):
        cells = [cell.strip().lstrip("\ufeff") for cell in row]
        if is_heading(cells) or (chosen and set(chosen) <= set(cells)):
            return place + 1, tuple(cells)
        if any(mentions_address(cell) for cell in row):
            break
    first = next(
        (place for place, row in enumerate(sample[:_HEADING_WITHIN]) if any(mentions_address(cell) for cell in row)), None
    )
    if first:  # What stands right above the first address may be a heading with names that nobody knows.
        above = [cell.strip() for cell in sample[first - 1]]
        column = next(place for place, cell in enumerate(sample[first]) if mentions_address(cell))
        if len(above) > column and above[column] and sum(map(bool, above)) > 1:
            return first, tuple(above)
    return 0, ()


def _mapped(names: Sequence[str], chosen: Mapping[str, str], where: str) -> dict[str, int]:
    mapped: dict[str, int] = {}
    for column, wanted in chosen.items():
        if column not in names:
            known = ", ".join(name for name in names if name)
            raise InputError(f"{where}: there is no column {column!r} for --map. There are: {known}.")
        if wanted in mapped:
            raise InputError(f"{where}: --map gives {wanted} two columns. Give it one.")
        if wanted == Field.ADDRESS and names.count(column) > 1:
            raise InputError(f"{where}: {_SIDE_BY_SIDE.format(column)}")
        if wanted != "-":
            mapped[wanted] = names.index(column)
    return mapped


def _address(
    names: Sequence[str], rows: Sequence[Row], taken: set[int], where: str, notes: list[str]
) -> tuple[int | None, list[str]]:
    """The column of the addresses, where there is one, and the names of those that hold addresses too."""
    filled = {
        column: sum(mentions_address(_cell(row, column)) for row in rows) for column in range(len(names)) if column not in taken
    }
    named = {
        column: place for column, name in enumerate(names) if column in filled and (place := address_place(name)) is not None
    }
    likely = {column: place for column, place in named.items() if filled[column]} or named
    if not likely:
        by_content = [column for column, count in filled.items() if count and count * 2 >= max(filled.values())]
        if len(by_content) > 1:
            raise _ambiguous(names, by_content, where)
        if by_content and any(names):
            notes.append(f"the addresses are taken from {names[by_content[0]]!r}.")
        return (by_content[0] if by_content else None), []
    exact = [column for column, place in likely.items() if place == min(likely.values())]
    best = [column for column, place in likely.items() if place // 1000 == min(likely.values()) // 1000]
    rivals = [column for column in best if column not in exact[:1] and _differs(rows, exact[0], column)]
    if rivals:
        raise _ambiguous(names, [exact[0], *rivals], where)
    others = [names[column] for column in likely if column != exact[0]]
    if others:
        notes.append(f"the addresses are taken from {names[exact[0]]!r}, and not from {', '.join(others)}.")
    return exact[0], others


def _differs(rows: Sequence[Row], one: int, other: int) -> bool:
    return any(
        mentions_address(_cell(row, other)) and _cell(row, one).strip().lower() != _cell(row, other).strip().lower()
        for row in rows
    )


def _ambiguous(names: Sequence[str], columns: Sequence[int], where: str) -> InputError:
    first = names[min(columns)]
    if all(names[column] == first for column in columns):
        return InputError(f"{where}: {_SIDE_BY_SIDE.format(first)}")
    which = [repr(names[column]) for column in sorted(columns)]
    return InputError(f"{where}: {' and '.join(which)} both hold addresses. Say which to take: --map {first}=address.")


def _others(
    names: Sequence[str],
    rows: Sequence[Row],
    address: int,
    chosen: Mapping[str, str],
    mapped: Mapping[str, int],
    *,
    headed: bool,
) -> tuple[dict[Field, int], dict[str, int], list[str]]:
    places = {Field(wanted): column for wanted, column in mapped.items() if wanted in set(Field)}
    own = {wanted.removeprefix(OWN_FIELD): column for wanted, column in mapped.items() if wanted.startswith(OWN_FIELD)}
    places.pop(Field.ADDRESS, None)
    candidates: dict[Field, list[int]] = {}
    left_out: list[str] = []
    for column, name in enumerate(names):
        if column == address or name in chosen or name in ABOUT_A_REJECT:
            continue
        if name.startswith(OWN_FIELD):
            own[name.removeprefix(OWN_FIELD)] = column
        elif (known := field_of(name)) and known is not Field.ADDRESS and known not in places and _fits(known, rows, column):
            candidates.setdefault(known, []).append(column)
        elif headed and name and address_place(name) is None and any(_cell(row, column).strip() for row in rows):
            left_out.append(name)
    for known, columns in candidates.items():
        filled = [column for column in columns if any(_cell(row, column).strip() for row in rows)] or columns
        first = min(filled, key=lambda column: preference(names[column]))
        places[known] = first
        left_out += [names[column] for column in filled if column != first]
    return places, own, left_out


def _fits(known: Field, rows: Sequence[Row], column: int) -> bool:
    """Whether a column that may be a state's by its name is one by its words: `状态` may say who has retired."""
    if known is not Field.STATE:
        return True
    words = [word for row in rows if (word := _cell(row, column).strip())]
    return sum(map(is_state_word, words)) * 2 >= len(words)


def _by_content(rows: Sequence[Row], address: int, taken: set[int]) -> dict[Field, int]:
    """In a table without a heading: the column of institutes, by how their names end, and the first other one of short texts."""
    places: dict[Field, int] = {}
    for column in range(max(map(len, rows), default=0)):
        words = [folded(_cell(row, column)) for row in rows if _cell(row, column).strip()]
        if column == address or column in taken or not words:
            continue
        if sum(word.endswith(_INSTITUTE_ENDINGS) for word in words) * 2 > len(words):
            places.setdefault(Field.INSTITUTE, column)
        elif all(word.isdigit() for word in words):
            if all(len(word) >= 7 for word in words):
                places.setdefault(Field.PHONE, column)
        elif sum(len(word) for word in words) <= 12 * len(words):
            places.setdefault(Field.NAME, column)
    return places


def _is_list(rows: Sequence[Row], address: int) -> bool:
    """Whether at least half of a table without a heading has addresses in that column, and not a sentence that mentions one."""
    filled = [row for row in rows if any(map(str.strip, row))]
    return sum(holds_addresses(_cell(row, address)) for row in filled) * 2 >= len(filled)


def _cell(row: Row, column: int) -> str:
    return row[column] if column < len(row) else ""


def mentions_address(cell: str) -> bool:
    """Whether there is the sign of an address in a cell."""
    return "@" in cell or "＠" in cell
