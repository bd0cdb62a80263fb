"""The mail that asks whether a sign-up is meant, on its way to a real SMTP server."""

from __future__ import annotations

import asyncio
import threading
from datetime import UTC, datetime, timedelta
from email import policy
from email.parser import BytesParser
from functools import partial
from pathlib import Path

import pytest
import redis
from sqlalchemy import Connection, Engine, event, text

from mailer import issues, outbox
from mailer.dkim import Algorithm
from mailer.notices import send_notices
from mailer.outbox import LEASE, WAITS, Settled
from mailer.pacing import Pacer
from mailer.settings import Settings, read_settings
from mailer.signing import create_key, signers_for
from mailer.smtp import Deadlines
from mailer.tokens import Purpose, Tokens
from mailer.world.mailboxes import Message
from mailer.world.shares import FateKind, Shares
from mailer.world.world import World, running
from subscribers import store
from subscribers.address import parse_address
from subscribers.sign_ups import Asked, Refusal, sign_up
from tests import factories
from tests.smtp_server import Accepted, Script, serve
from tests.unit.message.verifying import verified
from workers.app import make_app
from workers.queues import QUEUE, SEND_NOTICES
from workers.scheduler import queue_notices

DOMAIN = "sender.example"
WORDS_OF_THE_APPLICANT = "点这里领奖 http://spam.example"


def settings_for(folder: Path, url: str = "") -> Settings:
    return read_settings(
        {"JIANBAO_DATA_DIR": str(folder), "JIANBAO_BASE_URL": "https://b.sender.example", "JIANBAO_SMTP_URL": url},
        folder / ".env",
    )


@pytest.fixture
def series(engine: Engine) -> None:
    """A publication that is sent from news@sender.example, and a list that takes sign-ups."""
    with engine.begin() as connection:
        imported = issues.import_issue(
            connection, factories.ISSUE, slug=None, source_name="a", source_sha256="0" * 64, warnings=(), created_by="test"
        )
        issues.set_sender(connection, imported.stored.publication.slug, f"news@{DOMAIN}")
        store.create_list(connection, "bulletin", "信息集锦", double_opt_in=True)


def ask(engine: Engine, address: str, language: str | None = None) -> int:
    now = datetime.now(UTC)
    asked = Asked(1, parse_address(address), "203.0.113.0/24", "2026-11", now, WORDS_OF_THE_APPLICANT, language)
    with engine.begin() as connection:
        kept = sign_up(connection, asked)
        assert not isinstance(kept, Refusal)
        outbox.put_down(connection, kept, now)
    return kept


def state(engine: Engine) -> list[tuple[str, int]]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text("SELECT state, attempts FROM notice ORDER BY id"))]


def sent(engine: Engine, folder: Path, fates: dict[str, FateKind] | None = None) -> list[Message]:
    with running(World(shares=Shares.parse("none"), fixed=fates or {})) as world:
        send_notices(engine, settings_for(folder, f"{world.smtp_url}?starttls=none"))
        return world.messages


def test_it_is_sent_once_and_carries_the_link_and_no_word_of_the_applicant(
    engine: Engine, series: None, tmp_path: Path
) -> None:
    create_key(DOMAIN, "r", Algorithm.RSA, settings_for(tmp_path))
    sign_up_id = ask(engine, "wang@inst.example")
    (message,) = sent(engine, tmp_path)
    assert sent(engine, tmp_path) == []
    assert state(engine) == [("accepted", 1)]
    assert message.recipients == ("wang@inst.example",)
    parsed = BytesParser(policy=policy.default).parsebytes(message.content)
    assert parsed["From"] == "青禾科研院所联谊会 <news@sender.example>"
    assert parsed["Subject"] == "请确认订阅《信息集锦》"
    assert parsed["Auto-Submitted"] == "auto-generated"
    token = Tokens(settings_for(tmp_path).secret_key()).sign(Purpose.CONFIRM, sign_up_id)
    for kind in ("plain", "html"):
        part = parsed.get_body((kind,))
        assert part is not None
        body = part.get_content()
        assert f"https://b.sender.example/s/{token}" in body
        assert "领奖" not in body
        assert "spam.example" not in body
    records = {signer.record_name: signer.record for signer in signers_for(DOMAIN, settings_for(tmp_path))}
    assert verified(message.content, records)


