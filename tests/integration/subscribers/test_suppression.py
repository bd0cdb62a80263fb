"""Suppressions against a real PostgreSQL: what replaces what, and who may lift which."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine

from subscribers import suppression
from subscribers.models import SuppressionReason
from subscribers.suppression import LiftedBy, NewSuppression

NOW = datetime(2026, 11, 20, 8, tzinfo=UTC)
HASH = b"\1" * 32
DAY = timedelta(days=1)


def reasons_after(engine: Engine, *wanted: NewSuppression) -> list[SuppressionReason]:
    with engine.begin() as connection:
        for one in wanted:
            suppression.suppress(connection, [one])
        return [record.reason for record in suppression.of_address(connection, HASH)]


def new(reason: str, since: datetime = NOW, until: datetime | None = None) -> NewSuppression:
    return NewSuppression(HASH, SuppressionReason(reason), "a test", since, until=until)


@pytest.mark.parametrize(
    ("first", "second", "stands"),
    [
        (new("hard_bounce"), new("complaint"), "complaint"),
        (new("complaint"), new("hard_bounce"), "complaint"),
        (new("erased"), new("staff"), "erased"),
        (new("hard_bounce"), new("staff", until=NOW + DAY), "hard_bounce"),
        (new("soft_bounce", until=NOW + DAY), new("soft_bounce"), "soft_bounce"),
        (new("complaint", until=NOW), new("soft_bounce", since=NOW + DAY), "soft_bounce"),
    ],
)
def test_none_is_weakened_or_shortened(engine: Engine, first: NewSuppression, second: NewSuppression, stands: str) -> None:
    assert reasons_after(engine, first, second) == [stands]


def test_of_several_for_one_address_the_strongest_counts(engine: Engine) -> None:
    with engine.begin() as connection:
        assert suppression.suppress(connection, [new("hard_bounce"), new("unsubscribed"), new("soft_bounce")]) == 1
        assert [record.reason for record in suppression.of_address(connection, HASH)] == ["unsubscribed"]


def test_what_stands_already_changes_nothing(engine: Engine) -> None:
    with engine.begin() as connection:
        assert suppression.suppress(connection, [new("complaint")]) == 1
        assert suppression.suppress(connection, [new("complaint", since=NOW + DAY)]) == 0
        assert suppression.of_address(connection, HASH)[0].since == NOW


@pytest.mark.parametrize("reason", list(SuppressionReason))
def test_staff_lift_what_an_address_did_and_the_person_what_the_person_did(engine: Engine, reason: SuppressionReason) -> None:
    staff_may = reason in {SuppressionReason.HARD_BOUNCE, SuppressionReason.SOFT_BOUNCE, SuppressionReason.STAFF}
    reasons_after(engine, new(reason))
    with engine.begin() as connection:
        assert bool(suppression.lift(connection, HASH, LiftedBy.STAFF)) is staff_may
        suppression.suppress(connection, [new(reason)])
        assert bool(suppression.lift(connection, HASH, LiftedBy.PERSON)) is (reason is not SuppressionReason.STAFF)
