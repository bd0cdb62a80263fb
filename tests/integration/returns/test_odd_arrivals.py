"""What is very large, or holds what no database takes, or cannot be read: it stops nobody."""

from __future__ import annotations

from datetime import UTC, datetime
from random import Random

import pytest
from sqlalchemy import Engine, text

from mailer.feedback_models import Way
from mailer.reply import ReplyTable
from mailer.returns import intake
from mailer.returns.arrivals import Arrival, kept_since, unread
from mailer.returns.intake import Reader
from mailer.returns.replay import replay
from tests import factories
from tests.bounced import LI, ZHANG, report, return_path
from tests.integration.returns.conftest import Arrive, facts, suppressions

# Words of four octets a sign, as many as are kept of a reason, that no compression makes shorter.
UNREPEATED = "".join(map(chr, Random(1).sample(range(0x20000, 0x2A6D0), 590)))


@pytest.mark.parametrize(("head", "shown"), [(ZHANG, False), ("姓名", True)])
def test_a_table_that_cannot_be_read_is_logged_without_anybodys_address(
    engine: Engine, arrive: Arrive, capsys: pytest.CaptureFixture[str], head: str, shown: bool
) -> None:
    arrive(f"{head},5.1.1\n{LI},5.1.1\n".encode(), way=Way.LIST)
    logged = "".join(capsys.readouterr())  # Commands that ran before in this process have sent logs to stderr.
    assert "none of the columns holds addresses" in logged
    assert (head in logged, LI in logged) == (shown, False)


def test_whatever_cannot_be_read_stops_nobody(engine: Engine, arrive: Arrive, sent: dict[str, int]) -> None:
    arrive(b"\xff\x00 nothing of mail", b"", report(ZHANG, arrived_for=return_path(sent[ZHANG])))
    assert factories.states(engine)[ZHANG] == "bounced"
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM feedback_raw WHERE read_at IS NULL")).scalar_one() == 0


def test_a_replay_takes_as_many_octets_at_a_time_as_a_reader_does(engine: Engine) -> None:
    now = datetime.now(UTC)
    intake.keep(engine, [Arrival(Way.LISTENER, b"%d" % number, now) for number in range(5)])
    with engine.begin() as connection:
        connection.execute(text("UPDATE feedback_raw SET read_at = now() WHERE id <> 2"))
        taken = [[kept.id for kept in kept_since(connection, after, None, 300, 2)] for after in (0, 3, 5)]
    assert taken == [[1, 3], [4, 5], []]


def test_what_is_kept_together_is_told_apart(engine: Engine) -> None:
    contents = [b"", b"\0\xff", b"three octets", b"\\x41"]
    now = datetime.now(UTC)
    assert intake.keep(engine, [Arrival(Way.LISTENER, content, now) for content in contents]) == len(contents)
    with engine.begin() as connection:
        assert [kept.arrival.content for kept in unread(connection, 10, 100)] == contents


def test_what_the_database_refuses_is_set_aside_alone_and_a_replay_tries_it_again(
    engine: Engine, reader: Reader, arrive: Arrive, sent: dict[str, int]
) -> None:
    full = report(LI, diagnostic="552 5.2.2 Mailbox full", status="5.2.2", arrived_for=return_path(sent[LI]))
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE task ADD CONSTRAINT broken CHECK (kind <> 'contact_lost')"))
    try:
        arrive(report(ZHANG, arrived_for=return_path(sent[ZHANG])), full)
        assert (facts(engine), suppressions(engine)) == ([("scored", "verp", "full")], {})
        with engine.connect() as connection:
            assert "broken" in connection.execute(text("SELECT trouble FROM feedback_raw WHERE id = 1")).scalar_one()
    finally:
        with engine.begin() as connection:
            connection.execute(text("ALTER TABLE task DROP CONSTRAINT broken"))
    replay(engine, reader, ReplyTable.load())
    assert (suppressions(engine), factories.states(engine)[ZHANG]) == ({ZHANG: "hard_bounce"}, "bounced")


def test_what_is_too_large_for_the_database_is_set_aside_like_all_that_it_refuses(
    engine: Engine, reader: Reader, arrive: Arrive, sent: dict[str, int]
) -> None:
    with engine.begin() as connection:
        connection.execute(text("CREATE INDEX broken ON feedback ((diagnostic || diagnostic))"))
    try:
        arrive(report(LI, diagnostic=UNREPEATED, arrived_for=return_path(sent[LI])))
        arrive(report(ZHANG, arrived_for=return_path(sent[ZHANG])))
    finally:
        with engine.begin() as connection:
            connection.execute(text("DROP INDEX broken"))
    assert facts(engine) == [("scored", "verp", "gone")]
    with engine.connect() as connection:
        assert "index row" in connection.execute(text("SELECT trouble FROM feedback_raw WHERE id = 1")).scalar_one()


def test_words_and_addresses_of_any_length_stop_nobody_and_are_told_apart(
    engine: Engine, reader: Reader, arrive: Arrive, sent: dict[str, int]
) -> None:
    nobody = f"{'n' * 64}@{'.'.join([label * 60 for label in 'abcdefg'])}.example"
    strange = report(nobody, diagnostic=UNREPEATED)
    arrive(strange, strange.replace(b"Undelivered", b"Again undelivered"), report(nobody, diagnostic=UNREPEATED[::-1]))
    arrive(f"email,reason\n{nobody},{UNREPEATED * 50}\n".encode(), way=Way.LIST)
    arrive(report(ZHANG, arrived_for=return_path(sent[ZHANG])))
    assert facts(engine) == [*[("unmatched", "none", None)] * 3, ("scored", "verp", "gone")]


def test_signs_that_no_database_takes_stop_nobody(engine: Engine, arrive: Arrive, sent: dict[str, int]) -> None:
    strange = report(ZHANG, diagnostic="550 5.1.1 User \0 unknown", arrived_for=return_path(sent[ZHANG]))
    table = f"email,type,reason\n{LI},hard\0,\0\n".encode()
    arrive(strange.replace(b"Undelivered", b"\0\xed\xa0\x80"))
    arrive(table, way=Way.LIST)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM feedback_raw WHERE read_at IS NULL")).scalar_one() == 0
    assert factories.states(engine)[ZHANG] == "bounced"
