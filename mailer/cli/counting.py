"""A counter on stderr for what takes longer than two seconds."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

_PATIENCE_SECONDS = 2.0


@contextmanager
def counting(words: str) -> Iterator[Callable[[int], None]]:
    """Gives a function that is told how many rows are done; nothing is shown before two seconds have passed, or without a terminal."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TextColumn("{task.completed:,} rows"), TimeElapsedColumn())
    console = Console(stderr=True)
    progress = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
    task = progress.add_task(words, total=None)
    patience = threading.Timer(_PATIENCE_SECONDS, progress.start)
    patience.daemon = True
    patience.start()
    try:
        yield lambda rows: progress.update(task, completed=rows)
    finally:
        patience.cancel()
        patience.join()
        if progress.live.is_started:
            progress.stop()
