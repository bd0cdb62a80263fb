"""What `jianbao doctor` finds out about the ways back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from mailer.checkup import Outcome
from mailer.checkup.finding import Finding
from mailer.checkup.ways_back import backlog, ways_back
from mailer.feedback_models import Way
from mailer.returns import intake
from mailer.returns.arrivals import Arrival
from mailer.returns.intake import Reader
from mailer.settings import read_settings
from tests.bounced import BOUNCE_DOMAIN, report
from tests.debian_mail import dovecot, free_port
from tests.integration.returns.conftest import listening, mailbox_url


def found(tmp_path: Path, **settings: str) -> list[Finding]:
    return list(ways_back(read_settings({f"JIANBAO_{name}": text for name, text in settings.items()}, tmp_path / ".env")))


def outcomes(findings: list[Finding]) -> list[Outcome]:
    return [finding.outcome for finding in findings]


def test_a_bounce_domain_that_nobody_reads_is_a_fault_and_none_at_all_is_said(tmp_path: Path) -> None:
    assert outcomes(found(tmp_path)) == [Outcome.SKIPPED]
    (finding,) = found(tmp_path, BOUNCE_DOMAIN=BOUNCE_DOMAIN)
    assert finding.outcome is Outcome.FAULT
    assert "JIANBAO_BOUNCE_MAILBOX" in (finding.cure or "")


@pytest.mark.debian("dovecot")
def test_the_mailbox_is_tried_and_no_password_is_told(tmp_path: Path) -> None:
    with dovecot() as server:
        assert outcomes(found(tmp_path, BOUNCE_MAILBOX=mailbox_url("imap", server.imap))) == [Outcome.OK]
        assert outcomes(found(tmp_path, BOUNCE_MAILBOX=mailbox_url("pop3", server.pop3))) == [Outcome.OK]
        (finding,) = found(tmp_path, BOUNCE_MAILBOX=f"imap://chen:hunter2@127.0.0.1:{server.imap}")
    assert finding.outcome is Outcome.FAULT
    assert "hunter2" not in finding.message


def test_the_door_is_knocked_at(engine: Engine, reader: Reader, tmp_path: Path) -> None:
    with listening(engine, reader) as door:
        where = f"lmtp://127.0.0.1:{door.port}"
        assert outcomes(found(tmp_path, BOUNCE_LISTEN=where, BOUNCE_DOMAIN=BOUNCE_DOMAIN)) == [Outcome.OK]
        assert outcomes(found(tmp_path, BOUNCE_LISTEN=where)) == [Outcome.FAULT]
    (finding,) = found(tmp_path, BOUNCE_LISTEN=f"lmtp://127.0.0.1:{free_port()}", BOUNCE_DOMAIN=BOUNCE_DOMAIN)
    assert "nobody listens" in finding.message


def test_the_addresses_for_services_are_told_and_have_to_be_https(tmp_path: Path) -> None:
    assert outcomes(found(tmp_path, WEBHOOKS="postmark?basic=a:hunter2")) == [Outcome.SKIPPED]
    assert outcomes(found(tmp_path, WEBHOOKS="postmark?colour=red")) == [Outcome.FAULT]
    (finding,) = found(tmp_path, WEBHOOKS="postmark?basic=a:hunter2", BASE_URL="https://bulletin.example.org")
    assert (finding.outcome, "hunter2" in finding.message) == (Outcome.OK, False)
    assert "https://bulletin.example.org/hooks/postmark" in finding.message


def test_what_nobody_reads_is_found(engine: Engine) -> None:
    assert outcomes(list(backlog(engine))) == [Outcome.OK]
    long_ago = datetime.now(UTC) - timedelta(hours=1)
    intake.keep(engine, [Arrival(Way.LISTENER, report("a@b.example"), long_ago)])
    (finding,) = backlog(engine)
    assert "1 arrivals wait" in finding.message
