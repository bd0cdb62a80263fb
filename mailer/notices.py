"""Notices on their way: claimed, composed, handed to the relay, and what it answered put down. No transaction is open meanwhile."""

from __future__ import annotations

import random
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import assert_never

from redis.exceptions import RedisError
from sqlalchemy import Engine

from mailer import issues, outbox
from mailer.issues import PublicationRecord
from mailer.letterhead import Letterhead
from mailer.message import Message
from mailer.notice_mail import Confirmation, Probe, compose_confirmation, compose_probe
from mailer.outbox import DueNotice, DueProbe, Settled
from mailer.pacing import Limit, Pacer
from mailer.publishing import letterhead_of, relays_of
from mailer.rate import Rate
from mailer.relay import Relay
from mailer.reply import ReplyTable
from mailer.reply.verdict import CLASS_OF, Meaning, VerdictClass
from mailer.sending.copies import hand_over
from mailer.sending.routes import Routes, system_routes
from mailer.settings import Settings
from mailer.signing import signers_for
from mailer.smtp import InDoubt, NotSent, Outcome, RelayDown, Replied
from mailer.terms import common_limits
from mailer.tokens import Purpose, Tokens
from subscribers.db import database_time, transaction
from subscribers.errors import InputError
from subscribers.sign_ups import GOOD_FOR

AT_ONCE = 20
PATIENCE_SECONDS = 5.0  # The scheduler asks anew as often.
_HandOver = Callable[[Relay, Sequence[Message]], Iterator[tuple[int, Outcome]]]


def send_notices(
    engine: Engine,
    settings: Settings,
    routes: Callable[[random.Random], Routes] = system_routes,
    give_up: threading.Event | None = None,
    pacer: Pacer | None = None,
) -> int:
    """Send what is due, a few at a time through the first relay that may have some now and can be used. Returns how many were taken.

    When `give_up` is set no more is begun, and no server is waited for. What the pace does not let go within seconds waits for the next
    time; so does everything where the broker, which knows the pace, cannot be asked (RedisError). What one relay cannot be given waits
    untried for the pace of another, and is tried only where there is none.
    """
    stop, taken = give_up or threading.Event(), 0
    pace = _Pace(pacer, settings, stop)
    try:
        while not stop.is_set():
            relay, most = pace.take()
            with transaction(engine) as connection:
                due = outbox.claim(connection, database_time(connection), most) if most else []
                publications = {slug: issues.find_publication(connection, slug) for slug in {one.publication for one in due}}
            pace.give_back(most - len(due))
            if not due:
                break
            waiting = {one.id for one in due}
            try:
                for settled in _tried(due, publications, settings, relay, partial(hand_over, routes=routes, give_up=give_up)):
                    with transaction(engine) as connection:
                        outbox.settle(connection, [settled], database_time(connection))
                    waiting.discard(settled.notice_id)
                    taken += settled.accepted
            except RelayDown as down:
                pace.give_back(len(waiting))
                others = pace.goes_on_without(relay)
                with transaction(engine) as connection:
                    if others:
                        outbox.release(connection, waiting)
                    else:
                        outbox.settle(connection, [_unsent(key, str(down)) for key in waiting], database_time(connection))
                if not others:
                    break
    finally:
        pace.end()
    return taken


