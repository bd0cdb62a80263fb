"""How each row of a table stands to the list: by a column of states, by flags, or by the day on which somebody left."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import repeat

from subscribers.importing.headers import Field
from subscribers.importing.memo import Memo
from subscribers.importing.states import (
    BLOCKED,
    CLEANED,
    CONFIRMED,
    LEFT,
    UNCONFIRMED,
    Standing,
    flag_of,
    standing_of,
    sure_standing_of,
)
from subscribers.models import SubscriptionState, SuppressionReason

ON_THIS_LIST = "list:"  # What stands before the reason of a suppression that is for one list only.
_SAYING = (Field.STATE, Field.WANTED, Field.UNWANTED, Field.LEFT_AT, Field.CLEANED_AT, Field.SUPPRESSED)
_TIMES = (Field.LEFT_AT, Field.CLEANED_AT, Field.SINCE)
_CHINESE_DATE = re.compile(r"(\d{4})[年/.](\d{1,2})[月/.](\d{1,2})日?")
_MOMENTS = {Field.LEFT_AT: LEFT, Field.CLEANED_AT: CLEANED}
_FLAGS = {
    (Field.WANTED, True): CONFIRMED,
    (Field.WANTED, False): LEFT,
    (Field.UNWANTED, True): LEFT,
    (Field.UNWANTED, False): CONFIRMED,
    (Field.SUPPRESSED, True): BLOCKED,
    (Field.SUPPRESSED, False): CONFIRMED,
}
_WISHES = (SubscriptionState.CONFIRMED, SubscriptionState.UNCONFIRMED, SubscriptionState.UNSUBSCRIBED)


@dataclass(frozen=True, slots=True)
class Wanted:
    """One row's standing as it is staged (an empty string where there is nothing to say), and the word that nobody knows."""

    wish: str = ""
    suppressed: str = ""
    unknown: str = ""


@dataclass(frozen=True, slots=True)
class Staged:
    """The columns of a chunk, and the numbers of the rows with words that nobody knows."""

    wishes: Iterable[str] = repeat("")
    suppressed: Iterable[str] = repeat("")
    since: Iterable[str] = repeat("")
    until: Iterable[str] = repeat("")  # until when somebody is suppressed
    unknown: Mapping[int, str] = field(default_factory=dict)


class Standings:
    """Reads the columns that say how somebody stands to a list."""

    def __init__(self, places: Mapping[Field, int], *, states_are_others: bool = False) -> None:
        self._states_are_others = states_are_others
        self._said = [(one, places[one]) for one in _SAYING if one in places]
        self._times = [places[one] for one in _TIMES if one in places]
        self._until = places.get(Field.SUPPRESSED_UNTIL)
        self._wanted: Memo[tuple[str, ...], Wanted] = Memo(self._read)
        self._moments: Memo[str, str] = Memo(moment_of)

    def of(self, cells: Sequence[Sequence[str]]) -> Staged:
        """The standing of each row."""
        since: Iterable[str] = repeat("")
        if self._times:
            times = zip(*(cells[place] for place in self._times), strict=True)
            since = [next(filter(None, map(self._moments.__getitem__, row)), "") for row in times]
        if not self._said:
            return Staged(since=since)
        until = repeat("") if self._until is None else map(self._moments.__getitem__, cells[self._until])
        wanted = list(map(self._wanted.__getitem__, zip(*(cells[place] for _, place in self._said), strict=True)))
        unknown = {number: one.unknown for number, one in enumerate(wanted) if one.unknown}
        return Staged([one.wish for one in wanted], [one.suppressed for one in wanted], since, until, unknown)

    def _read(self, words: tuple[str, ...]) -> Wanted:
        found, unknown, scope = [CONFIRMED], "", ""
        for (one, _), cell in zip(self._said, words, strict=True):
            word = cell.strip()
            if word.startswith(ON_THIS_LIST):
                word, scope = word.removeprefix(ON_THIS_LIST), ON_THIS_LIST
            if word and one is Field.STATE and self._states_are_others:
                found += filter(None, (sure_standing_of(word),))
            elif word:
                standing = _standing(one, word)
                found.append(standing or UNCONFIRMED)
                unknown = unknown or ("" if standing else word)
        wish = max((standing.wish for standing in found), key=_WISHES.index)
        reasons = [standing for standing in sorted(found) if standing.suppressed]
        reason = reasons[-1].suppressed if reasons else None
        return Wanted("" if wish is SubscriptionState.CONFIRMED else wish.value, f"{scope}{reason}" if reason else "", unknown)


def _standing(one: Field, word: str) -> Standing | None:
    """What a word in a column says; None where nobody knows."""
    if one in _MOMENTS:
        return _MOMENTS[one]
    if one is Field.SUPPRESSED and word in set(SuppressionReason):
        return Standing(9, SubscriptionState.CONFIRMED, SuppressionReason(word))
    flag = None if one is Field.STATE else flag_of(word)
    if one is not Field.STATE and moment_of(word):  # The day on which it came to be so.
        flag = True
    return standing_of(word) if flag is None else _FLAGS[one, flag]


def moment_of(cell: str) -> str:
    """A day or a moment as PostgreSQL reads it, UTC where no zone is given; an empty string for what is neither."""
    text = _CHINESE_DATE.sub(lambda found: f"{found[1]}-{found[2]:0>2}-{found[3]:0>2}", cell.strip())
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return ""
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).isoformat()
