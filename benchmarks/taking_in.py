"""One process that takes in and reads what a file of lines holds, and prints how long that took and its peak of memory.

A line is a JSON object: `to` and `content` of a message, or `headers` and `content` of a SendGrid request; contents are in base64. What
is measured is what the listener and the web server do with it once they have its octets – a request is proven, everything is
committed – and all that the reading does, to the last state; not the making of the octets, and no socket.
"""

from __future__ import annotations

import base64
import gc
import json
import os
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import structlog

from benchmarks.accounting import peak_bytes
from mailer.bootstrap import open_services
from mailer.feedback import Refusal, read_webhook
from mailer.feedback_models import Way
from mailer.returns import intake
from mailer.returns.arrivals import Arrival
from mailer.returns.equipment import make_reader
from mailer.returns.intake import Reader
from mailer.returns.services import parse_services
from mailer.settings import read_settings

_LOTS_BETWEEN = 6  # The reading comes a little later, and finds several commits' worth.
SERVICE = "sendgrid"
_AT_ONCE = 50  # messages that come at the same time and share a commit, as with so many connections


def main(file: Path) -> None:
    """Take everything in, read it all, and print seconds and octets."""
    settings = read_settings(os.environ, Path("/nonexistent/.env"))
    with open_services(settings) as services:
        structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
        reader, seconds, processor = make_reader(services.engine, settings), 0.0, 0.0
        gc.collect()
        gc.freeze()  # as the scheduler does
        with file.open(encoding="utf-8") as lines:
            while lots := [lot for _ in range(_LOTS_BETWEEN) if (lot := [_arrival(line) for line in islice(lines, _AT_ONCE)])]:
                began, used = time.perf_counter(), time.process_time()
                for lot in lots:
                    _prove(reader, lot)
                    intake.keep(services.engine, lot)
                while intake.read_lot(services.engine, reader) is not None:
                    pass
                seconds, processor = seconds + time.perf_counter() - began, processor + time.process_time() - used
        sys.stdout.write(json.dumps({"seconds": seconds, "processor": processor, "peak": peak_bytes(os.getpid())}) + "\n")


def _arrival(line: str) -> Arrival:
    document, now = json.loads(line), datetime.now(UTC)
    content = base64.b64decode(document["content"])
    if "to" in document:
        return Arrival(Way.LISTENER, content, now, envelope_to=(document["to"],), null_sender=True)
    return Arrival(Way.WEBHOOK, content, now, service=SERVICE, headers=document["headers"])


def _prove(reader: Reader, lot: list[Arrival]) -> None:
    secrets = parse_services(reader.settings)
    for request in _requests(lot):
        headers, now = request.headers, request.received_at
        read = read_webhook(SERVICE, headers, request.content, {}, secrets=secrets[SERVICE], now=now, judge=reader.judge)
        if isinstance(read, Refusal):
            raise SystemExit(f"a request was refused: {read}")


def _requests(lot: list[Arrival]) -> Iterator[Arrival]:
    return (arrival for arrival in lot if arrival.way is Way.WEBHOOK)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
