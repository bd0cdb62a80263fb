"""The live view of a mailing: a bar, the rate, the time left."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Column
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import OperationalError

from mailer import holds, mailings, planning, standstill
from mailer.estimate import forecast
from mailer.mailings import Counts, MailingRecord
from mailer.models import MailingStatus
from mailer.publishing import situation_of
from mailer.settings import Settings
from subscribers.db import database_time, transaction
from subscribers.errors import ServiceError

_OVER = (MailingStatus.FINISHED, MailingStatus.CANCELLED)
_LOOK_SECONDS = 0.25
_LOOKS_OF_THE_RATE = 40
_PREDICT_SECONDS = 5.0
_PATIENCE_SECONDS = 600.0
_DAY = timedelta(hours=20)

Predict = Callable[[Connection, MailingRecord, datetime], datetime | None]


def nothing_predicted(_connection: Connection, _record: MailingRecord, _now: datetime) -> datetime | None:
    """For those who do not want to know."""
    return None


def predict(settings: Settings, connection: Connection, record: MailingRecord, now: datetime) -> datetime | None:
    """When what is left of a mailing will have been tried, by its terms; not before all of it is due, which a server may have put off.

    None where all that is left is held for staff: only they know.
    """
    held = _held(connection, record.id)
    left = {one: number for one, number in planning.left_by_provider(connection, record.id).items() if one not in held}
    if held and not left:
        return None
    terms, rest_goes_at = record.terms, holds.rest_goes_at(connection, record.id, now)
    if rest_goes_at is not None or not holds.rest_waits(connection, record.id):
        terms = replace(terms, canary=None)
    start = max(now, rest_goes_at or now)
    finishes = forecast(left, terms, situation_of(connection, settings), start).finishes_at
    last_due = planning.last_due(connection, record.id)
    return max(finishes, last_due) if finishes and last_due else finishes


def _held(connection: Connection, mailing_id: int) -> list[str]:
    return [breaker.provider for breaker in holds.open_now(connection, mailing_id) if breaker.provider]


def follow(
    engine: Engine,
    mailing_id: int,
    *,
    check: Callable[[], None] = lambda: None,
    predict: Predict = nothing_predicted,
    zone: ZoneInfo | None = None,
) -> tuple[MailingRecord, Counts]:
    """Show a mailing's progress on stderr until it is over, corrected as it goes. `check` is called at each look, and may raise.

    A database that goes away meanwhile, such as for a restart, is waited for.
    """
    bar = (TextColumn("{task.description}"), BarColumn(bar_width=20), TextColumn("{task.fields[done]}"))
    # The one that is broken, and shortened never. What servers say is no markup: one that named [/help] would end the watch.
    words = TextColumn("{task.fields[words]}", markup=False, table_column=Column(overflow="fold"))
    with Progress(*bar, words, TimeElapsedColumn(), console=Console(stderr=True)) as progress:
        task = progress.add_task(f"mailing {mailing_id}", total=None, done="", words="", visible=False)  # until it is found
        seen: deque[tuple[float, int]] = deque(maxlen=_LOOKS_OF_THE_RATE)
        predicted, predicted_at, beside = None, -math.inf, list[int]()
        while True:
            began = time.monotonic()
            try:
                with transaction(engine) as connection:
                    record, counts = mailings.find_mailing(connection, mailing_id), mailings.counts(connection, mailing_id)
                    stuck, held = standstill.stuck(connection).get(mailing_id), _held(connection, mailing_id)
                    if record.status is MailingStatus.SENDING and began - predicted_at > _PREDICT_SECONDS:
                        now, predicted_at = database_time(connection), began
                        predicted, beside = predict(connection, record, now), mailings.beside(connection, mailing_id, now)
            except (ServiceError, OperationalError):
                if not seen or began - seen[-1][0] > _PATIENCE_SECONDS:
                    raise
                progress.update(task, words="the database does not answer; it is asked again")
            else:
                seen.append((began, counts.settled))
                why = f"stuck: {stuck.last_word}" if stuck else record.reason
                view = View(record, counts, _rate(seen), predicted, why, held, beside)
                said = view.words(datetime.now(UTC), zone)
                done = f"{counts.settled}/{counts.recipients}" if counts.recipients else ""  # Before it begins it has none.
                total = counts.recipients or None
                progress.update(task, total=total, completed=counts.settled, done=done, words=said, visible=True)
                if record.status in _OVER:
                    return record, counts
            check()
            time.sleep(max(_LOOK_SECONDS, time.monotonic() - began))


@dataclass(frozen=True, slots=True)
class View:
    """What one look at a mailing shows: `rate` is what was measured, `predicted` what its terms say, `held` the providers that staff
    or a breaker holds, `beside` the mailings that share the pace, of which the terms know nothing."""

    record: MailingRecord
    counts: Counts
    rate: float
    predicted: datetime | None
    why: str | None
    held: Sequence[str] = ()
    beside: Sequence[int] = ()

    def words(self, now: datetime, zone: ZoneInfo | None) -> str:
        """The look in words."""
        words = [str(self.record.status)]
        if self.counts.deferred:
            words.append(f"{self.counts.deferred} deferred")
        if self.record.status is MailingStatus.SENDING:
            words += [f"{self.rate:.0f}/s"] if self.rate >= 1 else []
            done = self.done(now)
            later = f" or later, beside mailing {' and '.join(map(str, self.beside))}" if self.beside else ""
            words += [f"done about {_clock(done.astimezone(zone), now)}{later}"] if done is not None else []
            words += [f"held at {' and '.join(self.held)}"] if self.held else []
        if self.why:
            words.append(self.why)
        return ", ".join(words)

    def done(self, now: datetime) -> datetime | None:
        """The later of what the terms say and what the measured rate says, where it moves and nothing of the rest is held."""
        left = self.counts.recipients - self.counts.settled
        measured = now + timedelta(seconds=left / self.rate) if self.rate and not self.held else None
        return max((moment for moment in (measured, self.predicted) if moment is not None), default=None)


def _rate(seen: Sequence[tuple[float, int]]) -> float:
    (began, before), (now, done) = seen[0], seen[-1]
    return (done - before) / (now - began) if now > began else 0.0


def _clock(moment: datetime, now: datetime) -> str:
    return f"{moment:%H:%M:%S}" if moment - now < _DAY else f"{moment:%Y-%m-%d %H:%M}"
