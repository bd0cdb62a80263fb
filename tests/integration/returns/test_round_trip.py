"""A mailing to members three tenths of whom are gone, through Debian's Postfix, and what comes back of it by LMTP and by IMAP."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

import pytest
from sqlalchemy import Engine, text

from mailer.pacing import LoopPacer
from mailer.relay import parse_relays
from mailer.reply import ReplyTable
from mailer.returns.intake import Reader
from mailer.returns.mailbox import Mailbox
from mailer.returns.polling import poll
from mailer.sending import Equipment, Sender
from tests import factories
from tests.bounced import BOUNCE_DOMAIN, TOKENS
from tests.debian_mail import PASSWORD, USER, dovecot, mail_host, postfix
from tests.integration.returns.conftest import listening, mailbox_url, suppressions

_PATIENCE = 30.0

# What their host says to each, and what has to become of the delivery, of the address, and of its score.
FATES = {
    "gone": ("550 5.1.1 User unknown", "bounced", "gone"),
    "full": ("552 5.2.2 Mailbox full", "bounced", "full"),
    "locked": ("550 5.2.1 Mailbox disabled, not accepting messages", "bounced", "doubtful"),
    "astray": ("550 5.1.2 Host or domain name not found", "bounced", "doubtful"),
    "spam": ("554 5.7.1 Message rejected as spam by content filter", "failed", "ours"),
}
MEMBERS = [f"ok-{number}@members.example" for number in range(14)]
DEAD = [
    "gone-1@members.example",
    "gone-2@members.example",
    *(f"{fate}-1@members.example" for fate in ("full", "locked", "astray", "spam")),
]
EXPECTED = dict.fromkeys(MEMBERS, "accepted") | {address: FATES[address.partition("-")[0]][1] for address in DEAD}


def send(engine: Engine, redis_url: str, port: int) -> None:
    """The issue, handed to the relay."""
    factories.schedule(engine, [*MEMBERS, *DEAD])
    factories.start(engine)
    sender = Sender(
        Equipment(
            engine=engine,
            pacer=LoopPacer(redis_url),
            relays=parse_relays(f"smtp://127.0.0.1:{port}?starttls=none"),
            tokens=TOKENS,
            table=ReplyTable.load(),
            worker="test",
            rng=random.Random(7),
        )
    )
    try:
        for batch_id in factories.batch_ids(engine):
            sender.send(batch_id)
    finally:
        sender.close()
    assert set(factories.states(engine).values()) <= {"accepted", "bounced"}  # The first reports may be here already.


def until(holds: Callable[[], bool], told: Callable[[], object]) -> None:
    """Wait until it holds, for as long as servers may take."""
    deadline = time.monotonic() + _PATIENCE
    while not holds():
        assert time.monotonic() < deadline, told()
        time.sleep(0.05)


def findings(engine: Engine) -> dict[str, str]:
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT d.address, f.finding FROM feedback f JOIN delivery d ON d.id = f.delivery_id"))
        return {row.address: row.finding for row in rows}


def check(engine: Engine) -> None:
    """Every recipient has ended as the hosts have said."""
    assert factories.states(engine) == EXPECTED
    wanted = {address: FATES[address.partition("-")[0]][2] for address in DEAD}
    assert findings(engine) == wanted
    assert suppressions(engine) == dict.fromkeys(["gone-1@members.example", "gone-2@members.example"], "hard_bounce")


@pytest.mark.debian("postfix")
def test_what_a_postfix_reports_by_lmtp_ends_every_recipient_as_it_should(
    engine: Engine, redis_url: str, reader: Reader
) -> None:
    with mail_host({fate: answer for fate, (answer, _, _) in FATES.items()}) as (host, kept), listening(engine, reader) as door:
        transports = {
            "members.example": f"smtp:[127.0.0.1]:{host}",
            BOUNCE_DOMAIN: f"lmtp:inet:127.0.0.1:{door.port}",
        }
        with postfix(transports) as port:
            send(engine, redis_url, port)
            until(lambda: factories.states(engine) == EXPECTED, lambda: factories.states(engine))
    check(engine)
    assert sorted(kept) == sorted(MEMBERS)


@pytest.mark.debian("postfix", "dovecot")
def test_the_same_comes_of_it_by_a_mailbox_over_imap(engine: Engine, redis_url: str, reader: Reader) -> None:
    with mail_host({fate: answer for fate, (answer, _, _) in FATES.items()}) as (host, _), dovecot() as mailboxes:
        transports = {
            "members.example": f"smtp:[127.0.0.1]:{host}",
            "mailbox.example": f"lmtp:inet:127.0.0.1:{mailboxes.lmtp}",
        }
        with postfix(transports, {rf"^b-.*@{BOUNCE_DOMAIN}$": USER}) as port:
            send(engine, redis_url, port)
            mailbox = Mailbox.parse(mailbox_url("imap", mailboxes.imap, "INBOX?then=Read"))

            def ended() -> bool:
                poll(engine, reader, mailbox)
                return factories.states(engine) == EXPECTED

            until(ended, lambda: factories.states(engine))
    check(engine)
    assert PASSWORD not in repr(mailbox)
