"""Several who read, erase, import and replay at once: they wait for each other, and each comes to its end."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from threading import Barrier, Event, get_ident
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import Engine, text

from mailer.feedback_models import Way
from mailer.leaving import leave_by_mail
from mailer.reply import ReplyTable
from mailer.returns import intake, polling, upkeep
from mailer.returns.arrivals import Arrival, unread
from mailer.returns.deciding import settle
from mailer.returns.intake import Reader
from mailer.returns.mailbox import Cursor, Mailbox
from mailer.returns.replay import replay
from mailer.returns.source import Message
from mailer.tokens import Purpose
from tests import factories
from tests.bounced import LI, TOKENS, ZHANG, report, return_path
from tests.integration.conftest import Jianbao
from tests.integration.returns.conftest import facts, send, suppressions, tasks

_PATIENCE = text("""
    SELECT set_config('deadlock_timeout', :patience, true) WHERE has_parameter_privilege(current_user, 'deadlock_timeout', 'SET')""")


def test_readers_at_once_count_each_event_once_and_wait_for_each_other(
    engine: Engine, reader: Reader, sent: dict[str, int]
) -> None:
    now = datetime.now(UTC)
    for number in range(60):
        address = (ZHANG, LI)[number % 2]
        diagnostic = ("552 5.2.2 Mailbox full", "550 5.1.1 User unknown")[number % 3 == 0]
        content = report(address, diagnostic=diagnostic, status=diagnostic[4:9], note=str(number))
        intake.keep(engine, [Arrival(Way.LISTENER, content, now, envelope_to=(return_path(sent[address]),))])

    def read() -> None:
        while intake.read_lot(engine, reader, limit=4) is not None:
            pass

    with ThreadPoolExecutor(4) as threads:
        for done in [threads.submit(read) for _ in range(4)]:
            done.result()
    intake.read_waiting(engine, reader)
    assert sorted(finding or "" for _, _, finding in facts(engine)) == ["full", "full", "gone", "gone"]
    with engine.connect() as connection:
        assert connection.execute(text("SELECT sum(times_told) FROM feedback")).scalar_one() == 60
    assert suppressions(engine) == {ZHANG: "hard_bounce", LI: "hard_bounce"}
    assert tasks(engine) == ["contact_lost"] * 2


def test_readers_who_wait_for_each_other_both_come_to_their_end(
    engine: Engine, reader: Reader, sent: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    now, meeting, met = datetime.now(UTC), Barrier(2), list[int]()
    again = list[object]()
    for number, address in enumerate((ZHANG, LI, LI, ZHANG)):
        subject = f"Subject: u-{TOKENS.sign(Purpose.UNSUBSCRIBE, sent[address])}\r\n\r\n{number}\r\n"
        intake.keep(engine, [Arrival(Way.MAILBOX, subject.encode(), now)])

    def leave(*given: Any, **named: Any) -> object:
        left = leave_by_mail(*given, **named)
        if get_ident() not in met:
            met.append(get_ident())
            meeting.wait(20)
        else:
            again.append(left)
        return left

    monkeypatch.setattr("mailer.returns.leavers.leave_by_mail", leave)
    with ThreadPoolExecutor(2) as threads:
        lots = [reading.result() for reading in [threads.submit(intake.read_lot, engine, reader, 2) for _ in range(2)]]
    assert [lot.arrivals for lot in lots if lot is not None] == [2, 2]
    assert len(again) > 2  # than the second letter of each: one of the two began anew
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM feedback_raw WHERE trouble IS NOT NULL")).scalar_one() == 0
        left = connection.execute(text("SELECT count(*) FROM subscription WHERE state = 'unsubscribed'")).scalar_one()
    assert left == 2


def settle_late(engine: Engine, monkeypatch: pytest.MonkeyPatch, name: str, *, patience: str = "1min") -> Event:
    """Let who settles first do so when somebody waits for a lock, as for one of theirs; it is set when that is begun.

    Of the two PostgreSQL ends who has less `patience`, where we may say so.
    """
    reading = Event()

    def late(*given: Any) -> object:
        given[0].execute(_PATIENCE, {"patience": patience})
        waiting = reading.is_set()
        reading.set()
        while not waiting:
            with engine.connect() as connection:
                waiting = connection.execute(factories.WAITING_FOR_LOCKS).scalar_one()
        return settle(*given)

    monkeypatch.setattr(name, late)
    return reading


def test_an_erasure_and_a_reader_who_wait_for_each_other_both_come_to_their_end(
    engine: Engine, reader: Reader, jianbao: Jianbao, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = return_path(send(engine)[ZHANG])
    delay = report(ZHANG, action="delayed", status="4.4.1", diagnostic="450 try later")
    intake.keep(engine, [Arrival(Way.LISTENER, delay, datetime.now(UTC), envelope_to=(path,))])
    intake.read_waiting(engine, reader)
    for content in (delay + b"\n", report(ZHANG, diagnostic="552 5.2.2 Mailbox full", status="5.2.2")):
        intake.keep(engine, [Arrival(Way.LISTENER, content, datetime.now(UTC), envelope_to=(path,))])
    reading = settle_late(engine, monkeypatch, "mailer.returns.intake.settle")
    with ThreadPoolExecutor(1) as threads:
        lot = threads.submit(intake.read_lot, engine, reader)
        assert reading.wait(20)
        erased = jianbao("subscriber", "erase", ZHANG, "--yes")
        assert (erased.exit_code, lot.result() is not None) == (0, True)
    with engine.connect() as connection:
        assert ZHANG not in str(connection.execute(text("SELECT address, diagnostic FROM feedback")).all())
        assert connection.execute(text("SELECT count(*) FROM feedback_raw")).scalar_one() == 0


def test_an_erasure_and_a_replay_who_wait_for_each_other_both_come_to_their_end(
    engine: Engine, reader: Reader, jianbao: Jianbao, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = return_path(send(engine)[ZHANG])
    intake.keep(engine, [Arrival(Way.LISTENER, report(ZHANG), datetime.now(UTC), envelope_to=(path,))])
    intake.read_waiting(engine, reader)
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM feedback"))  # What a mended rule finds is new, too.
    reading = settle_late(engine, monkeypatch, "mailer.returns.replay.settle", patience="10ms")
    with ThreadPoolExecutor(1) as threads:
        replayed = threads.submit(replay, engine, reader, ReplyTable.load())
        assert reading.wait(20)
        assert jianbao("subscriber", "erase", ZHANG, "--yes").exit_code == 0
        replayed.result()
    with engine.connect() as connection:
        assert ZHANG not in str(connection.execute(text("SELECT address, diagnostic FROM feedback")).all())


@pytest.mark.parametrize("listed", [ZHANG, "wang@institute.example"], ids=["an import", "its undo"])
def test_an_import_and_a_reader_who_wait_for_each_other_both_come_to_their_end(
    engine: Engine, reader: Reader, jianbao: Jianbao, monkeypatch: pytest.MonkeyPatch, *, tmp_path: Path, listed: str
) -> None:
    sent = send(engine)
    (tmp_path / "members.csv").write_text(f"email,name\n{listed},张\n", encoding="utf-8")
    doing = ["subscriber", "import", str(tmp_path / "members.csv"), "--list", "members", "--sync", "--yes"]
    if listed != ZHANG:
        doing = ["import", "undo", str(json.loads(jianbao(*doing, "--json").stdout)["id"])]
    letter = f"Subject: u-{TOKENS.sign(Purpose.UNSUBSCRIBE, sent[LI])}\r\n\r\n".encode()
    bounce = Arrival(Way.LISTENER, report(ZHANG), datetime.now(UTC), envelope_to=(return_path(sent[ZHANG]),))
    intake.keep(engine, [Arrival(Way.MAILBOX, letter, datetime.now(UTC)), bounce])
    reading = settle_late(engine, monkeypatch, "mailer.returns.intake.settle")
    with ThreadPoolExecutor(1) as threads:
        lot = threads.submit(intake.read_lot, engine, reader)
        assert reading.wait(20)
        done = jianbao(*doing)
        assert (done.exit_code, lot.result() is not None) == (0, True)
    with engine.connect() as connection:
        rows = connection.execute(
            text("SELECT s.address, x.state FROM subscription x JOIN subscriber s ON s.id = x.subscriber_id")
        )
        assert dict(rows.all()) == {ZHANG: "confirmed", LI: "unsubscribed"}  # type: ignore[arg-type]


class OneReport:
    """A mailbox with one message in it, and what was filed there."""

    def __init__(self, content: bytes) -> None:
        self.filed: list[str] = []
        self.looked_at = Event()
        self._content = content

    def new(self, cursor: Cursor) -> Iterator[Sequence[Message]]:
        yield [Message("1", self._content, cursor)]

    def file(self, names: Sequence[str], behind: Cursor) -> Cursor:
        self.filed += names
        self.looked_at.set()
        return behind

    def wait(self, stop: Event) -> bool:
        return False


def test_what_comes_back_of_somebody_whom_an_import_holds_holds_up_no_scheduler(
    engine: Engine, reader: Reader, sent: dict[str, int]
) -> None:
    intake.keep(engine, [Arrival(Way.LISTENER, report(ZHANG), datetime.now(UTC), envelope_to=(return_path(sent[ZHANG]),))])
    factories.schedule(engine, [LI])
    factories.start(engine)
    refused = "UPDATE delivery SET state = 'bounced', reason = 'unknown_user', reply = '550 5.1.1', settled_at = now()"
    with engine.begin() as connection:
        connection.execute(text(f"{refused} WHERE state = 'pending'"))
    with engine.connect() as importing:
        importing.execute(text("SELECT FROM subscriber FOR NO KEY UPDATE"))
        upkeep.hear(engine, reader, ReplyTable.load())
        assert upkeep.read(engine, reader) == 0
        assert facts(engine) == []
    upkeep.hear(engine, reader, ReplyTable.load())
    assert upkeep.read(engine, reader) == 1
    assert suppressions(engine) == {ZHANG: "hard_bounce", LI: "hard_bounce"}


def test_a_report_that_another_reader_has_in_its_hands_is_filed_when_that_one_has_read_it(
    engine: Engine, reader: Reader, sent: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    box, taken = OneReport(report(ZHANG, arrived_for=return_path(sent[ZHANG]))), Event()

    def settle_late(*given: Any) -> object:
        taken.set()
        while not box.looked_at.is_set():
            with engine.connect() as connection:
                if connection.execute(factories.WAITING_FOR_LOCKS).scalar_one():
                    break
        return settle(*given)

    def read_second(*_: object) -> int:
        other = threads.submit(intake.read_lot, engine, reader)
        others.append(other)
        assert taken.wait(20)
        return intake.read_waiting(engine, reader)

    others: list[Future[intake.Lot | None]] = []
    monkeypatch.setattr("mailer.returns.intake.settle", settle_late)
    monkeypatch.setattr("mailer.returns.polling.intake", SimpleNamespace(keep=intake.keep, read_waiting=read_second))
    with ThreadPoolExecutor(1) as threads:
        polling.drain(engine, reader, Mailbox.parse("imap://user:password@127.0.0.1"), box)
        assert [other.result() is not None for other in others] == [True]
    assert box.filed == ["1"]


def test_a_reader_goes_on_behind_what_another_has_in_its_hands(engine: Engine) -> None:
    now = datetime.now(UTC)
    intake.keep(engine, [Arrival(Way.LISTENER, b"%d" % number, now) for number in range(6)])
    with engine.begin() as one, engine.begin() as other:
        taken = [[kept.arrival.content for kept in unread(hands, 2, 100)] for hands in (one, other)]
        taken.append([kept.arrival.content for kept in unread(one, 6, 1)])  # its own again, until there are octets enough
    assert taken == [[b"0", b"1"], [b"2", b"3"], [b"0"]]