def test_no_more_leave_than_the_relays_allow_and_the_others_wait_untried(
    engine: Engine, series: None, redis_client: redis.Redis, tmp_path: Path
) -> None:
    for number in range(5):
        ask(engine, f"wang@inst{number}.example")
    with running(World(shares=Shares.parse("none"))) as first, running(World(shares=Shares.parse("none"))) as second:
        urls = " ".join(
            f"{world.smtp_url}?starttls=none&per_hour={most}&at_once=50" for world, most in ((first, 2), (second, 1))
        )
        for _ in range(2):
            send_notices(engine, settings_for(tmp_path, urls), pacer=Pacer(redis_client))
        assert [len(world.messages) for world in (first, second)] == [2, 1]
    assert sorted(state(engine)) == [("accepted", 1)] * 3 + [("pending", 0)] * 2
    with engine.connect() as connection:
        waiting = connection.execute(text("SELECT count(*) FROM notice WHERE state = 'pending' AND leased_until IS NULL"))
        assert waiting.scalar_one() == 2
    assert list(redis_client.scan_iter("*:out")) == []


def test_where_a_relay_is_down_the_next_has_no_more_than_it_allows_and_no_allowance_is_lost(
    engine: Engine, series: None, redis_client: redis.Redis, tmp_path: Path
) -> None:
    for number in range(5):
        ask(engine, f"wang@inst{number}.example")
    with running(World(shares=Shares.parse("none"))) as world:
        urls = f"smtp://127.0.0.1:9?starttls=none&per_hour=3 {world.smtp_url}?starttls=none&per_hour=2"
        for _ in range(3):
            send_notices(engine, settings_for(tmp_path, urls), pacer=Pacer(redis_client))
        assert len(world.messages) == 2
    assert sorted(state(engine)) == [("accepted", 1)] * 2 + [("pending", 0)] * 3
    (used,) = (redis_client.hget(key, "hour:used") for key in redis_client.scan_iter("jianbao:pace:relay:127.0.0.1:9"))
    assert used == b"0"


def test_it_speaks_the_language_of_the_form(engine: Engine, series: None, tmp_path: Path) -> None:
    ask(engine, "wang@inst.example", "en")
    (message,) = sent(engine, tmp_path)
    assert BytesParser(policy=policy.default).parsebytes(message.content)["Subject"] == "Please confirm: “信息集锦”"


def test_a_mailbox_that_is_none_is_given_up_and_a_greylisted_one_is_tried_again(
    engine: Engine, series: None, tmp_path: Path
) -> None:
    ask(engine, "nobody@inst.example")
    ask(engine, "grey@other.example")
    fates = {"nobody@inst.example": FateKind.UNKNOWN_USER, "grey@other.example": FateKind.GREYLISTED}
    assert sent(engine, tmp_path, fates) == []
    assert state(engine) == [("failed", 1), ("pending", 1)]
    assert sent(engine, tmp_path) == [], "it waits"
    with engine.begin() as connection:
        connection.execute(text("UPDATE notice SET next_attempt_at = now() WHERE state = 'pending'"))
    assert [message.recipients for message in sent(engine, tmp_path)] == [("grey@other.example",)]


def test_without_a_relay_it_waits_and_with_one_that_is_down_too(engine: Engine, series: None, tmp_path: Path) -> None:
    ask(engine, "wang@inst.example")
    assert send_notices(engine, settings_for(tmp_path)) == 0
    with engine.begin() as connection:
        connection.execute(text("UPDATE notice SET next_attempt_at = now()"))
    assert send_notices(engine, settings_for(tmp_path, "smtp://127.0.0.1:9?starttls=none")) == 0
    assert state(engine) == [("pending", 2)]


def test_it_waits_until_a_broken_key_is_mended(engine: Engine, series: None, tmp_path: Path) -> None:
    ask(engine, "wang@inst.example")
    key = Path(create_key(DOMAIN, "r", Algorithm.RSA, settings_for(tmp_path)).origin)
    whole = key.read_bytes()
    key.write_bytes(whole[:100])
    assert sent(engine, tmp_path) == []
    assert state(engine) == [("pending", 1)]
    key.write_bytes(whole)
    with engine.begin() as connection:
        connection.execute(text("UPDATE notice SET next_attempt_at = now()"))
    assert len(sent(engine, tmp_path)) == 1


def test_another_relay_takes_it_where_the_first_is_down(engine: Engine, series: None, tmp_path: Path) -> None:
    ask(engine, "wang@inst.example")
    with running(World(shares=Shares.parse("none"))) as world:
        down = "smtp://127.0.0.1:9?starttls=none"
        assert send_notices(engine, settings_for(tmp_path, f"{down} {world.smtp_url}?starttls=none")) == 1
    assert state(engine) == [("accepted", 1)]


def test_it_is_given_up_in_the_end(engine: Engine, series: None) -> None:
    ask(engine, "wang@inst.example")
    now = datetime.now(UTC)
    for _ in range(len(WAITS) + 1):
        with engine.begin() as connection:
            outbox.settle(connection, [Settled(1, accepted=False, final=False, reply="451 later")], now)
    assert state(engine) == [("failed", len(WAITS) + 1)]


