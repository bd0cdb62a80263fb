"""Everything that reads what strangers send, given what nobody sends: `python -m tests.unit.feedback.fuzzing 100000 [SEED]`.

Half are messages, the others requests of mail services and tables of bounces. No exception but those that are promised, none for
longer than a second of CPU, and a peak of memory that the first thousand have reached already, but for a little. Ends with status 1 and
leaves what was read in a file where that does not hold. The same seed gives the same.
"""

from __future__ import annotations

import base64
import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice

from mailer.feedback import Facts, Judge, Refusal, WebhookSecrets, read_message, read_webhook
from mailer.feedback.departed import departed
from mailer.provider import ProviderTable
from mailer.reply import ReplyTable
from mailer.returns.tables import read_table
from subscribers.errors import InputError
from tests.unit.feedback.mutations import mutated, mutated_requests

LONGEST_SECONDS = 1.0
MOST_GROWTH = 100  # MiB, after the first WARM_UP
WARM_UP = 1_000
JUDGE = Judge(ReplyTable.load(), ProviderTable.load())
_NOW = datetime(2026, 11, 27, tzinfo=UTC)
_SECRETS = WebhookSecrets(basic=("jianbao:correct horse",))
_PROOF = "Basic " + base64.b64encode(_SECRETS.basic[0].encode()).decode()


@dataclass(frozen=True, slots=True)
class Input:
    """Octets, and what is to read them."""

    kind: str
    octets: bytes
    read: Callable[[bytes], Facts | None]


def inputs(count: int, seed: int) -> Iterator[Input]:
    """So many, mixed: of every four two messages, a request and a table."""
    messages, requests, tables = mutated(count, seed), mutated_requests(count, seed), mutated(count, seed + 1)
    while True:
        for message in islice(messages, 2):
            yield Input("message", message, lambda octets: read_message(octets, JUDGE))
        service, type_, body = next(requests)
        yield Input(service, body, _reader_of(service, type_))
        yield Input("table", b"email,reason,time\na@b.example,550 5.1.1 unknown,2026-11-27\n" + next(tables), _table)


def _reader_of(service: str, type_: str) -> Callable[[bytes], Facts | None]:
    def read(octets: bytes) -> Facts | None:
        headers = {"Content-Type": type_, "Authorization": _PROOF}
        read = read_webhook(service, headers, octets, {}, secrets=_SECRETS, now=_NOW, judge=JUDGE)
        return None if isinstance(read, Refusal) else read

    return read


def _table(octets: bytes) -> Facts | None:
    try:
        return read_table(octets, JUDGE)
    except InputError:
        return None


def seconds_of(given: Input) -> float:
    """How long it takes to read, in seconds of CPU; what is said must be fit for JSON, and so for the database and the terminal."""
    started = time.process_time()
    read = given.read(given.octets)
    for fact in read.facts if read is not None else ():
        json.dumps([fact.recipient, fact.diagnostic, fact.status, dict(fact.metadata)], ensure_ascii=False).encode()
        departed(fact.diagnostic, (fact.recipient,))
    return time.process_time() - started


def main() -> int:
    """Read so many, and say how it goes."""
    count, seed, slowest, first = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1, 0.0, 0
    for number, given in enumerate(islice(inputs(count, seed), count), 1):
        try:
            seconds = seconds_of(given)
        except Exception as error:
            return _fail(given, f"{error!r} at number {number}")
        if seconds > LONGEST_SECONDS:
            return _fail(given, f"{seconds:.1f} s of CPU at number {number}")
        slowest = max(slowest, seconds)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        first = peak if number <= WARM_UP else first
        if peak - first > MOST_GROWTH:
            return _fail(given, f"{peak} MiB at number {number}, after {first} MiB")
        if number % WARM_UP == 0 or number == count:
            sys.stdout.write(f"\r{number} read, the slowest in {slowest:.3f} s of CPU, at most {peak} MiB")
            sys.stdout.flush()
    sys.stdout.write("\n")
    return 0


def _fail(given: Input, trouble: str) -> int:
    with tempfile.NamedTemporaryFile(prefix=f"jianbao-{given.kind}-", delete=False) as file:
        file.write(given.octets)
    sys.stdout.write(f"\n{given.kind}: {trouble}. It is kept in {file.name}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
