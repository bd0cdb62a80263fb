"""Who gets through the door for bounces, and how safely: over real connections."""

from __future__ import annotations

import smtplib
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine

from mailer.returns.door import tls_of
from mailer.returns.equipment import check_ways_in
from mailer.returns.intake import Reader
from mailer.returns.visitors import Visitors
from mailer.settings import Settings, read_settings
from subscribers.errors import InputError
from tests import factories
from tests.bounced import BOUNCE_DOMAIN, TOKENS, ZHANG, report, return_path
from tests.integration.returns.conftest import JUDGE, listening
from tests.smtp_server import certificate

SPEAKERS = pytest.mark.parametrize(("protocol", "speak"), [("lmtp", smtplib.LMTP), ("smtp", smtplib.SMTP)])
Speak = Callable[..., smtplib.SMTP]


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def settings(folder: Path, **values: str) -> Settings:
    values = {"BOUNCE_DOMAIN": BOUNCE_DOMAIN, "DATA_DIR": str(folder), **values}
    return read_settings({f"JIANBAO_{name}": value for name, value in values.items()}, folder / ".env")


@SPEAKERS
def test_who_finds_the_door_full_is_told_to_come_again_and_does_when_one_has_left(
    engine: Engine, reader: Reader, protocol: str, speak: Speak
) -> None:
    visitors = Visitors(at_once=9, of_one_host=2)
    with listening(engine, reader, protocol, visitors) as door:
        until(lambda: visitors.inside == 0)
        first, second = (speak("127.0.0.1", door.port, timeout=20) for _ in range(2))
        with pytest.raises(smtplib.SMTPConnectError) as refused:
            speak("127.0.0.1", door.port, timeout=20)
        assert refused.value.smtp_code == 421
        assert visitors.inside == 2
        assert first.noop()[0] == 250
        first.quit()
        until(lambda: visitors.inside == 1)
        third = speak("127.0.0.1", door.port, timeout=20)
        assert third.noop()[0] == 250
        second.close()
        third.close()
        until(lambda: visitors.inside == 0)


def test_a_bounce_that_no_connection_is_free_for_is_to_be_brought_again(
    engine: Engine, reader: Reader, sent: dict[str, int]
) -> None:
    busy = create_engine(engine.url, pool_size=1, max_overflow=0, pool_timeout=0)
    try:
        with listening(busy, reader) as door, smtplib.LMTP("127.0.0.1", door.port, timeout=20) as client:
            with busy.connect(), pytest.raises(smtplib.SMTPDataError) as refused:
                client.sendmail("", [return_path(sent[ZHANG])], report(ZHANG))
            assert refused.value.smtp_code == 451
            client.sendmail("", [return_path(sent[ZHANG])], report(ZHANG))
            until(lambda: factories.states(engine)[ZHANG] == "bounced")
    finally:
        busy.dispose()


def test_one_host_does_not_take_the_places_of_others_and_all_hosts_together_take_no_more_than_there_are() -> None:
    visitors = Visitors(at_once=3, of_one_host=2)
    assert [visitors.admit(host) for host in ("a", "a", "a", "b", "c")] == [True, True, False, True, False]
    visitors.leave("a")
    assert [visitors.admit(host) for host in ("c", "a")] == [True, False]


@SPEAKERS
def test_with_a_certificate_a_report_comes_by_tls(
    engine: Engine, sent: dict[str, int], tmp_path: Path, protocol: str, speak: Speak
) -> None:
    made = certificate()
    (tmp_path / "chain.pem").write_bytes(made.pem)
    reader = Reader(settings(tmp_path, BOUNCE_CERTIFICATE=str(tmp_path / "chain.pem")), JUDGE, TOKENS)
    visitors = Visitors(of_one_host=2)
    with listening(engine, reader, protocol, visitors) as door:
        with speak("127.0.0.1", door.port, timeout=20) as client:
            client.ehlo()
            assert client.has_extn("starttls")
            client.starttls(context=made.client)
            client.ehlo()
            assert not client.has_extn("starttls")
            client.sendmail("", [return_path(sent[ZHANG])], report(ZHANG))
            until(lambda: visitors.inside == 1)
        until(lambda: visitors.inside == 0)
    assert factories.states(engine)[ZHANG] == "bounced"


def test_who_falls_silent_while_tls_begins_keeps_no_place(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mailer.returns.listener._IDLE_SECONDS", 0.3)
    (tmp_path / "chain.pem").write_bytes(certificate().pem)
    reader = Reader(settings(tmp_path, BOUNCE_CERTIFICATE=str(tmp_path / "chain.pem")), JUDGE, TOKENS)
    visitors = Visitors()
    with listening(engine, reader, "smtp", visitors) as door, smtplib.SMTP("127.0.0.1", door.port, timeout=20) as client:
        client.ehlo()
        assert client.docmd("STARTTLS")[0] == 220
        until(lambda: visitors.inside == 0)
        assert client.sock is not None
        assert client.sock.recv(1) == b"", "the connection is closed, too"
        client.close()


@SPEAKERS
def test_without_a_certificate_no_tls_is_offered(engine: Engine, reader: Reader, protocol: str, speak: Speak) -> None:
    with listening(engine, reader, protocol) as door, speak("127.0.0.1", door.port, timeout=20) as client:
        client.ehlo()
        assert not client.has_extn("starttls")


@pytest.mark.parametrize("content", [None, b"", b"-----BEGIN CERTIFICATE-----\nx\n"])
def test_a_certificate_that_is_none_is_said_at_the_start(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "chain.pem"
    if content is not None:
        path.write_bytes(content)
    wrong = settings(tmp_path, BOUNCE_CERTIFICATE=str(path), BOUNCE_LISTEN="lmtp://127.0.0.1:2424")
    for check in (tls_of, check_ways_in):
        with pytest.raises(InputError, match=r"BOUNCE_CERTIFICATE: .*chain\.pem"):
            check(wrong)
