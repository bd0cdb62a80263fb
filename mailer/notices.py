"""Notices on their way: claimed, composed, handed to the relay, and what it answered put down. No transaction is open meanwhile."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import assert_never

from sqlalchemy import Engine

from mailer import issues, outbox
from mailer.issues import PublicationRecord
from mailer.letterhead import Letterhead
from mailer.message import Message
from mailer.notice_mail import Confirmation, Probe, compose_confirmation, compose_probe
from mailer.outbox import DueNotice, DueProbe, Settled
from mailer.publishing import letterhead_of, relays_of
from mailer.relay import Relay
from mailer.reply import ReplyTable
from mailer.reply.verdict import CLASS_OF, Meaning, VerdictClass
from mailer.sending.copies import hand_over
from mailer.sending.routes import Routes, system_routes
from mailer.settings import Settings
from mailer.signing import signers_for
from mailer.smtp import InDoubt, NotSent, Outcome, RelayDown, Replied
from mailer.tokens import Purpose, Tokens
from subscribers.db import database_time, transaction
from subscribers.errors import InputError
from subscribers.sign_ups import GOOD_FOR

AT_ONCE = 20
_HandOver = Callable[[Relay, Sequence[Message]], Iterator[tuple[int, Outcome]]]


def send_notices(
    engine: Engine,
    settings: Settings,
    routes: Callable[[random.Random], Routes] = system_routes,
    give_up: threading.Event | None = None,
) -> int:
    """Send what is due, a few at a time through the first relay that can be used. Returns how many a server has taken.

    When `give_up` is set no more is begun, and no server is waited for.
    """
    taken = 0
    while give_up is None or not give_up.is_set():
        with transaction(engine) as connection:
            due = outbox.claim(connection, database_time(connection), AT_ONCE)
            publications = {slug: issues.find_publication(connection, slug) for slug in {one.publication for one in due}}
        if not due:
            break
        for settled in _tried(due, publications, settings, partial(hand_over, routes=routes, give_up=give_up)):
            with transaction(engine) as connection:
                outbox.settle(connection, [settled], database_time(connection))
            taken += settled.accepted
    return taken


def _tried(
    due: Sequence[DueNotice | DueProbe],
    publications: Mapping[str, PublicationRecord],
    settings: Settings,
    hand_over: _HandOver,
) -> Iterator[Settled]:
    """What became of each, as soon as it is known: where one server is silent, who was taken elsewhere is not sent to again."""
    messages: list[Message] = []
    for one in due:
        try:
            messages.append(_composed(one, letterhead_of(publications[one.publication], settings), settings))
        except InputError as error:
            # Staff can mend it, such as a key that may not be read.
            yield Settled(one.id, accepted=False, final=False, reply=str(error))
    yield from _handed_over(messages, settings, hand_over)


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


def _handed_over(messages: Sequence[Message], settings: Settings, hand_over: _HandOver) -> Iterator[Settled]:
    replies, why = ReplyTable.load(), "no JIANBAO_SMTP_URL is set"
    for relay in relays_of(settings):
        try:
            for key, outcome in hand_over(relay, messages):
                yield _settled(key, outcome, replies)
        except RelayDown as down:
            why = str(down)
        else:
            return
    yield from (Settled(message.key, accepted=False, final=False, reply=why) for message in messages)


def _settled(key: int, outcome: Outcome, replies: ReplyTable) -> Settled:
    match outcome:
        case Replied(reply):
            meaning = replies.verdict(reply, "").meaning
            return Settled(
                key, accepted=meaning is Meaning.ACCEPTED, final=CLASS_OF[meaning] is VerdictClass.HARD, reply=str(reply)
            )
        case NotSent(_, detail, reply):
            return Settled(key, accepted=False, final=False, reply=str(reply) if reply else detail)
        case InDoubt(_, detail):
            # Sent again with the same Message-ID, as deliveries are.
            return Settled(key, accepted=False, final=False, reply=f"no answer came after the message had left: {detail}")
        case _:
            assert_never(outcome)
