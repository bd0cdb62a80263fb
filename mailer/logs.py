"""Logs: one JSON object a line on stderr, with the event's constant name; never an address in clear."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, MutableMapping
from contextlib import suppress
from typing import Any, TextIO, cast

import structlog

_SILENT_SECONDS = 60.0
_MOST_REMEMBERED = 1000


class Repetitions:
    """A processor that leaves out trouble which was told in the same words less than a minute ago, and then says how often that was.

    A database that is away for a night fills the logs otherwise, until nothing is left of what was before.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._told: dict[str, tuple[float, int]] = {}  # when, and how often since

    def __call__(self, _logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """The event, with `repeated` where it was left out before; structlog.DropEvent for one that is to be."""
        if event["level"] == "info":
            return event
        words, now = repr(sorted(event.items())), self._clock()
        last, left_out = self._told.get(words, (now - _SILENT_SECONDS, 0))
        if now - last < _SILENT_SECONDS:
            self._told[words] = last, left_out + 1
            raise structlog.DropEvent
        if len(self._told) >= _MOST_REMEMBERED:
            self._told.clear()
        self._told[words] = now, 0
        return {**event, "repeated": left_out} if left_out else event


class _OnceAMinute(logging.Filter):
    """The same for what libraries say through `logging`: a worker whose broker refuses it is told so by Celery six times a second."""

    def __init__(self) -> None:
        super().__init__()
        self._repetitions = Repetitions()

    def filter(self, record: logging.LogRecord) -> bool:
        try:
            told = self._repetitions(None, "", {"level": record.levelname.lower(), "event": record.getMessage()})
        except structlog.DropEvent:
            return False
        record.repeated = told.get("repeated")
        return True


class _StandardError:
    """Standard error, which may be on a full disk or have nobody left who reads it: what mail depends on is not ended by that."""

    def write(self, words: str) -> None:
        with suppress(OSError):
            sys.stderr.write(words)

    def flush(self) -> None:
        with suppress(OSError):
            sys.stderr.flush()


def configure_logs() -> None:
    """Send structlog and the libraries' warnings to stderr as JSON lines; local variables never appear in a traceback."""
    traces = structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False))
    times = structlog.processors.TimeStamper(fmt="iso", utc=True)
    shared: list[structlog.types.Processor] = [structlog.processors.add_log_level, traces]
    to_json = structlog.processors.JSONRenderer(ensure_ascii=False)
    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars, *shared, Repetitions(), times, to_json],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(cast(TextIO, _StandardError())),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    remove_meta = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    handler.addFilter(_OnceAMinute())
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, _add_repeated, times], processors=[remove_meta, to_json]
        )
    )
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)


def _add_repeated(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    left_out = event["_record"].repeated
    return {**event, "repeated": left_out} if left_out else event


def log_only_trouble() -> None:
    """For a command, whose stdout is for its result and which says itself what it did: warnings go to stderr, for people to read."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
    )
