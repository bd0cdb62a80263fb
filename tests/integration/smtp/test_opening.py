"""From the connection to the first MAIL: greeting, TLS, login, and everything that can be wrong with them."""

from __future__ import annotations

import asyncio
import socket
from base64 import b64decode, b64encode
from dataclasses import replace

import pytest

from mailer.relay import parse_relays
from mailer.reply import Command
from mailer.smtp import Client, Failures, NotSent, Reason, RelayDown, Replied
from mailer.smtp.opening import open_session
from tests.integration.smtp.harness import PATIENT, QUICK, ListFeed, Sent, mail, relay_at, send, send_to, within
from tests.smtp_server import ALL_EXTENSIONS, Act, Answer, Script, certificate, serve

LOGIN = "bulletin%40example.org:s%3Acret@"
CLEARTEXT = relay_at(1, "starttls=none&cleartext_password=yes", LOGIN)
REQUIRE = relay_at(1, "starttls=require", LOGIN)
IMPLICIT = parse_relays("smtps://127.0.0.1:1")[0]
IF_OFFERED = relay_at(1, "starttls=if_offered")


def refusal(sent: Sent, reason: Reason) -> RelayDown:
    """The failure of a run in which nothing could be sent, and one message had been taken."""
    assert sent.down is not None, sent.outcomes
    assert sent.down.reason is reason
    assert sent.outcomes == {1: NotSent(reason, sent.down.detail, sent.down.reply, kept_out=True)}
    assert sent.feed.taken == [1]
    assert not sent.server.dots
    return sent.down


def answering(answers: dict[str, Answer], **script: object) -> Script:
    def choose(line: str, _: int) -> Answer:
        return next((answer for start, answer in answers.items() if line.startswith(start)), None)

    return Script(answer=choose, **script)  # type: ignore[arg-type]


@pytest.mark.parametrize("greeting", [b"554 5.7.1 you are on our list\r\n", b"554-5.7.1 you are\r\n554 5.7.1 on our list\r\n"])
def test_a_refusal_in_the_greeting_is_kept_whole(greeting: bytes) -> None:
    down = refusal(send(Script(greeting=greeting), [mail(1), mail(2)]), Reason.GREETING)
    assert down.reply is not None
    assert (down.reply.command, down.reply.code, down.reply.enhanced) == (Command.CONNECT, 554, "5.7.1")
    assert "you are" in str(down)


def test_a_refused_client_says_quit() -> None:
    sent = send(answering({"EHLO": b"450 4.7.1 who are you\r\n"}), [mail(1)])
    assert refusal(sent, Reason.GREETING).reply is not None
    assert sent.server.verbs() == ["EHLO", "QUIT"]


def test_a_server_that_refuses_ehlo_and_helo_is_down() -> None:
    down = refusal(send(answering({"EHLO": b"550 no\r\n", "HELO": b"550 no\r\n"}), [mail(1)]), Reason.GREETING)
    assert down.reply is not None
    assert down.reply.command is Command.EHLO


@pytest.mark.parametrize("start", ["EHLO", "STARTTLS", "AUTH"])
def test_421_may_come_at_any_step(start: str) -> None:
    trust = certificate()
    script = answering({start: b"421 4.3.2 not now\r\n"}, start_tls=trust.server, extensions=("AUTH PLAIN",))
    sent = send(script, [mail(1)], relay=REQUIRE, ssl_context=trust.client)
    assert refusal(sent, Reason.CLOSING).reply is not None


@pytest.mark.parametrize("start", ["EHLO", "STARTTLS", "AUTH"])
@pytest.mark.parametrize(
    ("answer", "reason"),
    [(Act.CLOSE, Reason.CLOSED), (Act.HANG, Reason.TIMEOUT), (b"what?\r\n", Reason.GARBAGE), (b"250 o", Reason.TIMEOUT)],
)
def test_a_server_may_fail_at_any_step(start: str, answer: Answer, reason: Reason) -> None:
    trust = certificate()
    script = answering({start: answer}, start_tls=trust.server, extensions=("AUTH PLAIN",))
    sent = send(script, [mail(1)], relay=REQUIRE, ssl_context=trust.client, deadlines=QUICK)
    assert start in refusal(sent, reason).detail or reason is Reason.GARBAGE


