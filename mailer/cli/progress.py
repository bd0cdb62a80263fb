"""The live view of a mailing: a bar, the rate, the time left."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from sqlalchemy import Engine

from mailer import mailings, standstill
from mailer.mailings import Counts, MailingRecord
from mailer.models import MailingStatus
from subscribers.db import transaction

_OVER = (MailingStatus.FINISHED, MailingStatus.CANCELLED)
_LOOK_SECONDS = 0.25
_LOOKS_OF_THE_RATE = 40


def follow(engine: Engine, mailing_id: int, *, check: Callable[[], None] = lambda: None) -> tuple[MailingRecord, Counts]:
    """Show a mailing's progress on stderr until it is over. `check` is called at each look, and may raise."""
    bar = (TextColumn("{task.description}"), BarColumn(bar_width=20), TextColumn("{task.completed}/{task.total}"))
    with Progress(*bar, TextColumn("{task.fields[words]}"), TimeElapsedColumn(), console=Console(stderr=True)) as progress:
        task = progress.add_task(f"mailing {mailing_id}", total=None, words="")
        seen: deque[tuple[float, int]] = deque(maxlen=_LOOKS_OF_THE_RATE)
        while True:
            with transaction(engine) as connection:
                record, counts = mailings.find_mailing(connection, mailing_id), mailings.counts(connection, mailing_id)
                stuck = standstill.stuck(connection).get(mailing_id)
            seen.append((time.monotonic(), counts.settled))
            _show(progress, task, record, counts, seen, why=f"stuck: {stuck.last_word}" if stuck else record.reason)
            if record.status in _OVER:
                return record, counts
            check()
            time.sleep(_LOOK_SECONDS)


def _show(
    progress: Progress, task: TaskID, record: MailingRecord, counts: Counts, seen: deque[tuple[float, int]], why: str | None
) -> None:
    (began, before), (now, done) = seen[0], seen[-1]
    rate = (done - before) / (now - began) if now > began else 0.0
    words = [str(record.status)]
    if counts.deferred:
        words.append(f"{counts.deferred} deferred")
    if rate and record.status is MailingStatus.SENDING:
        words.append(f"{rate:.0f}/s, {(counts.recipients - done) / rate:.0f} s left")
    if why:
        words.append(why)
    progress.update(task, total=counts.recipients or None, completed=done, words=", ".join(words))
