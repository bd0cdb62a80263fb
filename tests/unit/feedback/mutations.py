"""Messages as nobody sends them: flipped, cut, spliced, nested and blown up. `python -m tests.unit.feedback.mutations 100000` runs long."""

from __future__ import annotations

import json
import random
import resource
import sys
import time
from collections.abc import Callable, Iterator, Sequence

from mailer.feedback import Judge, read_message
from mailer.provider import ProviderTable
from mailer.reply import ReplyTable
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


def main() -> None:
    """Read so many, and say after every thousand what came of it."""
    judge = Judge(ReplyTable.load(), ProviderTable.load())
    count, seed, slowest = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1, 0.0
    for number, message in enumerate(mutated(count, seed), 1):
        started = time.process_time()
        read = read_message(message, judge)
        json.dumps([fact.diagnostic for fact in read.facts], ensure_ascii=False).encode()
        slowest = max(slowest, time.process_time() - started)
        if number % 1_000 == 0 or number == count:
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
            sys.stdout.write(f"\r{number} messages, the slowest {slowest:.3f} s of CPU, at most {peak} MiB")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
