"""Editions as the web server remembers them: they never change, so what was read once needs no database again."""

from __future__ import annotations

from bisect import bisect_right, insort
from dataclasses import dataclass
from functools import lru_cache
from operator import attrgetter

from sqlalchemy import Engine
from starlette.concurrency import run_in_threadpool

from mailer.edition import Edition
from mailer.issues import load_edition
from mailer.web.spans import find_span
from subscribers.db import transaction
from subscribers.errors import ServiceError

_REMEMBERED_EDITIONS = 64  # some 100 KB each: five years of a monthly bulletin
_REMEMBERED_SPANS = 100_000  # some 100 octets each
MOST_ASKING = 250  # Where the database hangs they leave room for other hits (mailer/web/room.py).
_by_first_id = attrgetter("first_id")


@dataclass(frozen=True, slots=True)
class _LinkedSpan:
    """Delivery ids, both ends included, and the links that each of them carries."""

    first_id: int
    last_id: int
    links: tuple[str, ...]


class Editions:
    """From a delivery to the links of its edition. Only the event loop touches what is remembered, so nothing is locked."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._asking = 0
        self._spans: list[_LinkedSpan] = []  # by first_id; two never overlap, as find_span promises
        self.edition = lru_cache(_REMEMBERED_EDITIONS)(self._read_edition)

    async def links(self, delivery_id: int) -> tuple[str, ...] | None:
        """The links of a delivery, without the database once its batch is known; None where there is no such delivery.

        ServiceError where too many wait for the database already.
        """
        position = bisect_right(self._spans, delivery_id, key=_by_first_id) - 1
        if position >= 0 and delivery_id <= self._spans[position].last_id:
            return self._spans[position].links
        span = await self._ask(delivery_id)
        if span is None:
            return None
        self._remember(span)
        return span.links

    async def _ask(self, delivery_id: int) -> _LinkedSpan | None:
        if self._asking >= MOST_ASKING:
            raise ServiceError("too many clicks wait for the database. See what it waits for, or whether it can be reached.")
        self._asking += 1
        try:
            return await run_in_threadpool(self._read_span, delivery_id)
        finally:
            self._asking -= 1

    def _remember(self, span: _LinkedSpan) -> None:
        if len(self._spans) >= _REMEMBERED_SPANS:
            self._spans.clear()
        position = bisect_right(self._spans, span.first_id, key=_by_first_id) - 1
        if position < 0 or self._spans[position] != span:
            insort(self._spans, span, key=_by_first_id)

    def _read_span(self, delivery_id: int) -> _LinkedSpan | None:
        with transaction(self._engine) as connection:
            span = find_span(connection, delivery_id)
        return None if span is None else _LinkedSpan(span.first_id, span.last_id, self.edition(span.edition_id).links)

    def _read_edition(self, edition_id: int) -> Edition:
        with transaction(self._engine) as connection:
            return load_edition(connection, edition_id)
