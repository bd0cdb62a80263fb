"""Messages and requests as nobody sends them: flipped, cut, spliced, nested and blown up; of what is JSON, any value another."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from mailer.feedback.webhooks import SERVICES
from tests.paths import CORPORA

_PIECES = (
    b"\r\n\r\n", b"\n--", b"=?gb2312?B?", b"?=", b"Content-Type: multipart/mixed; boundary=x\n\n--x\n",
    b"Content-Transfer-Encoding: base64\n",
    b"\x00", b"\xff\xfe", b"@", b"<", b">:", b"Final-Recipient: rfc822;", b"550 5.1.1 ", b"\n" * 500, b"a" * 5_000, b"<" * 3_000,
    b"(" * 3_000,
    b"charset=utf-7", b"charset=utf-16", b"charset=hz", b"charset=iso-2022-jp", b"a@" * 2_000, b"=" * 2_000, b"\\x{D800}", b"+41" * 1_000,
    b"Received: from a\n", "退信原因".encode("gbk"), b"boundary=\"\"", b"Date: Fri, 99 Foo 99999 99:99:99 +9999\n",
    b"&#x110000;", b" \t" * 2_000,
)  # fmt: skip


def seeds() -> list[bytes]:
    """The messages that are changed: those of the corpora where they are here, and a plain one."""
    plain = b"From: MAILER-DAEMON@a.example\nSubject: failure\n\n<b@c.example>:\n550 5.1.1 User unknown\n"
    return [plain, *(path.read_bytes() for path in sorted((CORPORA / "bounces").glob("*.eml")))] if CORPORA else [plain]


def _flip(message: bytes, rng: random.Random, _: Sequence[bytes]) -> bytes:
    octets = bytearray(message)
    for _ in range(rng.randint(1, 1 + len(octets) // 50)):
        if octets:
            octets[rng.randrange(len(octets))] = rng.randrange(256)
    return bytes(octets)


def _cut(message: bytes, rng: random.Random, _: Sequence[bytes]) -> bytes:
    start, end = sorted(rng.randint(0, len(message)) for _ in range(2))
    return message[:start] + message[end:]


def _splice(message: bytes, rng: random.Random, others: Sequence[bytes]) -> bytes:
    other = rng.choice(others)
    return message[: rng.randint(0, len(message))] + other[rng.randint(0, len(other)) :]


def _insert(message: bytes, rng: random.Random, _: Sequence[bytes]) -> bytes:
    for _ in range(rng.randint(1, 6)):
        place = rng.randint(0, len(message))
        message = message[:place] + rng.choice(_PIECES) * rng.choice((1, 1, 1, 10)) + message[place:]
    return message


def _nest(message: bytes, rng: random.Random, _: Sequence[bytes]) -> bytes:
    for level in range(rng.choice((1, 2, 3, 5, 40))):
        type_ = rng.choice((b"multipart/report; report-type=delivery-status", b"multipart/mixed", b"message/rfc822"))
        mark = b"b%d" % level
        message = b"From: MAILER-DAEMON@x.example\nContent-Type: %s; boundary=%s\n\n--%s\n%s\n--%s--\n" % (
            type_,
            mark,
            mark,
            message,
            mark,
        )
    return message


def _repeat(message: bytes, rng: random.Random, _: Sequence[bytes]) -> bytes:
    lines = message.split(b"\n")
    place = rng.randrange(len(lines))
    return b"\n".join([*lines[:place], *([lines[place]] * rng.choice((10, 1_000))), *lines[place:]])[:300_000]


_WAYS: tuple[Callable[[bytes, random.Random, Sequence[bytes]], bytes], ...] = (
    _flip,
    _flip,
    _cut,
    _splice,
    _insert,
    _nest,
    _repeat,
)


def mutated(count: int, seed: int) -> Iterator[bytes]:
    """So many messages, the same ones for the same seed."""
    rng, messages = random.Random(seed), seeds()
    for _ in range(count):
        message = rng.choice(messages)
        for way in rng.choices(_WAYS, k=rng.randint(1, 3)):
            message = way(message, rng, messages)
        yield message


# A service's name, the type of the body, and the body.
Request = tuple[str, str, bytes]
_VALUES: tuple[Any, ...] = (
    None, True, 0, -1, 1e308, 10**40, "", "\x00", "\ud800", "a" * 50_000, [], {}, [[]], {"": {}}, "9" * 400, "-99999-99-99T99:99:99Z",
    "a@b.example", ["a@b.example"] * 3_000, {"email": "a@b.example"}, "[" * 3_000, float("nan"), "{}", "<b>", "\u202e",
)  # fmt: skip


def requests() -> list[Request]:
    """The requests that are changed: those of the corpora where they are here, and a plain one for every service."""
    plain = json.dumps(
        [{"event": "bounce", "email": "a@b.example", "Email": "a@b.example", "timestamp": 1, "Type": "Bounce"}]
    ).encode()
    found = [(name, "application/json", plain) for name in SERVICES]
    names = {service.title: name for name, service in SERVICES.items()}
    lines = (CORPORA / "webhooks.jsonl").read_text(encoding="utf-8").splitlines() if CORPORA is not None else []
    for row in map(json.loads, lines):
        if row["esp"] in names:
            found.append((names[row["esp"]], row["content_type"], base64.b64decode(row["body_b64"])))
    return found


def mutated_requests(count: int, seed: int) -> Iterator[Request]:
    """So many requests, the same ones for the same seed."""
    rng, known = random.Random(seed), requests()
    bodies = [body for _, _, body in known]
    for _ in range(count):
        service, type_, body = rng.choice(known)
        if rng.random() < 0.5 and (changed := _with_other_values(body, rng)) is not None:
            yield service, type_, changed
            continue
        for way in rng.choices(_WAYS, k=rng.randint(1, 2)):
            body = way(body, rng, bodies)
        yield service, type_, body


def _with_other_values(body: bytes, rng: random.Random) -> bytes | None:
    """A JSON document with some of its values replaced by others; None where it is none."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return None
    for _ in range(rng.randint(1, 4)):
        document = _replaced(document, rng)
    return json.dumps(document).encode()


def _replaced(value: Any, rng: random.Random) -> Any:
    if isinstance(value, dict) and value and rng.random() < 0.9:
        key = rng.choice(list(value))
        return {**value, key: _replaced(value[key], rng)}
    if isinstance(value, list) and value and rng.random() < 0.9:
        place = rng.randrange(len(value))
        return [*value[:place], _replaced(value[place], rng), *value[place + 1 :]]
    if (
        isinstance(value, str)
        and value.startswith(("{", "["))
        and (inner := _with_other_values(value.encode(), rng)) is not None
    ):
        return inner.decode()
    return rng.choice(_VALUES)
