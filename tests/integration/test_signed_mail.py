"""Signed mail after its trip: as an SMTP server got it, and as one got it behind Postfix, verified by dkimpy."""

from __future__ import annotations

import os
import queue
import random
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email import policy
from email.parser import BytesParser
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from mailer import issues, mailings
from mailer.demo.stage import free_port
from mailer.dkim import Algorithm
from mailer.issues import StoredIssue
from mailer.pacing import LoopPacer
from mailer.preflight import Level
from mailer.publishing import terms_of
from mailer.relay import parse_relays
from mailer.reply import ReplyTable
from mailer.sending import Equipment, Sender
from mailer.settings import Settings, read_settings
from mailer.signing import create_key, signers_for
from mailer.specimen import check_specimen, make_specimen
from mailer.tokens import Tokens
from mailer.trial import send_copies
from mailer.world.mailboxes import Message
from mailer.world.shares import Shares
from mailer.world.world import World, running
from subscribers.address import parse_address
from tests import factories
from tests.unit.message.verifying import signature_tags, verified

DOMAIN = "sender.example"
TO = "reader@inst.example"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """The settings of a machine that has a key of each kind for the sender's domain."""
    read = read_settings({"JIANBAO_DATA_DIR": str(tmp_path)}, tmp_path / ".env")
    create_key(DOMAIN, "r", Algorithm.RSA, read)
    create_key(DOMAIN, "e", Algorithm.ED25519, read)
    return read


def assert_signed(content: bytes, settings: Settings) -> None:
    """Both signatures hold, and no other stands there."""
    records = {signer.record_name: signer.record for signer in signers_for(DOMAIN, settings)}
    assert content.lower().count(b"dkim-signature:") == 2
    for place, algorithm in enumerate(("rsa-sha256", "ed25519-sha256")):
        tags = signature_tags(content, place)
        assert (tags["d"], tags["a"]) == (DOMAIN, algorithm)
        assert "list-unsubscribe-post" in tags["h"]
        assert verified(content, records, place)


class Catching(World):
    """A mail world that hands on each message that it keeps."""

    def __init__(self) -> None:
        super().__init__(shares=Shares.parse("none"), keep_messages=0)
        self.caught: queue.Queue[bytes] = queue.Queue()

    def _hand_over(self, address: str, message: Message) -> None:
        self.caught.put(message.content)


@pytest.fixture
def world() -> Iterator[Catching]:
    with running(Catching()) as served:
        assert isinstance(served, Catching)
        yield served


@contextmanager
def postfix(relay_port: int) -> Iterator[int]:
    """A Postfix with its own configuration and queue, which hands all that it gets to a port on loopback; yields its own port."""
    with tempfile.TemporaryDirectory(prefix="jianbao-postfix-") as folder:
        os.chmod(folder, 0o755)  # Postfix' daemons are not root, as whom it is started.
        port = free_port()
        command = ["/usr/sbin/postfix", "-c", str(_configure(Path(folder), port, relay_port))]
        subprocess.run([*command, "start"], check=True, capture_output=True, timeout=60)
        try:
            yield port
        finally:
            subprocess.run([*command, "stop"], check=True, capture_output=True, timeout=60)


_MAIN = """
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file = {folder}/queue/log
maillog_file_prefixes = {folder}
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = relay.example
mydestination =
mynetworks = 127.0.0.0/8
smtpd_relay_restrictions = permit_mynetworks, reject
relayhost = [127.0.0.1]:{relay_port}
smtp_dns_support_level = disabled
smtputf8_enable = no
alias_maps =
local_recipient_maps =
"""
_MASTER = """
{port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
flush unix n - n 1000? 0 flush
smtp unix - - n - - smtp
relay unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
proxymap unix - - n - - proxymap
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
tlsmgr unix - - n 1000? 1 tlsmgr
postlog unix-dgram n - n - 1 postlogd
"""


def _configure(folder: Path, port: int, relay_port: int) -> Path:
    for name in ("config", "queue", "data"):
        (folder / name).mkdir(mode=0o755)
    shutil.chown(folder / "data", "postfix")
    (folder / "config" / "main.cf").write_text(_MAIN.format(folder=folder, relay_port=relay_port))
    (folder / "config" / "master.cf").write_text(_MASTER.format(port=port))
    return folder / "config"


def batch_by_a_worker(engine: Engine, redis_url: str, settings: Settings, url: str) -> None:
    """The one batch that there is, sent by a worker with these settings."""
    sender = Sender(
        Equipment(
            engine=engine,
            pacer=LoopPacer(redis_url),
            relays=parse_relays(url),
            tokens=Tokens(settings.secret_key()),
            table=ReplyTable.load(),
            worker="test",
            rng=random.Random(1),
            signers=partial(signers_for, settings=settings),
        )
    )
    (batch_id,) = factories.batch_ids(engine)
    sender.send(batch_id)
    sender.close()


def sent_by_a_worker(engine: Engine, redis_url: str, settings: Settings, url: str) -> None:
    """A mailing to TO."""
    factories.schedule(engine, [TO])
    factories.start(engine)
    batch_by_a_worker(engine, redis_url, settings, url)
    assert factories.states(engine) == {TO: "accepted"}


