"""One run: a mailing is sent while faults strike, and when it has finished, everybody is accounted for."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from sqlalchemy import text

from mailer import mailings
from mailer.deliveries import DeliveryRecord, of_mailing
from mailer.rate import Rate
from mailer.sending import WINDOW
from mailer.world.fates import fate
from mailer.world.ledger import Ledger
from mailer.world.population import population
from subscribers.db import transaction
from tests import factories
from tests.chaos import system as systems
from tests.chaos.faults import Kind, Strike, plan
from tests.chaos.judgement import Account, judge
from tests.chaos.supervisor import End
from tests.chaos.system import SHARES, Stage, System
from tests.chaos.waiting import UNAVAILABLE, is_finished, wait_for

TERMS = replace(factories.TERMS, retry_scale=1 / 40_000, give_up_hours=1e9, breakers=False)
_LOOK_SECONDS = 0.05
_STILL_SECONDS = 10.0  # Without any progress for so long, the next fault comes all the same.


@dataclass(frozen=True, slots=True)
class Order:
    """What to try: `folder` keeps what the run leaves behind, `finish_seconds` is the patience with the end of it."""

    folder: Path
    recipients: int
    faults: int
    seed: int
    kinds: Sequence[Kind]
    pace: Rate | None
    disk_octets: int | None
    clocks: bool
    ageing: bool
    longest: float
    finish_seconds: float


@dataclass(frozen=True, slots=True)
class Result:
    """What a run came to. `ends` are the processes that ended before the run was over; `sending_seconds` the mailing's own time."""

    order: Order
    strikes: Sequence[Strike]
    finished: bool
    sending_seconds: float
    account: Account
    ends: Sequence[End]
    notes: Sequence[str]

    @property
    def killed(self) -> int:
        """The workers that were killed."""
        return sum(strike.kind.kills for strike in self.strikes)

    @property
    def bound(self) -> int:
        """How many doubles of ours there may be at most: a window for each worker that may have lost its record or its wires."""
        return WINDOW * sum(strike.kind.severs for strike in self.strikes)

    @property
    def passed(self) -> bool:
        """Whether nobody is lost, everything is explained, and there are no more doubles than there may be."""
        return self.finished and not self.account.faults and self.account.ours <= self.bound


def run(order: Order, tell: Callable[[str], None]) -> Result:
    """Send, strike, wait, judge. `tell` hears of each strike as it comes."""
    rng = random.Random(order.seed)
    strikes = plan(rng, order.faults, order.kinds, longest=order.longest)
    stage = Stage(order.folder, order.seed, order.disk_octets, order.clocks, order.ageing)
    with systems.running(stage) as system:
        mailing_id = _schedule(system, order)
        began = time.monotonic()
        _strike(system, strikes, order.recipients, tell)
        finished = wait_for(lambda: is_finished(system.engine, mailing_id), order.finish_seconds)
        seconds = time.monotonic() - began
        ends = tuple(system.supervisor.ends)
        notes = [] if finished else wait_for(lambda: _why_not(system, mailing_id), _STILL_SECONDS)
        rows = wait_for(lambda: _rows(system, mailing_id), _STILL_SECONDS)
    account = judge(rows, Ledger.load(order.folder / "servers.jsonl"), partial(fate, seed=order.seed, shares=SHARES))
    if account.recipients != order.recipients:
        notes.append(f"{account.recipients} recipients on record of {order.recipients}")
        finished = False
    return Result(order, strikes, finished, seconds, account, ends, notes)


def _schedule(system: System, order: Order) -> int:
    addresses = [person.address for person in population(order.recipients, order.seed)]
    return factories.schedule(system.engine, addresses, replace(TERMS, pace=order.pace)).mailing_id


def _strike(system: System, strikes: Sequence[Strike], recipients: int, tell: Callable[[str], None]) -> None:
    progress = _Progress(system.ledger_file)
    began = time.monotonic()
    threads = []
    for strike in strikes:
        progress.wait_for(int(strike.progress * recipients))
        tell(f"{time.monotonic() - began:6.1f} s  {progress.lines:6}  {strike}")
        thread = threading.Thread(target=_carry_out, args=(system, strike, tell), name=strike.kind.name, daemon=True)
        thread.start()
        threads.append(thread)
    for thread in threads:
        thread.join()


def _carry_out(system: System, strike: Strike, tell: Callable[[str], None]) -> None:
    try:
        strike.kind.strike(system, strike.seconds, strike.target)
    except (*UNAVAILABLE, OSError) as error:  # Another fault had struck what this one needs.
        tell(f"          {strike.kind.name} found no hold: {str(error).splitlines()[0]}")


class _Progress:
    """How much the servers have written into their ledger."""

    def __init__(self, file: Path) -> None:
        self.lines = 0
        self._file = file
        self._read = 0

    def wait_for(self, lines: int) -> None:
        """Until there are so many lines, or none has come for long."""
        moved = time.monotonic()
        while self.lines < lines and time.monotonic() - moved < _STILL_SECONDS:
            if self._look():
                moved = time.monotonic()
            time.sleep(_LOOK_SECONDS)

    def _look(self) -> bool:
        with open(self._file, "rb") as file:
            file.seek(self._read)
            fresh = file.read()
        self._read += len(fresh)
        self.lines += fresh.count(b"\n")
        return bool(fresh)


def _rows(system: System, mailing_id: int) -> list[DeliveryRecord]:
    with transaction(system.engine) as connection:
        return list(of_mailing(connection, mailing_id, None))


def _why_not(system: System, mailing_id: int) -> list[str]:
    with transaction(system.engine) as connection:
        record = mailings.find_mailing(connection, mailing_id)
        held = connection.execute(text("SELECT * FROM batch WHERE due_at IS NOT NULL OR lease IS NOT NULL LIMIT 5")).all()
        now = connection.execute(text("SELECT now()")).scalar_one()
    return [f"mailing {record.status}: {record.reason}; now {now}", *(str(dict(row._mapping)) for row in held)]
