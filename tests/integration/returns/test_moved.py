"""Automatic answers of those who have left: nothing is scored, and staff are told once, with the successor where one is named."""

from __future__ import annotations

from sqlalchemy import Engine, text

from mailer.proposals import accept, decline, proposals
from mailer.reply import ReplyTable
from mailer.returns import moved
from mailer.returns.intake import Reader
from mailer.returns.replay import replay
from subscribers.db import database_time, transaction
from tests import factories
from tests.bounced import LI, ZHANG, autoreply, return_path
from tests.integration.returns.conftest import Arrive, facts, suppressions, tasks

SUCCESSOR = "wang@institute.example"


def _answer(words: str) -> bytes:
    return autoreply(ZHANG, "news@sender.example", words)


def test_who_has_left_without_a_successor_is_a_task_and_no_score(engine: Engine, arrive: Arrive, sent: dict[str, int]) -> None:
    arrive(_answer("您好，本人已离职。"), to=return_path(sent[ZHANG]))
    assert facts(engine) == [("noted", "verp", None)]
    assert (factories.states(engine)[ZHANG], suppressions(engine)) == ("accepted", {})
    assert tasks(engine) == ["contact_lost"]
    with engine.connect() as connection:
        about = connection.execute(text("SELECT about FROM task")).scalar_one()
    assert "automatic answer" in about
    assert "@" not in about


def test_a_successor_who_is_named_is_proposed_and_takes_over_when_staff_accept(
    engine: Engine, arrive: Arrive, sent: dict[str, int]
) -> None:
    arrive(_answer(f"本人已离职，请联系王芳 {SUCCESSOR}。"), to=return_path(sent[ZHANG]))
    assert tasks(engine) == ["successor_proposed"]
    with transaction(engine) as connection:
        (proposal,) = proposals(connection)
        assert (proposal.address, proposal.fields) == (ZHANG, {"address": SUCCESSOR})
        accept(connection, proposal.id, by="staff", now=database_time(connection))
        confirmed = connection.execute(
            text("SELECT address FROM subscriber s JOIN subscription x ON x.subscriber_id = s.id WHERE x.state = 'confirmed'")
        )
        assert set(confirmed.scalars()) == {LI, SUCCESSOR}
    assert tasks(engine) == []


def test_staff_hear_of_it_once_whatever_later_issues_bring(engine: Engine, arrive: Arrive, sent: dict[str, int]) -> None:
    left, named = (
        _answer("本人已离职。"),
        _answer(f"本人已离职，请联系 {SUCCESSOR}。"),
    )
    arrive(left, left + b"\n", named, named + b"\n", to=return_path(sent[ZHANG]))
    assert tasks(engine) == ["contact_lost", "successor_proposed"]
    with transaction(engine) as connection:
        (proposal,) = proposals(connection)
        decline(connection, proposal.id, by="staff", now=database_time(connection))
        connection.execute(text("UPDATE task SET done_at = now(), done_by = 'staff'"))
    arrive(left + b"\n\n", named + b"\n\n", to=return_path(sent[ZHANG]))
    assert tasks(engine) == []


def test_whether_staff_have_heard_of_it_is_asked_of_the_tasks_about_that_person_alone(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("SET LOCAL enable_seqscan = off"))  # Where another way is, a small table goes it too.
        found = connection.execute(text(f"EXPLAIN {moved._TOLD.text}"), {"key": "left:1", "subscriber": 1}).scalars()
        assert "ix_task_subscriber_id" in "".join(found)


def test_an_out_of_office_answer_shows_a_living_mailbox_and_is_no_task(
    engine: Engine, arrive: Arrive, sent: dict[str, int]
) -> None:
    arrive(_answer(f"本人出差，8月20日返回，急事请联系 {SUCCESSOR}。"), to=return_path(sent[ZHANG]))
    assert facts(engine) == [("scored", "verp", "alive")]
    assert tasks(engine) == []


def test_an_answer_that_shows_nothing_of_ours_tells_staff_nothing(engine: Engine, arrive: Arrive, sent: dict[str, int]) -> None:
    arrive(_answer(f"本人已离职，请联系 {SUCCESSOR}。"))
    assert len(sent) == 2
    assert tasks(engine) == []


def test_an_answer_to_an_issue_of_long_ago_tells_staff_nothing_late_or_again(
    engine: Engine, arrive: Arrive, reader: Reader, sent: dict[str, int]
) -> None:
    left, named = _answer("本人已离职。"), _answer(f"本人已离职，请联系 {SUCCESSOR}。")
    arrive(left, named, to=return_path(sent[ZHANG]))
    with transaction(engine) as connection:
        connection.execute(text("DELETE FROM task"))
        connection.execute(text("DELETE FROM proposal"))
        connection.execute(text("UPDATE mailing SET started_at = started_at - interval '31 days'"))
        connection.execute(text("UPDATE delivery SET settled_at = settled_at - interval '31 days'"))
        connection.execute(text("UPDATE feedback_raw SET received_at = received_at - interval '31 days'"))
    arrive(left + b"\n", named + b"\n", to=return_path(sent[ZHANG]))
    assert {standing for standing, _, _ in facts(engine)} == {"noted", "old"}
    replay(engine, reader, ReplyTable.load())
    assert tasks(engine) == []


def test_a_replay_finds_those_whom_an_older_version_took_for_away(
    engine: Engine, arrive: Arrive, reader: Reader, sent: dict[str, int]
) -> None:
    arrive(_answer("本人已离职。"), to=return_path(sent[ZHANG]))
    with transaction(engine) as connection:
        connection.execute(text("DELETE FROM task"))
        connection.execute(text("UPDATE feedback SET finding = 'alive', standing = 'scored', key = key || 'alive'"))
    replayed = replay(engine, reader, ReplyTable.load())
    assert (replayed.withdrawn, replayed.added) == (1, 1)
    assert tasks(engine) == ["contact_lost"]
