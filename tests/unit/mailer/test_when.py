"""Times as staff type them."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from mailer.when import parse_when
from subscribers.errors import InputError

NOW = datetime(2026, 11, 24, 7, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "zone", "expected"),
    [
        ("now", "Asia/Shanghai", NOW),
        ("2026-12-01 09:00", "Asia/Shanghai", datetime(2026, 12, 1, 1, 0, tzinfo=UTC)),
        ("2026-12-01T09:00:30", "Asia/Shanghai", datetime(2026, 12, 1, 1, 0, 30, tzinfo=UTC)),
        ("2026-03-29 02:30", "Europe/Berlin", datetime(2026, 3, 29, 1, 30, tzinfo=UTC)),  # left out: an hour later
        ("2026-10-25 02:30", "Europe/Berlin", datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),  # comes twice: the first
    ],
)
def test_a_wall_time_is_read_in_its_zone(text: str, zone: str, expected: datetime) -> None:
    assert parse_when(text, ZoneInfo(zone), NOW) == expected


def test_what_is_no_time_is_refused_with_an_example() -> None:
    with pytest.raises(InputError, match=r'like "2026-12-01 09:00"'):
        parse_when("tomorrow", ZoneInfo("Asia/Shanghai"), NOW)
