"""What arrives together goes to the database in portions that it can take."""

from datetime import UTC, datetime

from mailer.feedback_models import Way
from mailer.returns.arrivals import OCTETS_AT_ONCE, Arrival, octets_of, portions

NOW = datetime(2026, 11, 27, tzinfo=UTC)


def of(octets: int) -> Arrival:
    return Arrival(Way.FILE, bytes(octets), NOW)


def test_many_octets_are_more_portions_and_one_that_is_too_large_goes_alone() -> None:
    half = of(OCTETS_AT_ONCE // 2)
    assert list(portions([half, half, of(1)], octets_of)) == [[half, half], [of(1)]]
    large = of(OCTETS_AT_ONCE + 1)
    assert list(portions([of(1), large, of(2)], octets_of)) == [[of(1)], [large], [of(2)]]


def test_many_small_ones_are_more_portions_and_nothing_is_none() -> None:
    assert [len(portion) for portion in portions([of(1)] * 450, octets_of)] == [200, 200, 50]
    assert list(portions([], octets_of)) == []