@pytest.mark.parametrize(
    ("greeting", "reason"),
    [(Act.CLOSE, Reason.CLOSED), (Act.HANG, Reason.TIMEOUT), (b"SSH-2.0-OpenSSH\r\n", Reason.GARBAGE)],
)
def test_what_is_no_smtp_server_is_down_and_there_is_something_to_check(greeting: bytes | Act, reason: Reason) -> None:
    down = refusal(send(Script(greeting=greeting), [mail(1)], deadlines=QUICK), reason)
    assert down.cure.startswith("Check that ")


def test_a_port_where_nobody_listens_is_down() -> None:
    with socket.create_server(("127.0.0.1", 0)) as ear:
        closed = ear.getsockname()[1]
    sent = send(Script(), [mail(1)], relay=relay_at(closed), keep_port=True)
    down = refusal(sent, Reason.CONNECT)
    assert str(down) == f"127.0.0.1:{closed}: no connection (127.0.0.1: Connection refused)" or "onnect" in str(down)


def test_a_name_that_does_not_exist_is_down() -> None:
    sent = send(Script(), [mail(1)], relay=parse_relays("smtp://relay.invalid")[0], keep_port=True)
    assert "cannot be resolved" in str(refusal(sent, Reason.CONNECT))


def test_we_greet_with_our_name_or_our_address() -> None:
    named = send(Script(), [mail(1)], relay=relay_at(1, "starttls=none&helo=mx.example.org&bind=127.0.0.1"))
    assert named.server.lines[0][1] == "EHLO mx.example.org"
    unnamed = send(Script(), [mail(1)])
    assert unnamed.server.lines[0][1] == "EHLO [127.0.0.1]"


def test_we_come_from_the_address_that_the_relay_asks_for() -> None:
    bound = send(Script(), [mail(1)], relay=relay_at(1, "starttls=none&bind=127.0.0.2"))
    assert bound.server.lines[0][1] == "EHLO [127.0.0.2]"
    assert bound.code(1) == 250


def test_a_relay_is_reached_over_ipv6() -> None:
    async def both() -> Sent:
        async with serve(host="::1") as server:
            return await send_to(server, [mail(1)], relay=parse_relays("smtp://[::1]:1?starttls=none&bind=::1")[0])

    sent = asyncio.run(both())
    assert sent.server.lines[0][1] == "EHLO [IPv6:::1]"
    assert sent.code(1) == 250


def test_an_address_that_failed_is_tried_last_so_that_each_connection_does_not_wait_for_it() -> None:
    addresses = ("127.0.0.9", "127.0.0.1")  # Nobody listens at the first.

    async def both() -> None:
        failures = Failures()
        assert failures.last(addresses) == list(addresses)
        async with serve() as server:
            relay = replace(relay_at(server.port), addresses=addresses)
            client = Client(relay, ListFeed([mail(1)]), connections=1, messages_per_connection=1, failures=failures)
            await within(client.run())
            assert failures.last(addresses) == list(reversed(addresses))

    asyncio.run(both())


def test_of_two_addresses_the_one_that_will_not_have_us_does_not_keep_the_other_from_us() -> None:
    async def both() -> None:
        failures = Failures()
        async with (
            serve(Script(greeting=b"421 4.3.2 not now\r\n"), "127.0.0.9") as sick,
            serve(None, "127.0.0.1", sick.port) as well,
        ):
            relay = replace(relay_at(well.port), addresses=("127.0.0.9", "127.0.0.1"))
            with pytest.raises(RelayDown):
                await open_session(relay, PATIENT, None, failures)
            session = await open_session(relay, PATIENT, None, failures)
            session.wire.abort()
            assert (sick.connections, well.connections) == (1, 1)

    asyncio.run(both())


