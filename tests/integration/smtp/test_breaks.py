"""The connection is broken off after every single byte: no message is lost, doubled or called accepted when it was not."""

from __future__ import annotations

import asyncio

import pytest

from mailer.smtp import InDoubt, NotSent, Replied
from tests.integration.smtp.harness import Sent, mail, send, send_to
from tests.smtp_server import Answer, Script, serve

MESSAGES = [mail(key) for key in (1, 2, 3)]
EXTENSIONS = pytest.mark.parametrize("extensions", [("PIPELINING",), ()], ids=["pipelined", "lock-step"])


def refuses_the_second(line: str, _: int) -> Answer:
    return b"550 5.1.1 no such user\r\n" if line.startswith("RCPT TO:<member2@") else None


def check(sent: Sent) -> None:
    """The client's books against the server's. `outcomes` has already checked that each is settled exactly once."""
    accepted = [message.content for message in sent.server.accepted]
    assert len(set(accepted)) == len(accepted)
    for message in MESSAGES:
        seen_whole = message.content in sent.server.dots
        match sent.outcomes.get(message.key):
            case Replied(reply) if reply.code == 250:
                assert message.content in accepted
            case Replied(reply):
                assert (message.key, reply.code) == (2, 550)
            case NotSent():
                assert not seen_whole
            case InDoubt():
                # Its dot had left: the server had allowed the content, and may have it or not.
                assert message.content not in accepted
                assert ("DATA" in sent.server.verbs(1)) or ("DATA" in sent.server.verbs(2))
            case None:
                assert message.key not in sent.feed.taken


@EXTENSIONS
def test_broken_off_after_any_byte_of_the_server(extensions: tuple[str, ...]) -> None:
    total = whole(extensions).server.bytes_sent
    assert total > 200

    async def all_of_them() -> None:
        for octets in range(total + 1):
            async with serve(Script(extensions=extensions, answer=refuses_the_second, sends=octets)) as server:
                check(await send_to(server, MESSAGES))

    asyncio.run(all_of_them())


@EXTENSIONS
def test_broken_off_after_any_byte_of_ours(extensions: tuple[str, ...]) -> None:
    total = whole(extensions).server.bytes_read
    assert total > 250

    async def all_of_them() -> None:
        for octets in range(total + 1):
            async with serve(Script(extensions=extensions, answer=refuses_the_second, reads=octets)) as server:
                check(await send_to(server, MESSAGES))

    asyncio.run(all_of_them())


def whole(extensions: tuple[str, ...]) -> Sent:
    sent = send(Script(extensions=extensions, answer=refuses_the_second), MESSAGES)
    assert [sent.code(key) for key in (1, 2, 3)] == [250, 550, 250]
    check(sent)
    return sent
