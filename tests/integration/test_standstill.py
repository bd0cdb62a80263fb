"""Which mailings are stuck, on a real database: those whose work is due and to which nobody answers."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner
from sqlalchemy import Engine, text

from mailer import deliveries, mailings, standstill
from mailer.cli import cli
from mailer.pacing import LoopPacer
from mailer.planning import BATCH_SIZE
from mailer.relay import parse_relays
from mailer.reply import ReplyTable
from mailer.sending import Equipment, Sender
from mailer.tokens import Tokens
from tests import factories


def begun(engine: Engine, *addresses: str) -> int:
    """A mailing that is being sent."""
    mailing_id = factories.schedule(engine, list(addresses)).mailing_id
    factories.start(engine)
    return mailing_id


def minutes_pass(engine: Engine, minutes: int) -> None:
    """Let all that has happened be so much longer ago."""
    with engine.begin() as connection:
        for table, columns in (
            ("mailing", ["started_at", "closed_until"]),
            ("batch", ["due_at"]),
            ("delivery", ["settled_at", "next_attempt_at"]),
        ):
            moved = ", ".join(f"{column} = {column} - make_interval(mins => :m)" for column in columns)
            connection.execute(text(f"UPDATE {table} SET {moved}"), {"m": minutes})


def answered(
    engine: Engine, address: str, state: str, reason: str | None, *, again: str = "NULL", relay: str = "relay.example:25"
) -> None:
    """What a server has said of a recipient just now."""
    with engine.begin() as connection:
        values = "state = :state, reason = :reason, reply = '250 2.0.0 said so', relay = :relay, settled_at = now()"
        statement = f"UPDATE delivery SET {values}, next_attempt_at = {again} WHERE address = :address"
        connection.execute(text(statement), {"state": state, "reason": reason, "address": address, "relay": relay})


def mark(engine: Engine) -> list[int]:
    with engine.begin() as connection:
        return list(standstill.mark(connection, datetime.now(UTC)))


def stuck(engine: Engine) -> dict[int, standstill.Standstill]:
    with engine.connect() as connection:
        return standstill.stuck(connection)


def test_work_that_nobody_takes_for_ten_minutes_is_marked_once_and_said_to_staff(engine: Engine) -> None:
    mailing_id = begun(engine, "a@qq.example")
    assert mark(engine) == []
    minutes_pass(engine, 9)
    assert mark(engine) == []
    minutes_pass(engine, 2)
    assert mark(engine) == [mailing_id]
    assert mark(engine) == []
    assert stuck(engine)[mailing_id].last_word == "no worker takes its batches: see whether a worker runs"


def test_an_answer_takes_the_mark_away(engine: Engine) -> None:
    mailing_id = begun(engine, "a@qq.example", "b@qq.example")
    minutes_pass(engine, 11)
    assert mark(engine) == [mailing_id]
    answered(engine, "a@qq.example", "accepted", None)
    assert mark(engine) == []
    assert stuck(engine) == {}
    minutes_pass(engine, 11)
    assert mark(engine) == [mailing_id]
    assert stuck(engine)[mailing_id].last_word == "relay.example:25: 250 2.0.0 said so"


def test_a_relay_that_cannot_be_reached_is_named_as_the_cause(engine: Engine, redis_url: str) -> None:
    mailing_id = begun(engine, "a@qq.example")
    sender = Sender(
        Equipment(
            engine=engine,
            pacer=LoopPacer(redis_url),
            relays=parse_relays("smtp://127.0.0.1:1?starttls=none"),
            tokens=Tokens(b"a key of tests, long enough"),
            table=ReplyTable.load(),
            worker="test",
            rng=random.Random(7),
        )
    )
    for batch_id in factories.batch_ids(engine):
        sender.send(batch_id)
    sender.close()
    assert mark(engine) == []
    minutes_pass(engine, 11)
    with engine.begin() as connection:
        connection.execute(text("UPDATE batch SET due_at = now() + interval '15 seconds'"))  # As after every attempt.
    assert mark(engine) == [mailing_id]
    assert "127.0.0.1:1" in stuck(engine)[mailing_id].last_word


@pytest.mark.parametrize("state", ["deferred", "in_doubt"])
def test_who_waits_for_a_retry_that_a_server_asked_for_is_not_stuck(engine: Engine, state: str) -> None:
    begun(engine, "a@qq.example")
    answered(engine, "a@qq.example", state, "transient", again="now() + interval '5 hours'")
    with engine.begin() as connection:
        connection.execute(text("UPDATE batch SET due_at = now() + interval '5 hours'"))
    minutes_pass(engine, 60)
    assert mark(engine) == []


@pytest.mark.parametrize(
    ("relay", "through", "is_stuck"),
    [
        ("mx/mx.dead.example", 20, False),
        ("mx/dead.example", 9, True),
        ("mx/dead.example", 0, True),
        ("relay.example:25", 20, True),
    ],
)
def test_a_few_whose_own_hosts_do_not_answer_do_not_make_a_mailing_stuck(
    engine: Engine, relay: str, through: int, is_stuck: bool
) -> None:
    addresses = [f"reader{number}@qq.example" for number in range(through)]
    mailing_id = begun(engine, "a@dead.example", *addresses)
    for address in addresses:
        answered(engine, address, "accepted", None)
    answered(engine, "a@dead.example", "deferred", "unreachable", again="now() + interval '5 hours'", relay=relay)
    minutes_pass(engine, 11)
    with engine.begin() as connection:
        connection.execute(text("UPDATE batch SET due_at = now() + interval '15 minutes'"))
    assert mark(engine) == ([mailing_id] if is_stuck else [])


def test_what_waits_for_its_pace_is_not_stuck(engine: Engine) -> None:
    begun(engine, "a@qq.example")
    with engine.begin() as connection:
        connection.execute(text("UPDATE batch SET due_at = now() + interval '2 hours'"))
    minutes_pass(engine, 60)
    assert mark(engine) == []


def test_a_mailing_that_was_paused_and_goes_on_has_ten_minutes_again(engine: Engine) -> None:
    mailing_id = begun(engine, "a@qq.example")
    minutes_pass(engine, 60)
    assert mark(engine) == [mailing_id]
    with engine.begin() as connection:
        mailings.pause(connection, mailing_id, "by staff")
    assert stuck(engine) == {}
    with engine.begin() as connection:
        mailings.resume(connection, mailing_id, datetime.now(UTC))
    assert mark(engine) == []
    assert stuck(engine) == {}
    minutes_pass(engine, 11)
    assert mark(engine) == [mailing_id]


def trouble(engine: Engine, mailing_id: int) -> None:
    """A relay that fails for a moment."""
    with engine.begin() as connection:
        mailings.note_trouble(connection, mailing_id, "relay relay.example:25 cannot be used")
        connection.execute(text("UPDATE batch SET due_at = now() + interval '15 seconds'"))


def test_a_relay_that_fails_once_after_a_long_pause_does_not_make_a_mailing_stuck_since_before(engine: Engine) -> None:
    mailing_id = begun(engine, "a@qq.example")
    with engine.begin() as connection:
        mailings.pause(connection, mailing_id, "by staff")
    minutes_pass(engine, 60)
    with engine.begin() as connection:
        mailings.resume(connection, mailing_id, datetime.now(UTC))
    trouble(engine, mailing_id)
    assert mark(engine) == []
    minutes_pass(engine, 11)
    assert mark(engine) == [mailing_id]
    (found,) = stuck(engine).values()
    assert datetime.now(UTC) - found.since < timedelta(minutes=12)


def test_what_is_tried_again_long_after_the_end_is_not_stuck_since_then(engine: Engine) -> None:
    mailing_id = begun(engine, "a@qq.example")
    answered(engine, "a@qq.example", "failed", "too_big")
    with engine.begin() as connection:
        connection.execute(text("UPDATE mailing SET status = 'finished', stuck_since = now()"))
    minutes_pass(engine, 60)
    with engine.begin() as connection:
        assert mailings.retry(connection, mailing_id, datetime.now(UTC)) == 1
    assert stuck(engine) == {}
    trouble(engine, mailing_id)
    assert mark(engine) == []


def test_a_mailing_whose_hours_have_come_is_stuck_since_then_at_most(engine: Engine) -> None:
    mailing_id = begun(engine, "a@qq.example")
    answered(engine, "a@qq.example", "deferred", "transient", again="now() + interval '1 hour'")
    minutes_pass(engine, 720)
    with engine.begin() as connection:
        connection.execute(text("UPDATE mailing SET closed_until = now()"))
    minutes_pass(engine, 11)
    assert mark(engine) == [mailing_id]
    (found,) = stuck(engine).values()
    assert datetime.now(UTC) - found.since < timedelta(minutes=12)


def test_of_a_mailing_that_plainly_moves_only_batches_at_work_are_looked_at(engine: Engine) -> None:
    begun(engine, *(f"reader{n}@qq.example" for n in range(3 * BATCH_SIZE)))
    assert deliveries_read(engine) == 0
    minutes_pass(engine, 11)
    with engine.begin() as connection:
        assert deliveries.claim(connection, factories.batch_ids(engine)[1], "w", datetime.now(UTC))
    answered(engine, f"reader{BATCH_SIZE + 10}@qq.example", "accepted", None)
    assert 0 < deliveries_read(engine) <= BATCH_SIZE


def deliveries_read(engine: Engine) -> int:
    """How many deliveries are read to see that no mailing is stuck."""
    with engine.begin() as connection:
        before = connection.execute(factories.DELIVERIES_READ).scalar_one()
        assert standstill.mark(connection, datetime.now(UTC)) == []
        return int(connection.execute(factories.DELIVERIES_READ).scalar_one() - before)


@pytest.mark.parametrize("command", [["list"], ["show", "1"], ["list", "--json"], ["show", "1", "--json"]])
def test_staff_see_it_wherever_they_look(engine: Engine, database_url: str, redis_url: str, command: list[str]) -> None:
    begun(engine, "a@qq.example")
    minutes_pass(engine, 5)
    answered(engine, "a@qq.example", "deferred", "closed", again="now()")
    minutes_pass(engine, 11)
    mark(engine)
    environment = {"JIANBAO_DATABASE_URL": database_url, "JIANBAO_REDIS_URL": redis_url, "COLUMNS": "80"}
    shown = CliRunner().invoke(cli, ["mailing", *command], env=environment)
    assert shown.exit_code == 0, shown.stderr
    assert "stuck" in shown.stdout
    assert "250 2.0.0 said so" in " ".join(shown.stdout.split())