@pytest.mark.parametrize("relay", [REQUIRE, IMPLICIT, IF_OFFERED])
def test_messages_travel_encrypted(relay: object) -> None:
    trust = certificate()
    script = Script(
        extensions=(*ALL_EXTENSIONS, "AUTH PLAIN"),
        start_tls=None if relay is IMPLICIT else trust.server,
        implicit_tls=trust.server if relay is IMPLICIT else None,
    )
    sent = send(script, [mail(key, size=40_000) for key in range(1, 5)], relay=relay, ssl_context=trust.client)  # type: ignore[arg-type]
    assert [accepted.content for accepted in sent.server.accepted] == [mail(key, size=40_000).content for key in range(1, 5)]
    assert all(accepted.tls for accepted in sent.server.accepted)
    assert all(isinstance(outcome, Replied) and outcome.reply.tls for outcome in sent.outcomes.values())


@pytest.mark.parametrize("relay", [relay_at(1, "starttls=require"), IMPLICIT])
def test_an_unknown_certificate_is_not_trusted(relay: object) -> None:
    trust = certificate()
    script = Script(
        start_tls=None if relay is IMPLICIT else trust.server, implicit_tls=trust.server if relay is IMPLICIT else None
    )
    down = refusal(send(script, [mail(1)], relay=relay), Reason.TLS)  # type: ignore[arg-type]
    assert "self-signed certificate" in down.detail


def test_a_certificate_for_another_host_is_not_trusted() -> None:
    trust = certificate("other.test")
    sent = send(Script(start_tls=trust.server), [mail(1)], relay=relay_at(1, "starttls=require"), ssl_context=trust.client)
    assert "IP address mismatch" in refusal(sent, Reason.TLS).detail


def test_encryption_that_was_only_offered_needs_no_trust() -> None:
    sent = send(Script(start_tls=certificate().server), [mail(1)], relay=IF_OFFERED)
    assert sent.code(1) == 250
    assert sent.server.accepted[0].tls


def test_encryption_that_was_only_wished_for_may_be_missing() -> None:
    assert send(Script(), [mail(1)], relay=IF_OFFERED).code(1) == 250


def test_encryption_that_is_required_may_not_be_missing() -> None:
    sent = send(Script(), [mail(1)], relay=relay_at(1, "starttls=require"))
    assert refusal(sent, Reason.TLS).detail == "STARTTLS is required and not offered"


def test_a_refused_starttls_is_not_passed_over() -> None:
    sent = send(
        answering({"STARTTLS": b"454 4.7.0 not available\r\n"}, start_tls=certificate().server), [mail(1)], relay=IF_OFFERED
    )
    down = refusal(sent, Reason.TLS)
    assert down.reply is not None
    assert down.reply.code == 454


@pytest.mark.parametrize("injected", [b"250 fake\r\n", b"2", b"250-mx.test\r\n250-AUTH PLAIN\r\n250 PIPELINING\r\n"])
def test_what_is_said_before_the_handshake_is_not_believed_after_it(injected: bytes) -> None:
    script = answering({"STARTTLS": b"220 go ahead\r\n" + injected}, start_tls=certificate().server)
    refusal(send(script, [mail(1)], relay=IF_OFFERED), Reason.GARBAGE)


def test_what_is_offered_before_the_handshake_is_forgotten() -> None:
    trust = certificate()
    script = Script(
        extensions=("PIPELINING", "SIZE 10", "AUTH PLAIN"), extensions_after_tls=("LIMITS MAILMAX=1",), start_tls=trust.server
    )
    sent = send(script, [mail(1), mail(2)], relay=IF_OFFERED)
    assert (sent.code(1), sent.code(2)) == (250, 250)  # over the 10 octets of the first EHLO
    assert sent.server.connections == 2
    assert sent.server.pipelined_groups == 0


def accepting_login(line: str, _: int) -> Answer:
    if line.startswith("AUTH LOGIN"):
        return b"334 VXNlcm5hbWU6\r\n"
    if line == b64encode(b"bulletin@example.org").decode():
        return b"334 UGFzc3dvcmQ6\r\n"
    return b"235 2.7.0 welcome\r\n" if line == b64encode(b"s:cret").decode() or line.startswith("AUTH ") else None


