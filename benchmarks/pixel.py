"""Opens at the web server, every one of them kept, against the same server that answers a constant.

Both are whole web servers in processes of their own, with the same middleware and route; ours verifies the token and has the hit in the
broker's stream before it answers. The client is a small asyncio program in another process (benchmarks/pixel_client.py), over
CONNECTIONS connections that stay open. After every run of ours the stream must hold exactly as many hits as were answered. Then the
waits are told at half the rate that was reached: requests begin by the clock, whatever has been answered.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

import redis

from benchmarks.figures import CannotMeasure, Figure, Pair, Report, in_turns, progress
from benchmarks.options import Options
from mailer.embedded import embedded_services
from mailer.events import STREAM, hits_in
from mailer.tokens import Tokens

RECIPIENTS = 4_000  # Hits a run.
CONNECTIONS = 64
TOKENS = Tokens(b"a key for the benchmark alone")
_MOST_MILLISECONDS = 25.0
_START_TRIES = 100


def run(options: Options) -> Report:
    """Hits a second of both, and how long one waits at half of ours."""
    with tempfile.TemporaryDirectory(prefix="jianbao-pixel-") as folder, embedded_services(Path(folder)) as urls:
        broker = redis.Redis.from_url(urls.redis)
        with _server("ours", urls.database, urls.redis) as ours, _server("constant", urls.database, urls.redis) as constant:
            for port in (ours, constant):
                _ask(port, 200)
            measured = in_turns(
                options.pairs,
                lambda: _kept(broker, ours, options.recipients),
                lambda: _ask(constant, options.recipients)["rate"],
                lambda mine, theirs: f"{mine:.0f}/s against {theirs:.0f}/s",
            )
            half = statistics.median(mine for mine, _ in measured) / 2
            waits = [_ask(ours, options.recipients, half)["p99_ms"] for _ in range(3)]
    pairs = tuple(Pair(mine, theirs) for mine, theirs in measured)
    slow = tuple(Pair(wait, _MOST_MILLISECONDS) for wait in waits)
    progress(f"  p99 at {half:.0f}/s: {', '.join(f'{wait:.1f}' for wait in waits)} ms")
    return Report(
        "pixel",
        (
            Figure("pixel", "hits kept", "hits/s", pairs, least=0.6),
            Figure("p99", "p99 at half load, against 25 ms", "ms", slow, most=1.0),
        ),
        {"connections": CONNECTIONS, "hits": options.recipients, "half_load": half, "client": "asyncio"},
    )


@contextmanager
def _server(kind: str, database: str, broker: str) -> Iterator[int]:
    command = [sys.executable, "-m", "benchmarks.pixel_server", kind, database, broker]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert child.stdout is not None
        port = int(child.stdout.readline())
        _await_start(port, child)
        yield port
    finally:
        child.kill()
        child.wait()


def _await_start(port: int, child: subprocess.Popen[str]) -> None:
    for _ in range(_START_TRIES):
        try:
            urlopen(f"http://127.0.0.1:{port}/o/x.gif", timeout=5).close()
        except OSError:
            if child.poll() is not None:
                break
            time.sleep(0.1)
        else:
            return
    raise CannotMeasure("the web server did not start. Try it by hand: python -m benchmarks.pixel_server.")


def _kept(broker: redis.Redis, port: int, hits: int) -> float:
    """The rate of one run, after which the stream holds each hit once."""
    broker.delete(STREAM)
    found = _ask(port, hits)
    kept = hits_in(broker)
    if kept != found["answered"]:
        raise CannotMeasure(f"{found['answered']:.0f} hits were answered, and {kept} were kept.")
    return found["rate"]


def _ask(port: int, hits: int, rate: float = 0.0) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.pixel_client", *map(str, (port, hits, CONNECTIONS, rate))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CannotMeasure(f"the client stopped: {done.stderr.strip().splitlines()[-1]}")
    answer: dict[str, float] = json.loads(done.stdout)
    return answer