class _Pace:
    """How many notices may leave, and through which relay: they fall under what bounds all mail and the relay, and no provider's pace."""

    def __init__(self, pacer: Pacer | None, settings: Settings, stop: threading.Event) -> None:
        overall = Rate.parse(settings["PACE"]) if settings["PACE"] else None
        self._limits = {relay: common_limits(overall, relay) for relay in relays_of(settings)}
        self._usable = list(self._limits)
        self._pacer, self._stop = pacer, stop
        self._holder = f"notices:{uuid.uuid4()}"
        self._until = time.monotonic() + PATIENCE_SECONDS
        self._asked: tuple[Limit, ...] = ()

    def take(self) -> tuple[Relay | None, int]:
        """The relay to be used, None where there is none, and how many notices it may have now."""
        if self._pacer is None or not self._usable:
            return next(iter(self._usable), None), AT_ONCE
        while True:
            wait = timedelta.max
            for relay in self._usable:
                grant = self._pacer.take(self._limits[relay], AT_ONCE, holder=self._holder)
                if grant.count:
                    self._asked = self._limits[relay]
                    return relay, grant.count
                wait = min(wait, grant.wait)
            if time.monotonic() + wait.total_seconds() > self._until or self._stop.wait(wait.total_seconds()):
                return None, 0

    def goes_on_without(self, relay: Relay | None) -> bool:
        """Pass by, from now on, a relay that cannot be used, and say whether there are others."""
        self._usable = [one for one in self._usable if one != relay]
        return bool(self._usable)

    def give_back(self, count: int) -> None:
        """So many were not there to be sent."""
        if self._pacer is not None and count:
            with suppress(RedisError):
                self._pacer.give_back(self._asked, count)

    def end(self) -> None:
        """None is on its way any more."""
        if self._pacer is not None:
            with suppress(RedisError):
                for limits in self._limits.values():
                    self._pacer.take(limits, 0, holder=self._holder)


def _tried(
    due: Sequence[DueNotice | DueProbe],
    publications: Mapping[str, PublicationRecord],
    settings: Settings,
    relay: Relay | None,
    hand_over: _HandOver,
) -> Iterator[Settled]:
    """What became of each, as soon as it is known: where one server is silent, who was taken elsewhere is not sent to again.

    RelayDown where the relay can be used for none of them.
    """
    messages: list[Message] = []
    for one in due:
        try:
            messages.append(_composed(one, letterhead_of(publications[one.publication], settings), settings))
        except InputError as error:
            # Staff can mend it, such as a key that may not be read.
            yield _unsent(one.id, str(error))
    if relay is None:
        yield from (_unsent(message.key, "no JIANBAO_SMTP_URL is set") for message in messages)
        return
    replies = ReplyTable.load()
    for key, outcome in hand_over(relay, messages):
        yield _settled(key, outcome, replies)


def _composed(one: DueNotice | DueProbe, letterhead: Letterhead, settings: Settings) -> Message:
    signers = signers_for(letterhead.domain, settings)
    match one:
        case DueNotice():
            return compose_confirmation(_confirmation(one, settings), letterhead, signers)
        case DueProbe():
            return compose_probe(_probe(one, settings), letterhead, signers)
        case _:
            assert_never(one)


def _probe(one: DueProbe, settings: Settings) -> Probe:
    token = Tokens(settings.secret_key()).sign(Purpose.PROBE, one.id)
    return Probe(one.id, one.address, token, "en" if one.language == "en" else "zh", one.requested_at)


def _confirmation(one: DueNotice, settings: Settings) -> Confirmation:
    return Confirmation(
        key=one.id,
        address=one.address,
        token=Tokens(settings.secret_key()).sign(Purpose.CONFIRM, one.sign_up_id),
        list_name=one.list_name,
        language="en" if one.language == "en" else "zh",
        days=GOOD_FOR.days,
        date=one.requested_at,
    )


def _unsent(key: int, why: str) -> Settled:
    return Settled(key, accepted=False, final=False, reply=why)


def _settled(key: int, outcome: Outcome, replies: ReplyTable) -> Settled:
    match outcome:
        case Replied(reply):
            meaning = replies.verdict(reply, "").meaning
            return Settled(
                key, accepted=meaning is Meaning.ACCEPTED, final=CLASS_OF[meaning] is VerdictClass.HARD, reply=str(reply)
            )
        case NotSent(_, detail, reply):
            return _unsent(key, str(reply) if reply else detail)
        case InDoubt(_, detail):
            # Sent again with the same Message-ID, as deliveries are.
            return _unsent(key, f"no answer came after the message had left: {detail}")
        case _:
            assert_never(outcome)
