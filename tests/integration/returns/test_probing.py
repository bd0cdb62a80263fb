"""Asking an address that ended whether it works again: over real SMTP, and what comes back by the ways that bounces come."""

from __future__ import annotations

import json
import smtplib
from collections.abc import Callable
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine, text

from mailer import people
from mailer.cli import cli
from mailer.feedback_models import Way
from mailer.notices import send_notices
from mailer.returns import intake
from mailer.returns.arrivals import Arrival
from mailer.returns.intake import Reader
from mailer.returns.replay import replay
from mailer.settings import read_settings
from mailer.tokens import Purpose
from mailer.world.mailboxes import Message
from mailer.world.shares import FateKind, Shares
from mailer.world.world import World, running
from tests.bounced import BOUNCE_DOMAIN, LI, SECRET, TOKENS, ZHANG, autoreply, complaint, report, return_path
from tests.debian_mail import mail_host, postfix
from tests.integration.returns.conftest import Arrive, facts, listening, suppressions
from tests.integration.returns.test_deciding import TABLE
from tests.integration.returns.test_round_trip import until

GONE = {"status": "5.1.1", "diagnostic": "550 5.1.1 User unknown"}


@pytest.fixture
def jianbao(engine: Engine, database_url: str, redis_url: str, tmp_path: Path) -> Callable[..., Result]:
    """The command line on the tests' database."""
    settings = {
        "DATABASE_URL": database_url, "REDIS_URL": redis_url, "DATA_DIR": str(tmp_path), "SECRET_KEY": SECRET.decode(),
    }  # fmt: skip
    environment = {f"JIANBAO_{name}": value for name, value in settings.items()}
    return lambda *words: CliRunner().invoke(cli, list(words), env=environment)


@pytest.fixture
def ended(engine: Engine, sent: dict[str, int], arrive: Arrive) -> str:
    """An address that ended by a bounce, of somebody who gets a series that has a sender."""
    with engine.begin() as connection:
        connection.execute(text("UPDATE publication SET sender = 'news@sender.example'"))
    arrive(report(ZHANG, **GONE), to=return_path(sent[ZHANG]))
    assert suppressions(engine) == {ZHANG: "hard_bounce"}
    return ZHANG


def deliver(engine: Engine, folder: Path, bounce_domain: str = BOUNCE_DOMAIN, **fates: FateKind) -> list[Message]:
    """Send what is due to a server, and say what it got."""
    with running(World(shares=Shares.parse("none"), fixed=fates)) as world:
        send_due(engine, folder, world.smtp_url, bounce_domain)
        return world.messages


def send_due(engine: Engine, folder: Path, smtp_url: str, bounce_domain: str = BOUNCE_DOMAIN) -> None:
    """Send what is due through a server."""
    values = {
        "DATA_DIR": str(folder), "SECRET_KEY": SECRET.decode(), "BASE_URL": "https://b.sender.example",
        "BOUNCE_DOMAIN": bounce_domain, "SMTP_URL": f"{smtp_url}?starttls=none",
    }  # fmt: skip
    send_notices(engine, read_settings({f"JIANBAO_{name}": value for name, value in values.items()}, folder / ".env"))


def told(engine: Engine) -> list[tuple[str, str]]:
    """What the history of the person says of probes."""
    with engine.connect() as connection:
        subscriber = connection.execute(text("SELECT id FROM subscriber WHERE address = :zhang"), {"zhang": ZHANG}).scalar_one()
        return [(one.what, one.about) for one in people.history(connection, [subscriber]) if one.about.startswith("probe")]


def probe_path(notice: int = 1) -> str:
    return f"q-{TOKENS.sign(Purpose.PROBE, notice)}@{BOUNCE_DOMAIN}"


