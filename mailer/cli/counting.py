"""A bar on stderr for what takes longer than two seconds."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

_PATIENCE_SECONDS = 2.0


@contextmanager
def counting(words: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
    """Gives a function that is told how many rows are done, of `total` where that is known.

    Nothing is shown before two seconds have passed, or without a terminal.
    """
    bar = BarColumn(bar_width=20)
    columns = (TextColumn("{task.description}"), bar, TextColumn("{task.fields[done]}"), TimeElapsedColumn())
    console = Console(stderr=True)
    progress = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
    task = progress.add_task(words, total=total, done="")
    of_total = "" if total is None else f" of {total:,}"
    patience = threading.Timer(_PATIENCE_SECONDS, progress.start)
    patience.daemon = True
    patience.start()
    try:
        yield lambda rows: progress.update(task, completed=rows, done=f"{rows:,}{of_total} rows")
    finally:
        patience.cancel()
        patience.join()
        if progress.live.is_started:
            progress.stop()
