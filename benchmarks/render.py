"""Composing one recipient's message, against joining the same octets.

Ours: `Composer.compose` for recipients who differ, each message thrown away as the wire would. Reference: `bytes.join` of such a
message in as many pieces as the edition has literals and holes: the least that anybody must do who keeps what is the same for all.
Both run in one thread of this process, in blocks that take turns. What counts is the thread's CPU time, which other programs change
little.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import pairwise

from benchmarks import bulletin
from benchmarks.figures import Figure, Pair, Report, in_turns, rounded
from benchmarks.opponents import MESSAGE_OCTETS
from benchmarks.options import Options
from mailer.message import Recipient

RECIPIENTS = 5_000  # A block.


def run(options: Options) -> Report:
    """Microseconds a message."""
    edition = bulletin.edition_of(bulletin.issue_of(MESSAGE_OCTETS))
    composer = bulletin.composer_of(edition)
    recipients = [_recipient(number) for number in range(options.recipients)]
    pieces = cut(composer.compose(bulletin.SOMEBODY).content, len(edition.html) + len(edition.text))

    def compose() -> None:
        for recipient in recipients:
            composer.compose(recipient)

    def join() -> None:
        for _ in recipients:
            b"".join(pieces)

    measured = in_turns(
        options.pairs,
        lambda: _microseconds(compose, options.recipients),
        lambda: _microseconds(join, options.recipients),
        lambda ours, reference: f"{ours:.1f} µs against {reference:.1f} µs",
    )
    pairs = tuple(Pair(ours, reference) for ours, reference in measured)
    more = {"octets": sum(map(len, pieces)), "pieces": len(pieces)}
    return Report("render", (Figure("render", "compose a message", "µs", pairs, most=3.0),), more)


def cut(content: bytes, number: int) -> list[bytes]:
    """`content` in `number` pieces of nearly the same size."""
    bounds = [place * len(content) // number for place in range(number + 1)]
    return [content[start:stop] for start, stop in pairwise(bounds)]


def _recipient(number: int) -> Recipient:
    institute = number % 1000
    return Recipient(number + 1, f"reader{number}@institute{institute}.example", "王明远", f"青禾省第{institute}机械工业研究院")


def _microseconds(work: Callable[[], None], times: int) -> float:
    began = time.thread_time()
    work()
    return rounded((time.thread_time() - began) / times * 1e6)