def imported(engine: Engine) -> StoredIssue:
    """The issue of tests, of a publication with a sender."""
    with engine.begin() as connection:
        stored = issues.import_issue(
            connection, factories.ISSUE, slug=None, source_name="a", source_sha256="0" * 64, warnings=(), created_by="t"
        ).stored
        issues.set_sender(connection, stored.publication.slug, f"news@{DOMAIN}")
        return issues.find_issue(connection, f"#{stored.id}")


def test_a_mailing_s_mail_is_signed_as_a_server_gets_it(
    engine: Engine, redis_url: str, settings: Settings, world: Catching
) -> None:
    sent_by_a_worker(engine, redis_url, settings, f"{world.smtp_url}?starttls=none")
    assert_signed(world.caught.get(timeout=20), settings)


def test_mail_that_is_composed_together_is_each_recipient_s_own_and_one_bad_address_costs_only_itself(
    engine: Engine, redis_url: str, settings: Settings, world: Catching
) -> None:
    addresses = [f"r{number}@institute.example" for number in range(20)]
    factories.schedule(engine, addresses)
    factories.start(engine)
    with engine.begin() as connection:
        connection.execute(text("UPDATE delivery SET address = 'no address' WHERE address = 'r9@institute.example'"))
    batch_by_a_worker(engine, redis_url, settings, f"{world.smtp_url}?starttls=none")
    contents = [world.caught.get(timeout=20) for _ in range(19)]
    for content in contents:
        assert_signed(content, settings)
    read = [BytesParser(policy=policy.default).parsebytes(content) for content in contents]
    assert sorted(str(message["To"]) for message in read) == sorted({*addresses} - {"r9@institute.example"})
    states = factories.states(engine)
    assert states.pop("no address") == "failed"
    assert set(states.values()) == {"accepted"}


@pytest.mark.parametrize("begun", [timedelta(), timedelta(days=8)])
def test_mail_bears_about_the_time_at_which_it_leaves_however_long_a_mailing_takes(
    engine: Engine, redis_url: str, settings: Settings, world: Catching, begun: timedelta
) -> None:
    factories.schedule(engine, [TO])
    factories.start(engine, datetime.now(UTC))
    with engine.begin() as connection:
        connection.execute(text("UPDATE mailing SET started_at = now() - CAST(:begun AS interval)"), {"begun": begun})
    batch_by_a_worker(engine, redis_url, settings, f"{world.smtp_url}?starttls=none")
    content = world.caught.get(timeout=20)
    assert_signed(content, settings)
    date = BytesParser(policy=policy.default).parsebytes(content)["Date"].datetime
    assert timedelta() <= datetime.now(UTC) - date < timedelta(hours=1, minutes=1)


@pytest.mark.debian("postfix")
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can start Postfix")
def test_the_signatures_survive_a_trip_through_postfix(
    engine: Engine, redis_url: str, settings: Settings, world: Catching
) -> None:
    with postfix(world.port) as port:
        sent_by_a_worker(engine, redis_url, settings, f"smtp://127.0.0.1:{port}?starttls=none")
        content = world.caught.get(timeout=60)
    assert content.startswith(b"Received: ")
    assert_signed(content, settings)


def test_a_test_copy_and_a_specimen_are_signed_like_the_mailing(engine: Engine, tmp_path: Path, world: Catching) -> None:
    environ = {"JIANBAO_DATA_DIR": str(tmp_path), "JIANBAO_SMTP_URL": f"{world.smtp_url}?starttls=none"}
    settings = read_settings(environ, tmp_path / ".env")
    stored = imported(engine)
    create_key(DOMAIN, "r", Algorithm.RSA, settings)
    create_key(DOMAIN, "e", Algorithm.ED25519, settings)
    specimen = make_specimen(stored, settings)
    assert_signed(specimen.content, settings)
    assert not [finding for finding in check_specimen(specimen) if finding.level is Level.ERROR]
    (copy,) = send_copies(stored, [parse_address(TO)], settings)
    assert copy.accepted
    assert_signed(world.caught.get(timeout=20), settings)


def test_without_a_key_nothing_is_signed(engine: Engine, tmp_path: Path) -> None:
    settings = read_settings({"JIANBAO_DATA_DIR": str(tmp_path)}, tmp_path / ".env")
    assert b"DKIM-Signature" not in make_specimen(imported(engine), settings).content


def test_a_mailing_that_is_to_be_signed_waits_for_a_worker_that_has_the_key(
    engine: Engine, redis_url: str, settings: Settings, world: Catching, tmp_path: Path
) -> None:
    stored, url = imported(engine), f"{world.smtp_url}?starttls=none"
    terms = terms_of(stored.publication, settings, None, {})
    assert terms.signed
    mailing_id = factories.schedule(engine, [TO], terms).mailing_id
    factories.start(engine)
    other = read_settings({"JIANBAO_DATA_DIR": str(tmp_path / "other machine")}, tmp_path / ".env")
    batch_by_a_worker(engine, redis_url, other, url)
    assert factories.states(engine) == {TO: "pending"}
    with engine.begin() as connection:
        reason = mailings.find_mailing(connection, mailing_id).reason
        connection.execute(text("UPDATE batch SET due_at = now()"))
    assert "there is no DKIM key for sender.example here" in (reason or "")
    batch_by_a_worker(engine, redis_url, settings, url)
    assert factories.states(engine) == {TO: "accepted"}
    assert_signed(world.caught.get(timeout=20), settings)
    with engine.begin() as connection:
        assert mailings.find_mailing(connection, mailing_id).reason is None
