"""A counter on stderr for what takes longer than two seconds."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

_PATIENCE_SECONDS = 2.0


@contextmanager
def counting(words: str) -> Iterator[Callable[[int], None]]:
    """Gives a function that is told how many rows are done; nothing is shown before two seconds have passed."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TextColumn("{task.completed:,} rows"), TimeElapsedColumn())
    progress = Progress(*columns, console=Console(stderr=True), transient=True)
    task = progress.add_task(words, total=None)
    began = time.monotonic()

    def tell(rows: int) -> None:
        progress.update(task, completed=rows)
        if not progress.live.is_started and time.monotonic() - began > _PATIENCE_SECONDS:
            progress.start()

    try:
        yield tell
    finally:
        if progress.live.is_started:
            progress.stop()
