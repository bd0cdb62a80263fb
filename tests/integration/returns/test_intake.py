"""What comes back, from octets to final states, in a real database."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from threading import Barrier, Event, get_ident
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import Engine, text

from mailer import people
from mailer.feedback_models import Way
from mailer.leaving import leave_by_mail
from mailer.planning import BATCH_SIZE
from mailer.reply import ReplyTable
from mailer.returns import intake, ledger, polling, session, upkeep
from mailer.returns.arrivals import Arrival, kept_since, unread
from mailer.returns.deciding import settle, settle_waiting
from mailer.returns.intake import Reader, place_all
from mailer.returns.mailbox import Cursor, Mailbox
from mailer.returns.policies import Policies
from mailer.returns.replay import replay
from mailer.returns.source import Message
from mailer.tokens import Purpose
from subscribers import erasing
from subscribers.address import parse_address
from tests import factories
from tests.bounced import LI, TOKENS, ZHANG, autoreply, complaint, deliveries, message_id, report, return_path, settle_all
from tests.integration.conftest import Jianbao
from tests.integration.returns.conftest import Arrive, facts, send, suppressions, tasks

_PATIENCE = text("""
    SELECT set_config('deadlock_timeout', :patience, true) WHERE has_parameter_privilege(current_user, 'deadlock_timeout', 'SET')""")
# Words of four octets a sign, as many as are kept of a reason, that no compression makes shorter.
UNREPEATED = "".join(map(chr, Random(1).sample(range(0x20000, 0x2A6D0), 590)))


def test_a_late_bounce_to_the_return_path_ends_the_address_and_the_delivery(
    engine: Engine, arrive: Arrive, sent: dict[str, int]
) -> None:
    arrive(report(ZHANG), to=return_path(sent[ZHANG]))
    assert factories.states(engine) == {ZHANG: "bounced", LI: "accepted"}
    assert facts(engine) == [("scored", "verp", "gone")]
    assert suppressions(engine) == {ZHANG: "hard_bounce"}
    assert tasks(engine) == ["contact_lost"]
    with engine.connect() as connection:
        assert connection.execute(text("SELECT because FROM feedback")).scalar_one() == (
            "gone counts 1/1: score 0 → 1, the address ends"
        )


def test_without_a_return_path_the_returned_message_id_names_the_delivery(
    engine: Engine, arrive: Arrive, sent: dict[str, int]
) -> None:
    arrive(report(ZHANG, returned_id=message_id(sent[ZHANG])), way=Way.MAILBOX)
    assert facts(engine) == [("scored", "returned", "gone")]
    assert factories.states(engine)[ZHANG] == "bounced"


def test_the_name_that_the_relay_gave_the_message_will_do_too(engine: Engine, arrive: Arrive, sent: dict[str, int]) -> None:
    arrive(report(ZHANG, returned_id="<4XyZ123456@relay.example>"), way=Way.MAILBOX)
    assert facts(engine) == [("scored", "service_id", "gone")]


SENDMAIL = "250 2.0.0 u7ABCDEF012345 Message accepted for delivery"
NETEASE = "250 Mail OK queued as zwqz-smtp-mta-g0-0,_____wDXP8v3abc,1764300000"
EXCHANGE = (
    "250 2.6.0 <1@x.example> [InternalId=51234567890123456, Hostname=TY2PR01MB1234.apcprd01.prod.outlook.com] Queued mail"
)
BREVO = "250 2.0.0 OK: queued as <202611281000.77345678901@smtp-relay.mailin.fr>"


@pytest.mark.parametrize(
    ("reply", "name", "standing"),
    [
        (SENDMAIL, "u7ABCDEF012345@relay.example", "scored"),
        (SENDMAIL, "accepted@x.example", "unmatched"),
        (SENDMAIL, "ABCDEF012345@x.example", "unmatched"),
        (NETEASE, "_____wDXP8v3abc@smtp.163.com", "scored"),
        (NETEASE, "zwqz-smtp-mta-g0-0@x.example", "unmatched"),
        (NETEASE, "1764300000@x.example", "unmatched"),
        (EXCHANGE, "51234567890123456@x.example", "scored"),
        (EXCHANGE, "TY2PR01MB1234.apcprd01.prod.outlook.com", "unmatched"),
        (EXCHANGE, "apcprd01@x.example", "unmatched"),
        (BREVO, "202611281000.77345678901@smtp-relay.mailin.fr", "scored"),
    ],
)
def test_no_stranger_guesses_the_name_that_the_relay_gave_the_message(
    engine: Engine, arrive: Arrive, reply: str, name: str, standing: str
) -> None:
    send(engine)
    settle_all(engine, reply=reply)
    arrive(report(ZHANG, returned_id=f"<{name}>"), way=Way.MAILBOX)
    assert [fact[0] for fact in facts(engine)] == [standing]


def test_a_report_that_shows_nothing_of_ours_is_kept_and_never_scored(
    engine: Engine, arrive: Arrive, sent: dict[str, int]
) -> None:
    arrive(report(ZHANG), way=Way.MAILBOX)
    assert facts(engine) == [("unmatched", "none", None)]
    assert (factories.states(engine)[ZHANG], suppressions(engine)) == ("accepted", {})


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


@pytest.mark.parametrize(("head", "shown"), [(ZHANG, False), ("姓名", True)])
def test_a_table_that_cannot_be_read_is_logged_without_anybodys_address(
    engine: Engine, arrive: Arrive, capsys: pytest.CaptureFixture[str], head: str, shown: bool
) -> None:
    arrive(f"{head},5.1.1\n{LI},5.1.1\n".encode(), way=Way.LIST)
    logged = "".join(capsys.readouterr())  # Commands that ran before in this process have sent logs to stderr.
    assert "none of the columns holds addresses" in logged
    assert (head in logged, LI in logged) == (shown, False)


def test_a_forged_return_path_is_logged_and_never_scored(engine: Engine, arrive: Arrive, sent: dict[str, int]) -> None:
    true = return_path(sent[ZHANG])
    forged = f"b-{'a' if true[2] != 'a' else 'b'}{true[3:]}"
    arrive(report(ZHANG), to=forged)
    assert facts(engine) == [("forged", "none", None)]
    assert suppressions(engine) == {}


def test_the_same_bounce_by_every_way_counts_once(engine: Engine, arrive: Arrive, sent: dict[str, int]) -> None:
    arrive(report(ZHANG), to=return_path(sent[ZHANG]))
    arrive(report(ZHANG), to=return_path(sent[ZHANG]))
    arrive(report(ZHANG, note="again", returned_id=message_id(sent[ZHANG])), way=Way.MAILBOX)
    arrive(report(ZHANG, note="and again", arrived_for=return_path(sent[ZHANG])), way=Way.FILE)
    assert len(facts(engine)) == 1
    with engine.connect() as connection:
        assert (
            connection.execute(text("SELECT times_told FROM feedback")).scalar_one() == 3
        )  # Of octets that came twice one is kept.
        assert connection.execute(text("SELECT count(*) FROM feedback_raw")).scalar_one() == 3
    assert tasks(engine) == ["contact_lost"]


def test_a_report_of_an_old_issue_is_logged_and_never_scored(engine: Engine, arrive: Arrive, sent: dict[str, int]) -> None:
    arrive(report(ZHANG), to=return_path(sent[ZHANG]), at=datetime.now(UTC) + timedelta(days=31))
    assert facts(engine) == [("old", "verp", None)]
    assert factories.states(engine)[ZHANG] == "accepted"


def test_a_complaint_about_an_old_issue_is_a_complaint(engine: Engine, arrive: Arrive, sent: dict[str, int]) -> None:
    late = datetime.now(UTC) + timedelta(days=50)
    arrive(complaint("abuse@sender.example", message_id(sent[LI])), way=Way.MAILBOX, at=late)
    assert suppressions(engine) == {LI: "complaint"}


def test_a_report_of_what_went_out_lately_counts_however_long_ago_its_mailing_began(
    engine: Engine, arrive: Arrive, sent: dict[str, int]
) -> None:
    with engine.begin() as connection:
        connection.execute(text("UPDATE mailing SET started_at = started_at - interval '40 days'"))
    arrive(report(ZHANG), to=return_path(sent[ZHANG]))
    arrive(report(LI, returned_id="<4XyZ123456@relay.example>"))
    assert facts(engine) == [("scored", "verp", "gone"), ("scored", "service_id", "gone")]


def test_a_report_that_names_somebody_else_does_not_end_the_address_alone(
    engine: Engine, arrive: Arrive, sent: dict[str, int]
) -> None:
    arrive(report("other@elsewhere.example"), to=return_path(sent[ZHANG]))
    assert facts(engine) == [("scored", "verp", "doubtful")]
    assert (factories.states(engine)[ZHANG], suppressions(engine)) == ("bounced", {})


@pytest.mark.parametrize(
    ("fields", "finding"),
    [
        (f"Original-Recipient: rfc822;{ZHANG}\nFinal-Recipient: rfc822; gone@institute.example", "doubtful"),
        (f"Original-Recipient: rfc822;{ZHANG}\nFinal-Recipient: rfc822; {ZHANG.replace('@', '@mail2.')}", "gone"),
        (f"Final-Recipient: rfc822; {ZHANG}\nX-Actual-Recipient: rfc822; gone@institute.example", "doubtful"),
        (f"Final-Recipient: rfc822; {ZHANG}\nX-Actual-Recipient: X-Unix; |/usr/bin/filter", "gone"),
    ],
)
def test_a_mailbox_behind_the_address_that_is_gone_does_not_end_the_address_alone(
    engine: Engine, arrive: Arrive, sent: dict[str, int], fields: str, finding: str
) -> None:
    arrive(report(ZHANG).replace(f"Final-Recipient: rfc822; {ZHANG}".encode(), fields.encode()), to=return_path(sent[ZHANG]))
    assert facts(engine) == [("scored", "verp", finding)]
    assert (ZHANG in suppressions(engine)) == (finding == "gone")


def test_a_token_for_a_delivery_that_is_not_there_is_foreign(engine: Engine, arrive: Arrive, sent: dict[str, int]) -> None:
    arrive(report(ZHANG), to=return_path(123456))
    assert facts(engine) == [("foreign", "none", None)]


def test_a_bounce_that_is_quicker_than_our_own_record_of_the_250_waits_for_it(engine: Engine, arrive: Arrive) -> None:
    sent = send(engine, accepted=False)
    arrive(report(ZHANG), to=return_path(sent[ZHANG]))
    assert facts(engine) == [("waiting", "verp", "gone")]
    assert (factories.states(engine)[ZHANG], suppressions(engine)) == ("pending", {})
    settle_all(engine)
    with engine.begin() as connection:
        settle_waiting(connection, Policies(), datetime.now(UTC), 100)
    assert facts(engine) == [("scored", "verp", "gone")]
    assert (factories.states(engine)[ZHANG], suppressions(engine)) == ("bounced", {ZHANG: "hard_bounce"})


def test_what_is_in_doubt_and_held_becomes_what_the_report_says(engine: Engine, arrive: Arrive) -> None:
    sent = send(engine, accepted=False)
    settle_all(engine, "in_doubt", "connection lost")
    arrive(report(ZHANG), to=return_path(sent[ZHANG]))
    arrive(report(LI, action="delivered", status="2.0.0", diagnostic="250 ok"), to=return_path(sent[LI]))
    assert factories.states(engine) == {ZHANG: "bounced", LI: "accepted"}


def test_a_delay_changes_nothing(engine: Engine, arrive: Arrive, sent: dict[str, int]) -> None:
    delayed = report(ZHANG, action="delayed", status="4.4.1", diagnostic="connection timed out")
    arrive(delayed, to=return_path(sent[ZHANG]))
    assert facts(engine) == [("noted", "verp", None)]
    assert factories.states(engine)[ZHANG] == "accepted"


def test_content_that_was_refused_later_is_our_failure_and_harms_nobody(
    engine: Engine, arrive: Arrive, sent: dict[str, int]
) -> None:
    refused = report(ZHANG, status="5.7.1", diagnostic="550 5.7.1 Message rejected as spam by content filter")
    arrive(refused, to=return_path(sent[ZHANG]))
    assert facts(engine) == [("scored", "verp", "ours")]
    assert (factories.states(engine)[ZHANG], suppressions(engine)) == ("failed", {})


def test_facts_out_of_order_come_to_the_same(engine: Engine, arrive: Arrive, sent: dict[str, int]) -> None:
    delivered = report(ZHANG, action="delivered", status="2.0.0", diagnostic="250 ok")
    bounced = report(ZHANG)
    for first, second, address in ((delivered, bounced, ZHANG), (bounced, delivered, LI)):
        path = return_path(sent[address])
        arrive(first.replace(ZHANG.encode(), address.encode()), to=path)
        arrive(second.replace(ZHANG.encode(), address.encode()), to=path)
    assert factories.states(engine) == {ZHANG: "bounced", LI: "bounced"}
    assert suppressions(engine) == {ZHANG: "hard_bounce", LI: "hard_bounce"}


def test_whatever_cannot_be_read_stops_nobody(engine: Engine, arrive: Arrive, sent: dict[str, int]) -> None:
    arrive(b"\xff\x00 nothing of mail", b"", report(ZHANG, arrived_for=return_path(sent[ZHANG])))
    assert factories.states(engine)[ZHANG] == "bounced"
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM feedback_raw WHERE read_at IS NULL")).scalar_one() == 0


def test_a_table_from_a_providers_page_needs_two_issues_to_end_an_address(
    engine: Engine, arrive: Arrive, sent: dict[str, int]
) -> None:
    table = f"收件人,类型,原因\n{ZHANG},硬退信,550 5.1.1 User unknown\nnobody@elsewhere.example,硬退信,550\n".encode("gb18030")
    arrive(table, way=Way.LIST)
    assert ("scored", "address", "doubtful") in facts(engine)
    assert ("unmatched", "none", None) in facts(engine)
    assert (factories.states(engine)[ZHANG], suppressions(engine)) == ("bounced", {})


@pytest.mark.parametrize("form", ["%Y-%m-%d", "%Y/%m/%d %H:%M", "%Y-%m-%d %H:%M:%S"])
def test_a_table_that_names_the_day_or_the_minute_of_a_mailing_is_about_it(
    engine: Engine, arrive: Arrive, sent: dict[str, int], form: str
) -> None:
    with engine.begin() as connection:
        began_at = connection.execute(text("SELECT started_at FROM mailing")).scalar_one()
    arrive(f"email,reason,time\n{ZHANG},550 5.1.1 User unknown,{began_at:{form}}\n".encode(), way=Way.LIST)
    assert facts(engine) == [("scored", "address", "doubtful")]


def test_a_list_may_have_a_policy_of_its_own(engine: Engine, arrive: Arrive, sent: dict[str, int]) -> None:
    with engine.begin() as connection:
        connection.execute(text("UPDATE mailing_list SET bounce_policy = 'gone=2'"))
    arrive(report(ZHANG), to=return_path(sent[ZHANG]))
    assert (factories.states(engine)[ZHANG], suppressions(engine)) == ("bounced", {})


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


_LARGE = ("delivery", "feedback", "subscriber", "suppression")


def scans(engine: Engine) -> dict[str, int]:
    """How often each of the large tables has been read from end to end so far."""
    with engine.begin() as connection:
        connection.execute(text("SELECT pg_stat_force_next_flush()"))
    with engine.begin() as connection:
        asked = text("SELECT relname, seq_scan FROM pg_stat_user_tables WHERE relname = ANY(:names)")
        return {row.relname: row.seq_scan for row in connection.execute(asked, {"names": list(_LARGE)})}


def test_what_a_mailing_was_refused_is_found_without_reading_the_deliveries_of_others(engine: Engine) -> None:
    factories.schedule(engine, [f"reader{number}@qq.example" for number in range(BATCH_SIZE + 10)])
    factories.start(engine)
    settle_all(engine)
    with engine.begin() as connection:
        columns = "issue_id, edition_id, list_ids, excluded_list_ids, terms, at, created_by"
        connection.execute(text(f"INSERT INTO mailing (status, {columns}) SELECT 'finished', {columns} FROM mailing"))
        columns = "subscriber_id, address, provider, state"
        connection.execute(text(f"INSERT INTO delivery (mailing_id, {columns}) SELECT 2, {columns} FROM delivery"))
        refused = "UPDATE delivery SET state = 'bounced' WHERE id % 100 = 0 RETURNING CASE WHEN mailing_id = 1 THEN id END"
        expected = sorted(filter(None, connection.execute(text(refused)).scalars()))
        connection.execute(text("ANALYZE delivery"))
    with engine.begin() as connection:
        before = connection.execute(factories.DELIVERIES_READ).scalar_one()
        assert session.unheard(connection, [1]) == expected
        assert connection.execute(factories.DELIVERIES_READ).scalar_one() - before <= BATCH_SIZE + 10


def test_what_only_names_addresses_is_looked_up_without_reading_the_deliveries_of_others(engine: Engine) -> None:
    addresses = [f"reader{number}@institute.example" for number in range(5000)]
    factories.schedule(engine, addresses)
    factories.start(engine)
    settle_all(engine)
    with engine.begin() as connection:
        connection.execute(intake._BY_KEYS)
        before = connection.execute(factories.DELIVERIES_READ).scalar_one()
        found = ledger.sent_to(connection, addresses[:1000], datetime.now(UTC))
        assert connection.execute(factories.DELIVERIES_READ).scalar_one() - before <= 1000
    assert sorted(found) == sorted(addresses[:1000])


def others(engine: Engine) -> int:
    """How many other sessions the database has."""
    with engine.connect() as connection:
        asked = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        return int(connection.execute(text(asked)).scalar_one())


def test_no_lot_reads_through_a_table_whose_statistics_are_those_of_when_it_was_small(engine: Engine, reader: Reader) -> None:
    addresses = [f"reader{number}@institute.example" for number in range(400)]
    factories.schedule(engine, addresses)
    factories.start(engine)
    settle_all(engine)
    ids = deliveries(engine)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE feedback, suppression"))  # as they are: empty
    now = datetime.now(UTC)
    intake.keep(engine, [Arrival(Way.LISTENER, report(one), now, envelope_to=(return_path(ids[one]),)) for one in addresses])
    for _ in range(2):  # Whatever has to be read once is read now.
        intake.read_lot(engine, reader, 40)
    engine.dispose()  # What sessions of earlier tests have counted they tell when they end.
    deadline = time.monotonic() + 10
    while others(engine) and time.monotonic() < deadline:
        pass
    before = scans(engine)
    while intake.read_lot(engine, reader, 40) is not None:
        pass
    assert scans(engine) == before
    assert len(suppressions(engine)) == 400
