"""What the tests of returns share: a reader, and deliveries that something can come back from."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import pytest
from sqlalchemy import Engine, text

from mailer.feedback import Judge
from mailer.feedback_models import Way
from mailer.provider import ProviderTable
from mailer.reply import ReplyTable
from mailer.returns import intake
from mailer.returns.arrivals import Arrival
from mailer.returns.door import Door
from mailer.returns.intake import Reader
from mailer.returns.listener import attend
from mailer.returns.visitors import Visitors
from mailer.settings import read_settings
from tests import factories
from tests.bounced import BOUNCE_DOMAIN, LI, TOKENS, ZHANG, deliveries, settle_all
from tests.debian_mail import PASSWORD, USER, free_port, wait_for

JUDGE = Judge(ReplyTable.load(), ProviderTable.load())
Arrive = Callable[..., None]


@pytest.fixture
def reader(tmp_path: Path) -> Reader:
    settings = read_settings({"JIANBAO_BOUNCE_DOMAIN": BOUNCE_DOMAIN, "JIANBAO_DATA_DIR": str(tmp_path)}, tmp_path / ".env")
    return Reader(settings, JUDGE, TOKENS)


@pytest.fixture
def sent(engine: Engine) -> dict[str, int]:
    """Two deliveries that a server has accepted."""
    return send(engine)


@pytest.fixture
def arrive(engine: Engine, reader: Reader) -> Arrive:
    """Let messages come in and be read."""

    def let(*contents: bytes, to: str | None = None, way: Way = Way.LISTENER, at: datetime | None = None) -> None:
        received = at or datetime.now(UTC)
        intake.keep(engine, [Arrival(way, content, received, envelope_to=(to,) if to else ()) for content in contents])
        intake.read_waiting(engine, reader)

    return let


def send(engine: Engine, *, accepted: bool = True) -> dict[str, int]:
    """An issue to two people."""
    factories.schedule(engine, [ZHANG, LI])
    factories.start(engine)
    if accepted:
        settle_all(engine)
    return deliveries(engine)


def facts(engine: Engine) -> list[tuple[str, str, str | None]]:
    """Standing, trust and finding of each fact on record."""
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT standing, trust, finding FROM feedback ORDER BY id"))
        return [(row.standing, row.trust, row.finding) for row in rows]


def bounced(engine: Engine) -> bool:
    """Whether Zhang's delivery came back."""
    return factories.states(engine)[ZHANG] == "bounced"


def suppressions(engine: Engine) -> dict[str, str]:
    """Why each address is suppressed."""
    with engine.connect() as connection:
        return {row.address: row.reason for row in connection.execute(text("SELECT address, reason FROM suppression"))}


def tasks(engine: Engine) -> list[str]:
    """The kinds of the open tasks."""
    with engine.connect() as connection:
        return list(connection.execute(text("SELECT kind FROM task WHERE done_at IS NULL ORDER BY id")).scalars())


def mailbox_url(protocol: str, port: int, rest: str = "") -> str:
    """The URL of the mailbox on loopback."""
    return f"{protocol}://{quote(USER, safe='')}:{quote(PASSWORD, safe='')}@127.0.0.1:{port}/{rest}"


@contextmanager
def listening(engine: Engine, reader: Reader, protocol: str = "lmtp", visitors: Visitors | None = None) -> Iterator[Door]:
    """A door that is open while the block lasts, with somebody who reads what comes."""
    door, loop, stop = Door(protocol, "127.0.0.1", free_port()), asyncio.new_event_loop(), asyncio.Event()
    thread = threading.Thread(target=loop.run_until_complete, args=(attend(engine, reader, door, stop, visitors),))
    thread.start()
    try:
        wait_for(door.port, Path("/nowhere"))
        yield door
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()
