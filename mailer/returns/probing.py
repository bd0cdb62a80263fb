"""Asking an address that ended whether it works again: one plain mail at staff's request, and never to who does not want any."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from mailer import outbox
from subscribers import audit, records, suppression
from subscribers.address import parse_address
from subscribers.audit import Change, Subject
from subscribers.errors import InputError
from subscribers.models import SuppressionReason

APART = timedelta(days=30)  # Asked more often, a dead address looks like one that is guessed at.
_BY_BOUNCES = frozenset({SuppressionReason.HARD_BOUNCE, SuppressionReason.SOFT_BOUNCE})


@dataclass(frozen=True, slots=True)
class Probed:
    """A question that was put down: whose address it is about, and why that had ended."""

    notice: int
    subscriber: int
    address: str
    suppressed: SuppressionReason


def probe(connection: Connection, address: str, *, by: str, now: datetime) -> Probed:
    """Have the address asked. InputError where nobody has it, where it did not end by bounces, or was asked lately."""
    parsed = parse_address(address)
    person = connection.execute(_FIND, {"hash": parsed.hash}).one_or_none()
    if person is None:
        raise records.nobody(address)
    ended = _ended_as(connection, parsed.hash, address, now)
    last = outbox.last_probe(connection, person.id, person.address)
    if last is not None and now - last < APART:
        raise InputError(
            f"{address} was asked on {last:%Y-%m-%d}, and is asked once in {APART.days} days. "
            "`jianbao subscriber history` shows what came back."
        )
    notice = outbox.put_down_probe(connection, person.id, person.address, now)
    audit.record(connection, Change(by, "probe", Subject.SUBSCRIBER, person.id, reason=f"suppressed as {ended}"))
    return Probed(notice, person.id, person.address, ended)


def _ended_as(connection: Connection, address_hash: bytes, address: str, now: datetime) -> SuppressionReason:
    standing = [one for one in suppression.of_address(connection, address_hash) if one.until is None or one.until > now]
    theirs = [one for one in standing if one.reason not in _BY_BOUNCES]
    if theirs:
        raise InputError(
            f"{address} is suppressed as {theirs[0].reason} since {theirs[0].since:%Y-%m-%d}, and not by bounces: it is not asked."
        )
    everywhere = [one.reason for one in standing if one.list_id is None]
    if not everywhere:
        raise InputError(f"{address} has not ended: it is written to with the next issue, and there is nothing to ask.")
    return everywhere[0]


_FIND = text("SELECT id, address FROM subscriber WHERE address_hash = :hash AND state <> 'merged' FOR UPDATE")
