"""Whoever a report counts can be listed, and no more than that."""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, event, text

from mailer import people
from mailer.deliveries import Wanted, of_mailing
from mailer.models import DeliveryState, EventKind
from mailer.report import Report, mailing_report
from mailer.report.tally import Reach
from subscribers.db import transaction
from tests.integration.conftest import Jianbao
from tests.integration.report.conftest import (
    BROWSER,
    NOW,
    make_mailing_with_one_who_agreed,
    read_by,
)


def test_every_number_of_the_report_can_be_listed(engine: Engine, report: Report) -> None:
    with transaction(engine) as connection:

        def listed(**wanted: object) -> int:
            return len(list(of_mailing(connection, 1, Wanted(**wanted))))  # type: ignore[arg-type]

        assert listed() == report.total.recipients
        assert listed(unsubscribed=True) == report.total.unsubscribed == len(report.departed) == 1
        assert listed(receipt=True) == report.total.receipts == 1
        for reach in Reach:
            states = frozenset(state for state in DeliveryState if Reach.of(state) is reach)
            assert listed(states=states) == getattr(report.total, reach.value)
        assert listed(states=frozenset({DeliveryState.COMPLAINED})) == report.total.complained
        for cause in report.causes:
            assert listed(states=frozenset({cause.state}), reason=cause.reason or "") == cause.recipients
        for group in report.providers:
            assert listed(provider=group.name) == group.tally.recipients
        for group in report.provinces:
            assert listed(province=group.name or "") == group.tally.recipients
        for one in report.institutes:
            assert listed(institute=one.name) == one.tally.recipients
        assert listed(institute="") == report.elsewhere.recipients


def test_those_who_agreed_can_be_listed_and_nobody_else(engine: Engine) -> None:
    with transaction(engine) as connection:
        ids = make_mailing_with_one_who_agreed(connection)
        read_by(connection, ids, [BROWSER, BROWSER], EventKind.OPEN)
        found = mailing_report(connection, 1)
        named = list(of_mailing(connection, 1, Wanted(opened=True)))
        assert list(of_mailing(connection, 1, Wanted(clicked=True))) == []
    assert [(one.address, one.opened_at) for one in named] == [("a@x.org", NOW + timedelta(hours=2))]
    assert len(named) == found.institutes[0].agreed.openers < found.reading.openers.people == 2


def test_what_a_machine_did_is_not_told_as_a_person_s_doing(engine: Engine) -> None:
    with transaction(engine) as connection:
        ids = make_mailing_with_one_who_agreed(connection)
        read_by(connection, ids, ["curl/8", BROWSER])
        (seen,) = people.deliveries_of(connection, [1], 1)
        assert (seen.opened, seen.clicked) == (False, False)
        clicks = [one.about for one in people.history(connection, [1]) if one.what == "click"]
        assert clicks == ["2023-09, machine"]
        read_by(connection, ids, [BROWSER, BROWSER])
        (seen,) = people.deliveries_of(connection, [1], 1)
        assert (seen.opened, seen.clicked) == (False, True)


def test_the_sheet_has_a_line_for_each_recipient_and_its_columns_add_up_to_the_report(
    report: Report, jianbao: Jianbao, tmp_path: Path
) -> None:
    sheet = tmp_path / "report.csv"
    assert jianbao("mailing", "report", "1", "--csv", str(sheet)).exit_code == 0
    with sheet.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == report.total.recipients
    assert Counter(row["reach"] for row in rows) == {reach.value: getattr(report.total, reach.value) for reach in Reach}
    assert Counter(row["province"] or None for row in rows) == {g.name: g.tally.recipients for g in report.provinces}
    assert Counter(row["provider"] for row in rows) == {g.name: g.tally.recipients for g in report.providers}
    assert sum(bool(row["receipt_at"]) for row in rows) == report.total.receipts == 1
    assert sum(bool(row["unsubscribed_at"]) for row in rows) == report.total.unsubscribed == 1
    causes = Counter((row["state"], row["reason"] or None) for row in rows if row["reach"] != "reached")
    assert causes == {(cause.state, cause.reason): cause.recipients for cause in report.causes}
    (full,) = (row for row in rows if row["reason"] == "mailbox_full")
    assert (full["cause"], full["reply"], full["attempts"]) == ("邮箱已满", "552 <b>full</b>", "0")
    assert {row["cause"] for row in rows if row["reach"] == "reached"} == {""}


def test_a_report_while_mail_is_sent_is_of_one_moment_with_its_sheet(
    engine: Engine, report: Report, jianbao: Jianbao, tmp_path: Path
) -> None:
    """Whatever a server answers between two of its statements."""
    del report
    answered = "UPDATE delivery SET state = 'accepted', settled_at = now() WHERE id = (SELECT min(id) FROM delivery WHERE state = :state)"
    answers = iter(DeliveryState)

    def meanwhile(connection: Connection, *_: object) -> None:
        if connection.engine is not engine and (state := next(answers, None)):
            with engine.begin() as worker:
                worker.execute(text(answered), {"state": state.value})

    event.listen(Engine, "after_cursor_execute", meanwhile)
    try:
        told = json.loads(jianbao("mailing", "report", "1", "--csv", str(tmp_path / "report.csv"), "--json").stdout)
    finally:
        event.remove(Engine, "after_cursor_execute", meanwhile)
    with (tmp_path / "report.csv").open(encoding="utf-8-sig", newline="") as file:
        states = Counter(row["state"] for row in csv.DictReader(file))
    counts, total = told["counts"], told["report"]["total"]
    assert {state: counts[state] for state in states} == states
    assert counts["accepted"] + counts["complained"] == total["reached"] == told["report"]["issues"][-1]["reached"]


@pytest.mark.parametrize(
    ("words", "addresses"),
    [
        (("--reach", "open"), ["d@bj.example.org"]),
        (("--reach", "reached", "--state", "complained"), ["g@single.example.org"]),
        (("--province", "云南", "--state", "bounced"), ["b@yn.example.org"]),
        (("--reach", "open", "--state", "bounced"), []),
    ],
)
def test_numbers_are_listed_from_the_command_line(
    report: Report, jianbao: Jianbao, words: Sequence[str], addresses: list[str]
) -> None:
    del report
    listed = jianbao("mailing", "deliveries", "1", *words, "--json").output.splitlines()
    assert [json.loads(line)["address"] for line in listed] == addresses


@pytest.mark.parametrize("command", ["show", "report"])
def test_the_terminal_says_that_opens_and_clicks_are_machines_too(report: Report, jianbao: Jianbao, command: str) -> None:
    shown = jianbao("mailing", command, "1").output
    assert (report.reading.clickers.people, report.reading.clickers.total) == (0, 2)
    assert re.search(r"clicked, by people or machines +2\n", shown)