def test_who_has_confirmed_or_waited_too_long_is_not_asked(engine: Engine, series: None) -> None:
    ask(engine, "wang@inst.example")
    with engine.begin() as connection:
        assert outbox.any_due(connection, datetime.now(UTC))
        later = datetime.now(UTC) + timedelta(days=8)
        assert not outbox.any_due(connection, later)
        assert outbox.claim(connection, later, 10) == []


def test_without_an_address_to_send_from_nobody_is_kept_busy(engine: Engine, series: None) -> None:
    ask(engine, "wang@inst.example")
    with engine.begin() as connection:
        connection.execute(text("UPDATE publication SET sender = NULL"))
        assert not outbox.any_due(connection, datetime.now(UTC))


def test_a_worker_is_told_of_it_and_of_nothing_when_nothing_is_due(
    engine: Engine, redis_client: redis.Redis, redis_url: str, series: None
) -> None:
    app = make_app(redis_url)
    queue_notices(engine, app, redis_client)
    assert redis_client.llen(QUEUE) == 0
    ask(engine, "wang@inst.example")
    queue_notices(engine, app, redis_client)
    assert redis_client.llen(QUEUE) == 1
    assert SEND_NOTICES.encode() in redis_client.lindex(QUEUE, 0)  # type: ignore[operator]


def test_what_a_relay_has_taken_before_it_failed_is_not_sent_again(engine: Engine, series: None, tmp_path: Path) -> None:
    for number in range(3):
        ask(engine, f"a{number}@inst{number}.example")

    def answer(line: str, connection: int) -> bytes | None:
        return b"421 4.3.2 down\r\n" if connection > 1 and line.startswith(("EHLO", "HELO")) else None

    async def scenario() -> list[Accepted]:
        async with serve(Script(answer=answer)) as server:
            url = f"smtp://127.0.0.1:{server.port}?starttls=none&connections=1&messages=1"
            assert await asyncio.to_thread(send_notices, engine, settings_for(tmp_path, url)) == 1
            return server.accepted

    assert len(asyncio.run(scenario())) == 1
    assert sorted(state(engine)) == [("accepted", 1), ("pending", 1), ("pending", 1)]


def test_what_was_taken_is_on_record_while_a_server_is_silent_about_another(
    engine: Engine, series: None, tmp_path: Path
) -> None:
    for address in ("wang@inst.example", "li@silent.example"):
        ask(engine, address)
    recorded, seen = threading.Event(), []

    def note(connection: Connection) -> None:
        if connection.execute(text("SELECT FROM notice WHERE state = 'accepted'")).first() is not None:
            recorded.set()

    def answer(line: str, connection: int) -> bytes | None:
        if "silent.example" not in line:
            return None
        seen.append(recorded.wait(10))
        return b"250 2.1.5 ok\r\n"

    async def scenario() -> None:
        async with serve(Script(answer=answer, extensions=())) as server:
            url = f"smtp://127.0.0.1:{server.port}?starttls=none&connections=1"
            await asyncio.to_thread(send_notices, engine, settings_for(tmp_path, url))

    event.listen(engine, "commit", note)
    try:
        asyncio.run(scenario())
    finally:
        event.remove(engine, "commit", note)
    assert seen == [True]


def test_a_worker_that_is_to_end_waits_for_no_server_about_its_notices(engine: Engine, series: None, tmp_path: Path) -> None:
    for number in range(3):
        ask(engine, f"a{number}@inst{number}.example")
    give_up = threading.Event()

    def answer(line: str, connection: int) -> bytes | None:
        if line != ".":
            return None
        give_up.set()
        return b""

    async def scenario() -> None:
        async with serve(Script(answer=answer, extensions=())) as server:
            settings = settings_for(tmp_path, f"smtp://127.0.0.1:{server.port}?starttls=none&connections=1")
            assert await asyncio.to_thread(partial(send_notices, engine, settings, give_up=give_up)) == 0

    asyncio.run(scenario())
    assert state(engine) == [("pending", 1)] * 3
    with engine.connect() as connection:
        replies = list(connection.execute(text("SELECT reply FROM notice ORDER BY reply")).scalars())
    assert [reply[:15] for reply in replies] == ["no answer came ", "we were stopped", "we were stopped"]


def test_nobody_else_takes_a_notice_while_a_server_may_still_answer() -> None:
    patience = Deadlines()
    steps = patience.connect + patience.greeting + patience.command + patience.data + patience.dot
    assert timedelta(seconds=steps) < LEASE


def test_two_who_send_at_once_do_not_send_the_same(engine: Engine, series: None) -> None:
    for number in range(4):
        ask(engine, f"a{number}@inst{number}.example")
    now = datetime.now(UTC)
    with engine.begin() as one, engine.begin() as other:
        first, second = outbox.claim(one, now, 2), outbox.claim(other, now, 10)
    assert len(first) == len(second) == 2
    assert not {notice.id for notice in first} & {notice.id for notice in second}
