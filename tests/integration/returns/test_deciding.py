"""What is decided over several issues, by sessions and by staff."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from sqlalchemy import Engine, text

from mailer import departures, mailings, past, people
from mailer.feedback_models import Way
from mailer.reply import ReplyTable
from mailer.returns import session
from mailer.returns.policies import Policies, set_policy
from mailer.returns.reinstating import reinstate
from mailer.tokens import Purpose
from subscribers import merging, records, suppression
from subscribers.address import parse_address
from subscribers.errors import InputError
from subscribers.models import SuppressionReason
from subscribers.subscriptions import Wish, confirm
from subscribers.suppression import LiftedBy, NewSuppression
from tests import factories
from tests.bounced import (
    FULL,
    LI,
    TOKENS,
    ZHANG,
    autoreply,
    complaint,
    complaints_table,
    deliveries,
    message_id,
    report,
    return_path,
    settle_all,
)
from tests.integration.returns.conftest import Arrive, facts, send, suppressions, tasks

TABLE = ReplyTable.load()


def days_ago(engine: Engine, days: int) -> None:
    """Let all mailings so far have been in the past."""
    with engine.begin() as connection:
        connection.execute(text("UPDATE mailing SET started_at = started_at - make_interval(days => :days)"), {"days": days})


def next_issue(engine: Engine, days: int = 31) -> dict[str, int]:
    """The next issue, so many days later, to the same people."""
    days_ago(engine, days)
    with engine.begin() as connection:
        connection.execute(text("UPDATE issue SET number = number + 100, total_number = NULL"))
        connection.execute(text("UPDATE mailing SET status = 'finished', finished_at = started_at"))
        before = connection.execute(text("SELECT COALESCE(max(id), 0) FROM delivery")).scalar_one()
    factories.schedule(engine, [ZHANG, LI])
    factories.start(engine)
    with engine.begin() as connection:
        connection.execute(
            text("UPDATE delivery SET state = 'accepted', reply = '250 ok' WHERE id > :before AND state = 'pending'"),
            {"before": before},
        )
        rows = connection.execute(text("SELECT address, id FROM delivery WHERE id > :before"), {"before": before})
        return {row.address: row.id for row in rows}


def test_a_full_mailbox_ends_an_address_after_three_issues_in_a_row_and_says_so(engine: Engine, arrive: Arrive) -> None:
    for _ in range(3):
        assert suppressions(engine) == {}
        sent = next_issue(engine, days=14)
        arrive(report(ZHANG, **FULL), to=return_path(sent[ZHANG]))
    assert suppressions(engine) == {ZHANG: "soft_bounce"}
    with engine.connect() as connection:
        subscriber = connection.execute(text("SELECT id FROM subscriber WHERE address = :zhang"), {"zhang": ZHANG}).scalar_one()
        told = [one.about for one in people.history(connection, [subscriber])]
    for because in ("score 0 → 1/3", "score 1/3 → 2/3", "score 2/3 → 1, the address ends"):
        assert f"full counts 1/3: {because}, 552 5.2.2 Mailbox full" in told
    next_issue(engine)
    assert factories.states(engine)[ZHANG] == "skipped"


def test_an_issue_that_is_delivered_begins_the_count_anew(engine: Engine, arrive: Arrive) -> None:
    for number in range(4):
        sent = next_issue(engine, days=14)
        if number != 2:
            arrive(report(ZHANG, **FULL), to=return_path(sent[ZHANG]))
    assert suppressions(engine) == {}


@pytest.mark.parametrize("fault", [FULL, {"status": "5.2.1", "diagnostic": "550 5.2.1 Mailbox disabled"}])
def test_an_issue_that_was_delivered_long_ago_has_made_good_what_went_before(
    engine: Engine, arrive: Arrive, fault: dict[str, str]
) -> None:
    """An annual letter, or somebody who was gone for years: between two faults lies an issue that came."""
    for number in range(3):
        sent = next_issue(engine, days=450)
        if number != 1:
            arrive(report(ZHANG, **fault), to=return_path(sent[ZHANG]))
    assert suppressions(engine) == {}
    next_issue(engine, days=450)
    sent = next_issue(engine, days=450)
    arrive(report(ZHANG, **fault), to=return_path(sent[ZHANG]))
    assert suppressions(engine) == {}
    assert [standing for standing, _, _ in facts(engine)] == ["scored"] * 3


@pytest.mark.parametrize(("words", "ends"), [("本人已离职。", True), ("本人出差，下周返回。", False)])
def test_the_answer_of_one_who_has_left_makes_nothing_good(engine: Engine, arrive: Arrive, words: str, ends: bool) -> None:
    for _ in range(3):
        sent = next_issue(engine, days=14)
        arrive(report(ZHANG, **FULL), autoreply(ZHANG, "news@sender.example", words), to=return_path(sent[ZHANG]))
    assert suppressions(engine) == ({ZHANG: "soft_bounce"} if ends else {})


def test_what_comes_back_late_is_decided_where_its_delivery_is_of_the_past(
    engine: Engine, arrive: Arrive, sent: dict[str, int]
) -> None:
    with engine.begin() as connection:
        connection.execute(text("UPDATE mailing SET status = 'finished', finished_at = now()"))
        assert past.move_long_past(connection, datetime.now(UTC) + timedelta(days=1)) == len(sent)
    arrive(report(ZHANG), to=return_path(sent[ZHANG]))
    assert suppressions(engine) == {ZHANG: "hard_bounce"}
    assert factories.states(engine) == {ZHANG: "bounced", LI: "accepted"}


def test_a_report_that_comes_while_its_delivery_moves_is_not_lost(engine: Engine, arrive: Arrive, sent: dict[str, int]) -> None:
    with engine.begin() as connection:
        connection.execute(text("UPDATE mailing SET status = 'finished', finished_at = now()"))
    with ThreadPoolExecutor(1) as threads:
        with engine.begin() as mover:
            assert past.move_long_past(mover, datetime.now(UTC) + timedelta(days=1)) == len(sent)
            reading = threads.submit(arrive, report(ZHANG), to=return_path(sent[ZHANG]))
            with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as observer:
                while not observer.execute(factories.WAITING_FOR_LOCKS).scalar_one():
                    assert not reading.done()
        reading.result()
    assert factories.states(engine) == {ZHANG: "bounced", LI: "accepted"}


def test_who_left_at_a_service_by_a_table_that_staff_give_has_left_the_list(
    engine: Engine, arrive: Arrive, sent: dict[str, int]
) -> None:
    arrive(f"邮箱,状态\n{ZHANG},退订\n".encode(), way=Way.LIST)
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT method FROM consent WHERE state = 'unsubscribed' AND subscriber_id = 1"))
        assert rows.scalars().all() == ["service"]


def test_a_complaint_suppresses_as_a_complaint(engine: Engine, arrive: Arrive, sent: dict[str, int]) -> None:
    arrive(complaints_table(LI), way=Way.LIST)
    assert factories.states(engine) == {ZHANG: "accepted", LI: "complained"}
    assert (suppressions(engine), tasks(engine)) == ({LI: "complaint"}, ["complaint"])


@pytest.mark.parametrize("merged", [True, False])
def test_whoever_complained_is_not_written_to_again_at_another_address(
    engine: Engine, arrive: Arrive, sent: dict[str, int], *, merged: bool
) -> None:
    arrive(complaint(return_path(sent[ZHANG]), message_id(sent[ZHANG])), to=return_path(sent[ZHANG]))
    other = LI if merged else "zhang@elsewhere.example"
    with engine.begin() as connection:
        gone = records.find_subscriber(connection, ZHANG)
        if merged:
            merging.merge(connection, gone, records.find_subscriber(connection, LI), actor="chen", now=datetime.now(UTC))
        else:
            merging.readdress(connection, gone.id, parse_address(other), actor="chen", reason=None)
    path = return_path(sent[LI if merged else ZHANG])
    arrive(autoreply(other, path), to=path)
    assert suppressions(engine) == {ZHANG: "complaint", other: "complaint"}


def test_a_complaint_about_what_came_to_the_address_of_before_is_the_persons(
    engine: Engine, arrive: Arrive, sent: dict[str, int]
) -> None:
    with engine.begin() as connection:
        person = records.find_subscriber(connection, ZHANG)
        merging.readdress(connection, person.id, parse_address("zhang@elsewhere.example"), actor="chen", reason=None)
    arrive(complaint(return_path(sent[ZHANG]), message_id(sent[ZHANG])), to=return_path(sent[ZHANG]))
    assert suppressions(engine) == {"zhang@elsewhere.example": "complaint"}


def test_what_staff_put_down_is_not_lifted_by_what_comes_back_whatever_they_call_the_reason(
    engine: Engine, arrive: Arrive, sent: dict[str, int]
) -> None:
    with engine.begin() as connection:
        by_staff = NewSuppression(
            parse_address(ZHANG).hash, SuppressionReason.STAFF, "feedback by phone", datetime.now(UTC), ZHANG
        )
        suppression.suppress(connection, [by_staff])
    arrive(autoreply(ZHANG, return_path(sent[ZHANG])), to=return_path(sent[ZHANG]))
    assert suppressions(engine) == {ZHANG: "staff"}


def test_what_a_server_refused_in_our_session_is_decided_by_the_same_rule(engine: Engine) -> None:
    send(engine)
    settle_all(engine, "bounced", "550 5.1.1 <zhang@institute.example>: user unknown")
    assert session.hear(engine, TABLE, Policies()) == 2
    assert facts(engine) == [("scored", "session", "gone")] * 2
    assert suppressions(engine) == {ZHANG: "hard_bounce", LI: "hard_bounce"}
    assert session.hear(engine, TABLE, Policies()) == 0


def test_a_report_of_what_was_refused_in_our_session_is_the_same_fact(engine: Engine, arrive: Arrive) -> None:
    sent = send(engine)
    settle_all(engine, "bounced", "550 5.1.1 user unknown")
    session.hear(engine, TABLE, Policies())
    arrive(report(ZHANG), to=return_path(sent[ZHANG]))
    assert len(facts(engine)) == 2
    assert len(tasks(engine)) == 2


def test_what_is_doubtful_in_our_session_ends_nobody_at_once(engine: Engine) -> None:
    send(engine)
    settle_all(engine, "bounced", "550 Mailbox unavailable")
    session.hear(engine, TABLE, Policies())
    assert {finding for _, _, finding in facts(engine)} == {"doubtful"}
    assert suppressions(engine) == {}


def test_a_bounce_that_feedback_made_is_not_heard_a_second_time(engine: Engine, arrive: Arrive, sent: dict[str, int]) -> None:
    arrive(report(ZHANG), to=return_path(sent[ZHANG]))
    assert session.hear(engine, TABLE, Policies()) == 0


def test_when_a_contact_is_lost_staff_are_told_who_is_left(engine: Engine, arrive: Arrive, sent: dict[str, int]) -> None:
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO institute (name) VALUES ('海洋所')"))
        connection.execute(
            text("UPDATE subscriber SET institute_id = 1, name = CASE WHEN address = :li THEN '李四' END"), {"li": LI}
        )
    arrive(report(ZHANG), to=return_path(sent[ZHANG]))
    assert tasks(engine) == ["contact_lost"]
    with engine.connect() as connection:
        assert "李四 of the institute can be written to" in connection.execute(text("SELECT about FROM task")).scalar_one()
    arrive(report(LI), to=return_path(sent[LI]))
    assert tasks(engine) == ["contact_lost", "institute_unreachable"]


@pytest.mark.parametrize(
    ("others", "said"), [(2, "读者0 and 1 more of the institute"), (12, "读者0 and many more of the institute")]
)
def test_of_very_many_contacts_staff_are_told_that_they_are_many(
    engine: Engine, arrive: Arrive, sent: dict[str, int], others: int, said: str
) -> None:
    addresses = [f"reader{number}@ocean.example" for number in range(others)]
    factories.subscribe(engine, addresses, "others")
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO institute (name) VALUES ('海洋所')"))
        members = text("UPDATE subscriber SET institute_id = 1, rank = id, name = :name WHERE address = :address")
        for number, address in enumerate(addresses):
            connection.execute(members, {"name": f"读者{number}", "address": address})
        connection.execute(text("UPDATE subscriber SET institute_id = 1 WHERE address = :address"), {"address": ZHANG})
    arrive(report(ZHANG), to=return_path(sent[ZHANG]))
    with engine.connect() as connection:
        assert said in connection.execute(text("SELECT about FROM task")).scalar_one()


def test_staff_reinstate_an_address_and_the_count_begins_anew(engine: Engine, arrive: Arrive, sent: dict[str, int]) -> None:
    arrive(report(ZHANG), to=return_path(sent[ZHANG]))
    with engine.begin() as connection:
        reinstate(connection, ZHANG, by="chen", why="it works again", policies=Policies(), now=datetime.now(UTC))
    assert (suppressions(engine), tasks(engine)) == ({}, [])
    arrive(report(ZHANG, note="a late copy"), to=return_path(sent[ZHANG]))
    assert suppressions(engine) == {}
    arrive(report(ZHANG), to=return_path(next_issue(engine)[ZHANG]))
    assert suppressions(engine) == {ZHANG: "hard_bounce"}


def test_a_lists_own_policy_holds_for_who_was_reinstated_too(engine: Engine, arrive: Arrive) -> None:
    next_issue(engine)
    with engine.begin() as connection:
        set_policy(connection, 1, "full=never", by="chen")
        then = datetime.now(UTC) - timedelta(days=200)
        reinstate(connection, ZHANG, by="chen", why="it works again", policies=Policies(), now=then)
    for _ in range(3):
        sent = next_issue(engine)
        arrive(report(ZHANG, **FULL), to=return_path(sent[ZHANG]))
    assert suppressions(engine) == {}


def test_a_complaint_in_the_abuse_format_is_known_by_the_token_in_what_it_returns(
    engine: Engine, arrive: Arrive, sent: dict[str, int]
) -> None:
    arrive(complaint("abuse@sender.example", message_id(sent[LI])), way=Way.MAILBOX)
    assert facts(engine) == [("scored", "returned", "complaint")]
    assert suppressions(engine) == {LI: "complaint"}


def test_who_is_away_is_there(engine: Engine, arrive: Arrive) -> None:
    for answers in (True, False):
        sent = next_issue(engine)
        arrive(report(ZHANG, status="5.0.0", diagnostic="550 Blaues Licht"), to=return_path(sent[ZHANG]))
        if answers:
            arrive(autoreply(ZHANG, return_path(sent[ZHANG])), to=return_path(sent[ZHANG]))
    assert [finding for _, _, finding in facts(engine)] == ["doubtful", "alive", "doubtful"]
    assert suppressions(engine) == {}


def test_an_address_that_was_corrected_does_not_answer_for_the_one_before(
    engine: Engine, arrive: Arrive, sent: dict[str, int]
) -> None:
    with engine.begin() as connection:
        moved = parse_address("zhang@new.example")
        values = {"old": ZHANG, "address": moved.written, "canonical": moved.canonical, "hash": moved.hash}
        connection.execute(
            text("UPDATE subscriber SET address = :address, canonical = :canonical, address_hash = :hash WHERE address = :old"),
            values,
        )
    arrive(report(ZHANG), to=return_path(sent[ZHANG]))
    assert (factories.states(engine)[ZHANG], suppressions(engine)) == ("bounced", {})


def test_who_was_lifted_by_others_is_counted_anew_and_late_reports_change_nothing(
    engine: Engine, arrive: Arrive, sent: dict[str, int]
) -> None:
    arrive(report(ZHANG), to=return_path(sent[ZHANG]))
    with engine.begin() as connection:
        suppression.lift(connection, parse_address(ZHANG).hash, LiftedBy.STAFF)
    arrive(report(ZHANG, **FULL), to=return_path(sent[ZHANG]))
    assert suppressions(engine) == {}
    arrive(report(ZHANG), to=return_path(next_issue(engine)[ZHANG]))
    assert suppressions(engine) == {ZHANG: "hard_bounce"}


@pytest.mark.parametrize("field", ["", "X-Apple-Unsubscribe: true\r\n"])
def test_who_writes_to_leave_has_left_and_who_answers_a_letter_has_not(
    engine: Engine, arrive: Arrive, sent: dict[str, int], field: str
) -> None:
    subject = f"Subject: Re: u-{TOKENS.sign(Purpose.UNSUBSCRIBE, sent[ZHANG])}\r\n{field}"
    arrive(f"From: whoever@elsewhere.example\r\n{subject}\r\n".encode(), way=Way.MAILBOX)
    arrive(b"From: li@institute.example\r\nSubject: u-turn\r\n\r\nHello\r\n", way=Way.MAILBOX)
    with engine.connect() as connection:
        left = connection.execute(text("SELECT subscriber_id FROM subscription WHERE state = 'unsubscribed'")).scalars().all()
        assert len(left) == 1
        methods = connection.execute(text("SELECT method FROM consent WHERE state = 'unsubscribed'")).scalars().all()
        assert methods == ["mailto"]


def test_who_left_by_a_letter_and_is_back_does_not_leave_by_it_again(
    engine: Engine, arrive: Arrive, sent: dict[str, int]
) -> None:
    """A mailbox that is read from its beginning once more, after what was kept of its letters has been forgotten."""
    token, now = TOKENS.sign(Purpose.UNSUBSCRIBE, sent[ZHANG]), datetime.now(UTC)

    def stays_after(days: int) -> bool:
        date = format_datetime(now + timedelta(days=days))
        arrive(f"From: zhang@institute.example\r\nDate: {date}\r\nSubject: u-{token}\r\n\r\n".encode(), way=Way.MAILBOX)
        with engine.begin() as connection:
            connection.execute(text("DELETE FROM feedback_raw"))
            return not confirm(connection, Wish(1, ZHANG, [1], "form", "sign-up 1", now))

    assert [stays_after(days) for days in (-1, -1, 1)] == [False, True, False]


@pytest.mark.parametrize("merged_first", [True, False])
def test_who_left_by_a_letter_and_is_back_does_not_leave_by_it_again_where_their_records_were_merged(
    engine: Engine, arrive: Arrive, sent: dict[str, int], *, merged_first: bool
) -> None:
    date = format_datetime(datetime.now(UTC) - timedelta(days=1))
    token = TOKENS.sign(Purpose.UNSUBSCRIBE, sent[ZHANG])
    letter = f"From: zhang@institute.example\r\nDate: {date}\r\nSubject: u-{token}\r\n\r\n".encode()
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM delivery WHERE NOT :both AND address = :li"), {"both": merged_first, "li": LI})

    def merge() -> None:
        with engine.begin() as connection:
            gone, kept = (records.find_subscriber(connection, address) for address in (ZHANG, LI))
            merging.merge(connection, gone, kept, actor="chen", now=datetime.now(UTC))
            people.hand_over(connection, gone.id, kept.id)

    for step in (merge, lambda: arrive(letter)) if merged_first else (lambda: arrive(letter), merge):
        step()
    with engine.begin() as connection:
        kept = records.find_subscriber(connection, LI).id
        assert confirm(connection, Wish(kept, LI, [1], "form", "sign-up 1", datetime.now(UTC)))
        connection.execute(text("DELETE FROM feedback_raw"))
    arrive(letter)
    with engine.begin() as connection:
        assert not confirm(connection, Wish(kept, LI, [1], "form", "sign-up 1", datetime.now(UTC)))


@pytest.mark.parametrize(("hours", "alarms"), [(0, 1), (5, 0)])
def test_those_whose_letters_were_read_hours_later_have_not_left_together(
    engine: Engine, arrive: Arrive, sent: dict[str, int], hours: int, alarms: int
) -> None:
    with engine.begin() as connection:
        connection.execute(text("UPDATE delivery SET institute = '云南省科学技术院'"))
    for hour, address in enumerate((ZHANG, LI)):
        date = format_datetime(datetime.now(UTC) - timedelta(hours=hours * hour))
        token = TOKENS.sign(Purpose.UNSUBSCRIBE, sent[address])
        arrive(f"From: {address}\r\nDate: {date}\r\nSubject: u-{token}\r\n\r\n".encode(), way=Way.MAILBOX)
    with engine.begin() as connection:
        assert len(departures.raise_alarms(connection, datetime.now(UTC))) == alarms


def test_staff_cannot_lift_a_complaint(engine: Engine, arrive: Arrive, sent: dict[str, int]) -> None:
    arrive(complaints_table(ZHANG), way=Way.LIST)
    with engine.begin() as connection, pytest.raises(InputError, match="Only its owner"):
        reinstate(connection, ZHANG, by="chen", why="he said so", policies=Policies(), now=datetime.now(UTC))


def test_what_failed_by_our_fault_and_is_retried_forgets_what_came_back(
    engine: Engine, arrive: Arrive, sent: dict[str, int]
) -> None:
    spam = {"status": "5.7.1", "diagnostic": "550 5.7.1 Message rejected as spam by content filter"}
    arrive(report(ZHANG, **spam), to=return_path(sent[ZHANG]))
    assert factories.states(engine)[ZHANG] == "failed"
    with engine.begin() as connection:
        mailings.retry(connection, 1, datetime.now(UTC))
    settle_all(engine)
    assert facts(engine) == [("withdrawn", "verp", "ours")]
    arrive(report(ZHANG, note="second", **spam), to=return_path(deliveries(engine)[ZHANG]))
    assert factories.states(engine)[ZHANG] == "failed"
