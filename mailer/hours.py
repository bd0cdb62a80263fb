"""When mail may leave: hours of the day, quiet hours, working days, by the wall clock of a zone."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

from subscribers.errors import InputError

_SPAN = re.compile(r"(\d\d?):(\d\d)-(\d\d?):(\d\d)")
_DAY_MINUTES = 24 * 60
_FARTHEST = 400  # days that an opening is looked for

IsWorkday: TypeAlias = Callable[[date], bool]


@dataclass(frozen=True, slots=True)
class Span:
    """From one minute of the day to before another; over midnight where the end is not behind the beginning."""

    begin: int
    end: int

    @classmethod
    def parse(cls, text: str) -> Span:
        """A span as people write it: `09:00-18:00`, `22:00-07:00`."""
        match = _SPAN.fullmatch(text.strip().replace("–", "-").replace("：", ":"))
        if match is not None:
            begin, end = (int(match[hour]) * 60 + int(match[hour + 1]) for hour in (1, 3))
            minutes = (int(match[2]), int(match[4]))
            if begin < _DAY_MINUTES and end <= _DAY_MINUTES and max(minutes) < 60 and begin != end % _DAY_MINUTES:
                return cls(begin, end)
        raise InputError(f"{text!r} is no span of hours. Give one like 09:00-18:00, or 22:00-07:00 over midnight.")

    def __str__(self) -> str:
        return f"{self.begin // 60:02d}:{self.begin % 60:02d}-{self.end // 60:02d}:{self.end % 60:02d}"

    def holds(self, minute: int) -> bool:
        """Whether that minute of the day is in it."""
        if self.begin < self.end:
            return self.begin <= minute < self.end
        return minute >= self.begin or minute < self.end


@dataclass(frozen=True, slots=True)
class Hours:
    """Open in the `spans` (none: all day) without the `quiet` ones, on working days or on any, by the wall clock of `zone`."""

    zone: ZoneInfo
    spans: tuple[Span, ...] = ()
    quiet: tuple[Span, ...] = ()
    workdays: bool = False

    def __post_init__(self) -> None:
        if not any(self._holds(minute) for minute in self._minutes()):
            raise InputError("the quiet hours leave nothing of the hours. Make them shorter.")

    def __str__(self) -> str:
        parts = [", ".join(map(str, self.spans))] if self.spans else []
        parts += [f"not {', '.join(map(str, self.quiet))}"] if self.quiet else []
        parts += ["on working days"] if self.workdays else []
        return f"{'; '.join(parts)} ({self.zone.key})"

    def is_open(self, moment: datetime, is_workday: IsWorkday) -> bool:
        """Whether mail may leave then."""
        local = moment.astimezone(self.zone)
        return self._holds(local.hour * 60 + local.minute) and (not self.workdays or is_workday(local.date()))

    def next_opening(self, moment: datetime, is_workday: IsWorkday) -> datetime:
        """The first moment from then on at which mail may leave. What `is_workday` raises, the caller sees."""
        if self.is_open(moment, is_workday):
            return moment
        opening = next((change for change in self._changes(moment) if self.is_open(change, is_workday)), None)
        if opening is None:
            raise InputError(f"there is no day within a year that is open {self}.")
        return opening

    def next_closing(self, moment: datetime, is_workday: IsWorkday) -> datetime:
        """The end of the stretch that an open `moment` is in; a year later at most."""
        if not (self.spans or self.quiet or self.workdays):
            return moment + timedelta(days=_FARTHEST)
        closings = (change for change in self._changes(moment) if not self.is_open(change, is_workday))
        return next(closings, moment + timedelta(days=_FARTHEST))

    def stretch(self, moment: datetime) -> tuple[datetime, datetime] | None:
        """From when until when it is open around an open `moment`, by the hours alone; None where it is open day and night."""
        if not self.spans and not self.quiet:
            return None
        by_hours = Hours(self.zone, self.spans, self.quiet)
        opened = moment - timedelta(days=2)
        for change in by_hours._changes(opened):
            if change > moment:
                break
            if not by_hours.is_open(change - timedelta(minutes=1), _any_day):
                opened = change
        return opened, by_hours.next_closing(moment, _any_day)

    def _holds(self, minute: int) -> bool:
        return (not self.spans or any(span.holds(minute) for span in self.spans)) and not any(
            span.holds(minute) for span in self.quiet
        )

    def _minutes(self) -> list[int]:
        """The minutes of a day at which anything may change."""
        return sorted({0} | {edge % _DAY_MINUTES for span in (*self.spans, *self.quiet) for edge in (span.begin, span.end)})

    def _changes(self, moment: datetime) -> Iterator[datetime]:
        """The moments after `moment`, in order, at which it may open or close; both, of those that a clock change brings twice."""
        first = moment.astimezone(self.zone).date()
        for number in range(_FARTHEST):
            midnight = datetime.combine(first + timedelta(days=number), datetime.min.time(), tzinfo=self.zone)
            walls = [midnight + timedelta(minutes=minute) for minute in self._minutes()]
            moments = sorted({wall.replace(fold=fold).astimezone(UTC) for wall in walls for fold in (0, 1)})
            yield from (change for change in moments if change > moment)

    def to_json(self) -> dict[str, object]:
        """The hours as plain JSON values."""
        spans, quiet = ([str(span) for span in some] for some in (self.spans, self.quiet))
        return {"spans": spans, "quiet": quiet, "workdays": self.workdays, "zone": self.zone.key}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Hours:
        """The hours that `to_json` wrote."""
        spans, quiet = (tuple(map(Span.parse, document[key])) for key in ("spans", "quiet"))
        return cls(ZoneInfo(document["zone"]), spans, quiet, document["workdays"])


def _any_day(_day: date) -> bool:
    return True
