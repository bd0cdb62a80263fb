"""Of somebody who was erased nothing is kept that comes back, whoever reads it and when."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Engine, text

from mailer import people
from mailer.feedback_models import Way
from mailer.returns.intake import place_all
from subscribers import erasing
from subscribers.address import parse_address
from tests.bounced import LI, ZHANG, autoreply, report, return_path
from tests.integration.returns.conftest import Arrive


def forget(engine: Engine) -> None:
    """Erase ZHANG."""
    with engine.begin() as connection:
        erased = erasing.erase(connection, parse_address(ZHANG), actor="staff", reason="a letter", now=datetime.now(UTC))
        people.erase(connection, erased, datetime.now(UTC))


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("erased_first", [True, False])
def test_of_somebody_erased_nothing_that_came_back_keeps_the_address(
    engine: Engine, arrive: Arrive, sent: dict[str, int], erased_first: bool, named: bool
) -> None:
    if erased_first:
        forget(engine)
    arrive(report(ZHANG), way=Way.MAILBOX, **({"to": return_path(sent[ZHANG])} if named else {}))
    arrive(report(LI), way=Way.MAILBOX)
    if not erased_first:
        forget(engine)
    with engine.connect() as connection:
        kept = connection.execute(
            text("SELECT f.*, r.content FROM feedback f LEFT JOIN feedback_raw r ON r.id = f.raw_id")
        ).all()
        assert connection.execute(text("SELECT count(*) FROM feedback_raw")).scalar_one() == 1
    assert len(kept) == 2
    assert ZHANG not in str(kept)
    assert LI in str(kept)


def test_what_was_told_once_more_goes_with_the_person_in_whatever_case_it_names_the_address(
    engine: Engine, arrive: Arrive, sent: dict[str, int]
) -> None:
    for named in (ZHANG, ZHANG.title()):
        arrive(report(named, action="delayed", status="4.4.1", diagnostic="450 try later"), to=return_path(sent[ZHANG]))
    forget(engine)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM feedback_raw")).scalar_one() == 0


def test_who_is_erased_while_what_is_known_of_them_is_read_once_more_leaves_nothing_of_it(
    engine: Engine, arrive: Arrive, sent: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    path, delay = return_path(sent[ZHANG]), {"action": "delayed", "status": "4.4.1", "diagnostic": "450 try later"}
    arrive(report(ZHANG, **delay), to=path)

    def erased_since(*given: Any) -> object:
        placed = place_all(*given)
        forget(engine)
        return placed

    monkeypatch.setattr("mailer.returns.intake.place_all", erased_since)
    arrive(report(ZHANG, **delay, note="once more"), to=path)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM feedback_raw")).scalar_one() == 0


def test_what_is_told_late_or_once_more_of_somebody_erased_leaves_nothing_whatever_address_it_names(
    engine: Engine, arrive: Arrive, sent: dict[str, int]
) -> None:
    path, delay = return_path(sent[ZHANG]), {"action": "delayed", "status": "4.4.1", "diagnostic": "450 try later"}
    arrive(report(ZHANG, **delay), to=path)
    forget(engine)
    arrive(report(ZHANG, **delay, note="once more"), to=path)
    arrive(report(ZHANG, diagnostic=f"550 5.1.1 <{ZHANG}>: User unknown"), to=path)
    arrive(
        report("zhang@forward.example", note=f"for {ZHANG}", diagnostic="552 5.2.2 zhang's is full", status="5.2.2"), to=path
    )
    arrive(autoreply("zhang.san@institute.example", path, "我是张三，在休假。"), to=path)
    with engine.connect() as connection:
        kept = [list(map(str, connection.execute(text(f"SELECT * FROM {name}")))) for name in ("feedback_raw", "feedback")]
        replies = connection.execute(text("SELECT reply FROM delivery WHERE address <> :li"), {"li": LI}).scalars().all()
    assert [len(rows) for rows in kept] == [0, 4]
    assert "zhang" not in str(kept)
    assert replies == ["250"]
