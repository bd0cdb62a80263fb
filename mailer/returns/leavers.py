"""Who leaves by what came back: by a letter with the token of List-Unsubscribe, or at a mail service that we hand mail to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import structlog
from sqlalchemy import Connection

from mailer.feedback import Form, Happening
from mailer.feedback.opened import moment, open_message
from mailer.feedback_models import Trust, Way
from mailer.leaving import Method, find_recipient, leave, leave_by_mail
from mailer.returns.answers import LETTERS
from mailer.returns.correlation import Placed
from mailer.returns.read import Read
from mailer.tokens import Tokens

log = structlog.get_logger()


def by_mail(connection: Connection, read: Sequence[Read], tokens: Tokens, now: datetime) -> list[Read]:
    """Let those leave who wrote to do so, and mark their letters. A report that quotes such a letter is none."""
    return [_left(connection, one, tokens, now) if _is_letter(one) else one for one in read]


def _is_letter(read: Read) -> bool:
    return read.kept.arrival.way in LETTERS and read.facts.form is Form.OTHER and not read.facts.facts


def _left(connection: Connection, read: Read, tokens: Tokens, now: datetime) -> Read:
    words = " ".join([read.facts.subject, *read.kept.arrival.envelope_to])
    written_at = moment(open_message(read.kept.arrival.content).message.fields.get("date"))
    recipient = leave_by_mail(connection, tokens, words, now=now, asked_at=written_at)
    if recipient is None:
        return read
    log.info("unsubscribed", delivery=recipient.delivery_id)
    return replace(read, leaves=True)


def by_service(connection: Connection, placed: Sequence[Placed], now: datetime) -> None:
    """Let those leave who did so at a service, which has proven it and named our message, or staff have it from there; any number of
    times is as good as once."""
    for one in placed:
        believed = one.trust is Trust.SIGNED or one.claim.arrival.way is Way.LIST
        if one.claim.fact.happening is Happening.UNSUBSCRIBED and believed and one.sent is not None:
            recipient = find_recipient(connection, one.sent.id)
            if recipient is not None:
                leave(connection, recipient, method=Method.SERVICE, now=now, asked_at=one.claim.fact.at)