def reply(to: str, *, author: str = ZHANG, subject: str = "Re: 收到") -> bytes:
    """What a mail program writes when its user answers."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"], message["In-Reply-To"] = author, "news@sender.example", subject, to
    message.set_content("收到")
    return message.as_bytes()


def test_one_plain_mail_asks_in_the_persons_language_with_a_return_path_of_its_own(
    engine: Engine, ended: str, jianbao: Callable[..., Result], tmp_path: Path
) -> None:
    result = jianbao("bounce", "probe", ended, "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout) == {"notice": 1, "subscriber": 1, "address": ended, "suppressed": "hard_bounce"}
    (message,) = deliver(engine, tmp_path)
    assert deliver(engine, tmp_path) == []
    assert message.recipients == (ended,)
    assert message.sender == probe_path()
    parsed = BytesParser(policy=policy.default).parsebytes(message.content)
    assert parsed["Subject"] == "您的邮箱还能收信吗？"
    assert parsed["Message-ID"] == f"<{probe_path().partition('@')[0]}@sender.example>"
    assert not {"Auto-Submitted", "Precedence", "List-Id"} & set(parsed.keys()), "an automatic answer shows that it lives"
    for kind in ("plain", "html"):
        part = parsed.get_body((kind,))
        assert part is not None
        assert "请回复“收到”" in part.get_content()
    assert suppressions(engine) == {ended: "hard_bounce"}
    (told_of,) = told(engine)
    assert told_of[0] == "accepted"


def test_a_bounced_probe_is_on_record_and_the_suppression_stays(
    engine: Engine, ended: str, jianbao: Callable[..., Result], reader: Reader, tmp_path: Path
) -> None:
    jianbao("bounce", "probe", ended)
    deliver(engine, tmp_path)
    with listening(engine, reader, "smtp") as door, smtplib.SMTP("127.0.0.1", door.port, timeout=20) as client:
        client.sendmail("", [probe_path()], report(ended, **GONE))
        assert client.docmd("MAIL", "FROM:<>")[0] == 250
        assert client.rcpt(f"q-{'a' * 32}@{BOUNCE_DOMAIN}")[0] == 550
    assert facts(engine)[-1] == ("probed", "verp", "gone")
    assert ("bounced", "probe, 550 5.1.1 User unknown") in told(engine)
    assert suppressions(engine) == {ended: "hard_bounce"}
    assert replay(engine, reader, TABLE).withdrawn == 0


@pytest.mark.debian("postfix")
@pytest.mark.usefixtures("ended")
@pytest.mark.parametrize("gone", [True, False])
def test_a_probe_through_postfix_comes_back_as_its_report_or_as_the_mailbox_answer(
    engine: Engine, jianbao: Callable[..., Result], reader: Reader, tmp_path: Path, gone: bool
) -> None:
    jianbao("bounce", "probe", ZHANG)
    answers = {ZHANG: "550 5.1.1 User unknown"} if gone else {}
    with mail_host(answers) as (host, kept), listening(engine, reader) as door:
        ways = {"institute.example": f"smtp:[127.0.0.1]:{host}", BOUNCE_DOMAIN: f"lmtp:inet:127.0.0.1:{door.port}"}
        with postfix(ways) as port:
            send_due(engine, tmp_path, f"smtp://127.0.0.1:{port}")
            if not gone:
                until(lambda: kept == [ZHANG], lambda: kept)
                with smtplib.SMTP("127.0.0.1", port, timeout=20) as machine:
                    machine.sendmail("", [probe_path()], autoreply(ZHANG, probe_path()))
            until(lambda: len(told(engine)) == 2, lambda: told(engine))
    # A report of the same machine may be here before the relay's answer is put down.
    accepted, (what, about) = sorted(told(engine))
    assert accepted[0] == "accepted"
    assert facts(engine)[-1] == ("probed", "verp", "gone" if gone else "alive")
    assert what == ("bounced" if gone else "autoresponded")
    assert ("550 5.1.1 User unknown" in about) == gone
    assert suppressions(engine) == {ZHANG: "hard_bounce"}


def test_a_probe_that_is_refused_at_once_says_so(
    engine: Engine, ended: str, jianbao: Callable[..., Result], tmp_path: Path
) -> None:
    jianbao("bounce", "probe", ended)
    assert deliver(engine, tmp_path, **{ended: FateKind.UNKNOWN_USER}) == []
    ((state, about),) = told(engine)
    assert state == "failed"
    assert about.startswith(f"probe, {ended}, 550")


def test_without_a_bounce_domain_a_returned_probe_is_told_by_its_message_id(
    engine: Engine, ended: str, jianbao: Callable[..., Result], arrive: Arrive, tmp_path: Path
) -> None:
    jianbao("bounce", "probe", ended)
    (message,) = deliver(engine, tmp_path, bounce_domain="")
    assert message.sender == "news@sender.example"
    message_id = BytesParser(policy=policy.default).parsebytes(message.content)["Message-ID"]
    arrive(report(ended, returned_id=message_id, **GONE))
    assert facts(engine)[-1] == ("probed", "returned", "gone")


def test_a_service_names_a_probe_by_its_own_name_for_it(
    engine: Engine, ended: str, jianbao: Callable[..., Result], reader: Reader
) -> None:
    jianbao("bounce", "probe", ended)
    with engine.begin() as connection:
        connection.execute(text("UPDATE notice SET state = 'accepted', reply = '250 Ok: queued as 7Abcdefgh1'"))
    for name in ("7Abcdefgh1", "4XyZ123456"):
        event = {"RecordType": "Bounce", "Type": "HardBounce", "MessageID": name, "Email": ended}
        body = json.dumps(event | {"Details": f"smtp;550 5.1.1 User unknown {name}"}).encode()
        intake.keep(engine, [Arrival(Way.WEBHOOK, body, datetime.now(UTC), service="postmark")])
    intake.read_waiting(engine, reader)
    assert facts(engine) == [("scored", "verp", "gone"), ("probed", "signed", "gone")]
    assert told(engine)[-1] == ("bounced", "probe, smtp;550 5.1.1 User unknown 7Abcdefgh1")
    assert suppressions(engine) == {ended: "hard_bounce"}


def test_an_answer_by_hand_or_by_machine_is_told_and_only_staff_let_the_address_live_again(
    engine: Engine, ended: str, jianbao: Callable[..., Result], arrive: Arrive, tmp_path: Path
) -> None:
    jianbao("bounce", "probe", ended)
    (message,) = deliver(engine, tmp_path)
    message_id = BytesParser(policy=policy.default).parsebytes(message.content)["Message-ID"]
    arrive(reply(message_id), autoreply(ended, probe_path()))
    arrive(reply(f"<q-{'a' * 32}@sender.example>", subject="forged"), reply(message_id, author="MAILER-DAEMON@mx.example"))
    assert [what for what, _ in told(engine)] == ["accepted", "answered", "autoresponded"]
    assert ("answered", "probe, Re: 收到") in told(engine)
    assert suppressions(engine) == {ended: "hard_bounce"}
    assert jianbao("bounce", "reactivate", ended, "--why", "it answered").exit_code == 0
    assert suppressions(engine) == {}


def test_a_complaint_about_a_probe_is_a_complaint(
    engine: Engine, ended: str, jianbao: Callable[..., Result], arrive: Arrive, tmp_path: Path
) -> None:
    jianbao("bounce", "probe", ended)
    deliver(engine, tmp_path)
    arrive(complaint(probe_path(), f"<{probe_path()}>"))
    assert suppressions(engine) == {ended: "complaint"}


@pytest.mark.parametrize("reason", ["complaint", "unsubscribed", "refused", "staff"])
def test_whoever_does_not_want_mail_is_never_asked(
    engine: Engine, ended: str, jianbao: Callable[..., Result], tmp_path: Path, reason: str
) -> None:
    jianbao("bounce", "probe", ended)
    with engine.begin() as connection:
        connection.execute(text("UPDATE suppression SET reason = :reason"), {"reason": reason})
        connection.execute(text("UPDATE notice SET requested_at = now() - interval '31 days'"))
    assert deliver(engine, tmp_path) == [], "who has spoken since the question was put down is not asked any more"
    result = jianbao("bounce", "probe", ended)
    assert result.exit_code == 1
    assert reason in str(result.exception)


def test_who_lives_who_is_unknown_and_who_was_asked_lately_is_not_asked_and_then_nobody_is(
    engine: Engine, ended: str, jianbao: Callable[..., Result]
) -> None:
    for addresses, words in (([ended, LI], "has not ended"), ([ended, "who@else.example"], "there is no subscriber")):
        result = jianbao("bounce", "probe", *addresses)
        assert result.exit_code == 1
        assert words in str(result.exception)
    assert told(engine) == []
    assert jianbao("bounce", "probe", ended).exit_code == 0
    assert "once in 30 days" in str(jianbao("bounce", "probe", ended).exception)


def test_who_is_erased_is_forgotten_with_the_question(
    engine: Engine, ended: str, jianbao: Callable[..., Result], tmp_path: Path
) -> None:
    jianbao("bounce", "probe", ended)
    assert jianbao("subscriber", "erase", ended, "--yes").exit_code == 0
    assert deliver(engine, tmp_path) == []
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM notice")).scalar_one() == 0
