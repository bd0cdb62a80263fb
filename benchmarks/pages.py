"""A mailing while its readers load pictures and follow links, against the same mailing while nobody does.

The whole product on one machine: scheduler, two workers, the web server, PostgreSQL, Valkey, and beside them smtp-sink and the readers,
all on the machine's cores. Readers make VISITS requests a second, four pictures to one counted link, of an earlier mailing's recipients:
a bulletin to 20,000 of whom a third look within the first hour makes two a second. Their hits are verified, kept, flushed into the
table by the scheduler and judged there, as ever, and the run is void unless the table has gained as many as were answered. In the
reference the web server runs and is not asked.

Two mailings are measured so, in turns with and without readers. One, a quarter as large, is held to PACE, some ten times what providers
allow: it shows whether readers hold anybody up. The other is held by nothing and has both cores to the last, so that every request
takes CPU from it: what is lost there is what readers cost, the load generator's own share included, which a real installation does not
bear. What a visit costs the web server is told beside it, since its share of the cores is steadier than any rate.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from sqlalchemy import text

from benchmarks.accounting import cpu_seconds
from benchmarks.figures import CannotMeasure, Figure, Pair, Report, in_turns, progress, rounded
from benchmarks.office import UNREACHED, Office, open_office
from benchmarks.opponents import smtp_sink
from benchmarks.options import Options
from mailer.demo.stage import free_port
from mailer.processes import Processes
from mailer.rate import Rate
from mailer.settings import PREFIX
from mailer.tokens import Purpose, Tokens
from subscribers.db import transaction

RECIPIENTS = 20_000
PACE = Rate(200, 1)
VISITS = 50.0  # requests a second
WORKERS = 2
_PACED_SHARE = 4
_READERS = 2_000
_OPENS_TO_A_CLICK = 4
_LEAST_SHARE = 0.9  # of VISITS, without which the readers were no load
_SECONDS = 30.0
_LOOK_SECONDS = 0.1


def run(options: Options) -> Report:
    """The mailing's rate with readers against its rate without them: at its pace, and as fast as it goes."""
    with open_office() as office, smtp_sink() as sink, office.crew(sink, WORKERS) as crew, _visitors(office) as visitors:

        def in_pairs(about: str, recipients: int, pace: Rate) -> tuple[Pair, ...]:
            def send() -> float:
                return office.send(crew, recipients, pace).rate

            progress(about)
            measured = in_turns(options.pairs, lambda: visitors.read_meanwhile(send), send, _tell)
            return tuple(Pair(with_readers, without) for with_readers, without in measured)

        paced = in_pairs(f"at {PACE}", max(1, options.recipients // _PACED_SHARE), PACE)
        unpaced = in_pairs("without a pace", options.recipients, UNREACHED)
    figures = (
        Figure("pages", f"a mailing's rate with readers, at {PACE}", "messages/s", paced, least=0.95),
        Figure("unpaced", "the same without a pace", "messages/s", unpaced, least=0.95),
    )
    more = {
        "recipients": options.recipients,
        "visits": VISITS,
        "visit_µs": rounded(visitors.cost),
        "p99_ms": rounded(visitors.p99),
    }
    return Report("pages", figures, more)


def _tell(with_readers: float, without: float) -> str:
    return f"{with_readers:.0f}/s with readers, {without:.0f}/s without: {rounded(with_readers / without)}"


class Visitors:
    """Readers of an earlier mailing, and the web server that they ask, whose process is `server`."""

    def __init__(self, office: Office, port: int, server: int) -> None:
        self._office, self._port, self._server = office, port, server
        self._paths = _write_paths(office)
        self._costs: list[float] = []
        self._p99s: list[float] = []

    @property
    def cost(self) -> float:
        """The web server's CPU for a visit, in microseconds."""
        return statistics.median(self._costs)

    @property
    def p99(self) -> float:
        """The 99th part of the waits, in milliseconds: the median of all runs."""
        return statistics.median(self._p99s)

    def read_meanwhile(self, send: Callable[[], float]) -> float:
        """What `send` gives, with readers from its beginning to its end. CannotMeasure unless the table has each of their hits."""
        before, used = self._kept(), cpu_seconds([self._server])
        command = [sys.executable, "-m", "benchmarks.visits", *map(str, (self._port, VISITS, self._paths))]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as readers:
            try:
                rate = send()
                said = readers.communicate("", timeout=_SECONDS)[0]
            finally:
                readers.kill()
        if readers.returncode:
            raise CannotMeasure("the readers were not answered as they should be; what the server said is above.")
        found: dict[str, float] = json.loads(said)
        if found["rate"] < _LEAST_SHARE * VISITS:
            raise CannotMeasure(
                f"readers came at {found['rate']:.0f} a second instead of {VISITS:.0f}: the machine is too slow."
            )
        self._costs.append((cpu_seconds([self._server]) - used) / found["answered"] * 1e6)
        self._p99s.append(found["p99_ms"])
        self._await(before + int(found["answered"]))
        return rate

    def _await(self, expected: int) -> None:
        deadline = time.monotonic() + _SECONDS
        while (kept := self._kept()) != expected:
            if kept > expected or time.monotonic() > deadline:
                raise CannotMeasure(f"of {expected} hits that were answered {kept} are in the table.")
            time.sleep(_LOOK_SECONDS)

    def _kept(self) -> int:
        with transaction(self._office.services.engine) as connection:
            return int(connection.execute(text("SELECT count(*) FROM event")).scalar_one())


@contextmanager
def _visitors(office: Office) -> Iterator[Visitors]:
    """The web server as `jianbao web` runs it, once it answers, and readers for it."""
    port = free_port()
    environment = office.environment | {f"{PREFIX}WEB_PORT": str(port)}
    with open(office.folder / "web.log", "wb") as log, Processes(environment, log) as web:
        server = web.start("web", [sys.executable, "-m", "mailer.cli", "web"])
        deadline = time.monotonic() + _SECONDS
        while not _answers(port):
            web.check()
            if time.monotonic() > deadline:
                raise CannotMeasure("the web server did not start. Try it by hand: jianbao web.")
            time.sleep(_LOOK_SECONDS)
        yield Visitors(office, port, server.pid)


def _answers(port: int) -> bool:
    try:
        urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5).close()
    except (URLError, OSError):
        return False
    return True


def _write_paths(office: Office) -> Path:
    """A file of what the readers of the mailing that warmed the workers up ask for."""
    tokens = Tokens(office.services.settings.secret_key())
    with transaction(office.services.engine) as connection:
        ids = connection.execute(text("SELECT id FROM delivery ORDER BY id LIMIT :most"), {"most": _READERS}).scalars().all()
    paths = []
    for number, delivery_id in enumerate(ids):
        paths.append(f"/o/{tokens.sign(Purpose.OPEN, delivery_id)}.gif")
        if number % _OPENS_TO_A_CLICK == 0:
            paths.append(f"/c/{tokens.sign(Purpose.CLICK, delivery_id)}.0")
    file = office.folder / "paths"
    file.write_text("\n".join(paths), encoding="utf-8")
    return file
