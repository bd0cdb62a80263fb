"""Times as staff type them, in the zone that they live in."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from subscribers.errors import InputError

_FORMS = ("%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S")


def parse_when(text: str, zone: ZoneInfo, now: datetime) -> datetime:
    """`now`, or a wall time like `2026-12-01 09:00` in `zone`; the answer is in UTC.

    A time that a clock change leaves out is taken an hour later, one that it brings twice is the first of the two.
    """
    if text == "now":
        return now
    for form in _FORMS:
        try:
            wall = datetime.strptime(text, form)  # noqa: DTZ007 - the zone is put on below
        except ValueError:
            continue
        # fold=0: of an ambiguous time the first; a missing one is read with the offset before the change, which is later.
        return wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    raise InputError(f'{text!r} is not a time. Give `now`, or a time of {zone.key} like "2026-12-01 09:00".')


def parse_day(text: str, zone: ZoneInfo) -> datetime:
    """The beginning of a day like `2026-12-01` in `zone`, in UTC."""
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=zone).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise InputError(f"{text!r} is not a day. Give one like 2026-12-01.") from error