@pytest.mark.parametrize("offer", ["AUTH PLAIN LOGIN", "AUTH LOGIN", "AUTH=LOGIN"])
def test_we_log_in_as_the_server_offers(offer: str) -> None:
    sent = send(Script(extensions=("PIPELINING", offer), answer=accepting_login), [mail(1)], relay=CLEARTEXT)
    assert sent.code(1) == 250
    login = sent.server.lines[1][1]
    if "PLAIN" in offer:
        assert b64decode(login.removeprefix("AUTH PLAIN ")) == b"\0bulletin@example.org\0s:cret"
    else:
        assert [line for _, line in sent.server.lines[2:4]] == [
            b64encode(part).decode() for part in (b"bulletin@example.org", b"s:cret")
        ]


def test_xoauth2_carries_the_token() -> None:
    relay = relay_at(1, "starttls=none&cleartext_password=yes&auth=xoauth2", LOGIN)
    sent = send(Script(extensions=("AUTH PLAIN XOAUTH2",), answer=accepting_login), [mail(1)], relay=relay)
    token = sent.server.lines[1][1].removeprefix("AUTH XOAUTH2 ")
    assert b64decode(token) == b"user=bulletin@example.org\1auth=Bearer s:cret\1\1"


def test_a_refused_token_gets_its_reply_after_an_empty_answer() -> None:
    relay = relay_at(1, "starttls=none&cleartext_password=yes&auth=xoauth2", LOGIN)
    script = answering(
        {"AUTH": b"334 eyJzdGF0dXMiOiI0MDEifQ==\r\n", "QUIT": None, "EHLO": None, "": b"535 5.7.8 expired\r\n"},
        extensions=("AUTH XOAUTH2",),
    )
    down = refusal(send(script, [mail(1)], relay=relay), Reason.AUTH)
    assert down.reply is not None
    assert down.reply.code == 535


def test_a_wrong_password_is_tried_once_whatever_the_number_of_connections() -> None:
    script = answering({"AUTH": b"535 5.7.8 bad credentials\r\n"}, extensions=("AUTH PLAIN",))
    sent = send(script, [mail(key) for key in range(1, 100)], relay=CLEARTEXT, connections=16)
    down = refusal(sent, Reason.AUTH)
    assert down.reply is not None
    assert str(down.reply) == "535 5.7.8 bad credentials"
    assert sent.server.verbs().count("AUTH") == 1
    assert sent.server.connections == 1


def test_endless_challenges_are_called_off() -> None:
    script = answering(
        {"AUTH": b"334 \r\n", "*": b"501 5.7.0 called off\r\n", "QUIT": None, "EHLO": None, "": b"334 more\r\n"},
        extensions=("AUTH LOGIN",),
    )
    sent = send(script, [mail(1)], relay=CLEARTEXT)
    assert refusal(sent, Reason.AUTH).reply is not None
    assert sent.server.lines[4][1] == "*"


def test_a_server_without_our_mechanism_is_told_apart_from_one_that_refuses() -> None:
    down = refusal(send(Script(extensions=("AUTH CRAM-MD5",)), [mail(1)], relay=CLEARTEXT), Reason.AUTH)
    assert down.reply is None
    assert down.detail == "we would log in by PLAIN or LOGIN, the server offers CRAM-MD5"


@pytest.mark.parametrize("offers_tls", [False, True])
def test_no_password_goes_in_clear(offers_tls: bool) -> None:
    relay = relay_at(1, "starttls=if_offered", LOGIN)
    script = Script(extensions=("AUTH PLAIN",), start_tls=certificate().server if offers_tls else None)
    sent = send(script, [mail(1)], relay=relay)
    refusal(sent, Reason.TLS)  # without TLS, or with a certificate that nobody trusts
    assert not [line for _, line in sent.server.lines if line.startswith("AUTH")]
