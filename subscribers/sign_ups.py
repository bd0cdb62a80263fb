"""Signing up to a list by a public form: asked for by anybody, in force when the mailbox itself has said so.

Whoever gives somebody else's address makes us send them mail, so that there are bounds for each address, network and domain, and one
for all together (Mailman's lists were abused for 18,000 such mails in a day, 276 of them to one institute).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import Connection, insert, select, text

from subscribers import audit, suppression
from subscribers.address import Address, parse_address
from subscribers.audit import READER, Change, Subject
from subscribers.db import Turn, take_turn
from subscribers.doubts import COMMON_DOMAINS
from subscribers.models import MailingList, SignUp, SuppressionReason
from subscribers.subscriptions import Wish, confirm
from subscribers.suppression import LiftedBy

METHOD = "double opt-in"
GOOD_FOR = timedelta(days=7)


class Refusal(StrEnum):
    """Why nothing is sent. Of SILENT ones whoever signs up learns nothing: they would tell who is known here, and as what."""

    SUBSCRIBED = "subscribed"
    SUPPRESSED = "suppressed"
    ADDRESS = "address"
    NETWORK = "network"
    DOMAIN = "domain"
    EVERYTHING = "everything"


SILENT = frozenset({Refusal.SUBSCRIBED, Refusal.SUPPRESSED, Refusal.ADDRESS})


@dataclass(frozen=True, slots=True)
class Bound:
    """At most so many sign-ups in that time."""

    refusal: Refusal
    within: timedelta
    most: int


_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
BOUNDS = (
    Bound(Refusal.ADDRESS, _DAY, 1),
    Bound(Refusal.ADDRESS, 30 * _DAY, 3),
    Bound(Refusal.NETWORK, _HOUR, 5),
    Bound(Refusal.NETWORK, _DAY, 20),
    Bound(Refusal.DOMAIN, _HOUR, 10),
    Bound(Refusal.DOMAIN, _DAY, 50),
    Bound(Refusal.EVERYTHING, _HOUR, 100),
)
# Of one mailbox anybody can write thousands of addresses: with a tag behind a plus, and at Gmail with dots anywhere. Elsewhere each stands
# for itself; here they are bounded together, for as long as the rows of sign-ups name an address, a week at least.
_GMAIL = ("gmail.com", "googlemail.com")
_TAG, _TAG_AND_DOTS = r"\+.*", r"\+.*|\."
_COMMON = 6  # So many times as many may come from a domain at which everybody has a mailbox.
# Who asked to be left alone is asked at most so often whether a sign-up was theirs; who was erased, or is kept away by staff, never.
_ASKED_AGAIN_AFTER: Mapping[SuppressionReason, timedelta | None] = {
    SuppressionReason.UNSUBSCRIBED: _DAY,
    SuppressionReason.HARD_BOUNCE: _DAY,
    SuppressionReason.SOFT_BOUNCE: _DAY,
    SuppressionReason.REFUSED: 30 * _DAY,
    SuppressionReason.COMPLAINT: 30 * _DAY,
    SuppressionReason.ERASED: None,
    SuppressionReason.STAFF: None,
}


@dataclass(frozen=True, slots=True)
class Asked:
    """A sign-up as it came in. `prefix` is the network, like 203.0.113.0/24; where staff invite somebody it says who: staff:NAME."""

    list_id: int
    address: Address
    prefix: str
    text_version: str
    at: datetime
    name: str | None = None
    language: str | None = None
    by_staff: bool = False


@dataclass(frozen=True, slots=True)
class Pending:
    """A sign-up as its confirmation meets it."""

    id: int
    list_id: int
    list_name: str
    slug: str
    address: str
    language: str | None
    requested_at: datetime
    expires_at: datetime
    confirmed_at: datetime | None

    def has_expired(self, now: datetime) -> bool:
        """Whether it can be confirmed no more."""
        return self.confirmed_at is None and now > self.expires_at


@dataclass(frozen=True, slots=True)
class Counted:
    """How many sign-ups there were before this one, by bound, and when the address was asked last."""

    numbers: Sequence[int]
    asked_last: datetime | None
    suppressed: frozenset[SuppressionReason]
    subscribed: bool


def open_list(connection: Connection, slug: str) -> tuple[int, str] | None:
    """The id and the name of a list that takes sign-ups: one with double opt-in. None for any other, as for one that is not."""
    wanted = MailingList.slug == slug, MailingList.double_opt_in
    row = connection.execute(select(MailingList.id, MailingList.name).where(*wanted)).one_or_none()
    return None if row is None else (row.id, row.name)


def sign_up(connection: Connection, asked: Asked) -> int | Refusal:
    """Keep a sign-up that is to be confirmed by mail, and return its id; or say why nothing may be sent."""
    take_turn(connection, Turn.SIGN_UP)  # Counting and adding is one step, also when two sign up at once.
    refusal = why_not(asked, _counted(connection, asked))
    if refusal is not None:
        return refusal
    values = {
        "list_id": asked.list_id,
        "address": asked.address.written,
        "address_hash": asked.address.hash,
        "domain": asked.address.domain,
        "name": asked.name,
        "language": asked.language,
        "prefix": asked.prefix,
        "text_version": asked.text_version,
        "requested_at": asked.at,
        "expires_at": asked.at + GOOD_FOR,
    }
    return connection.execute(insert(SignUp).values(values).returning(SignUp.id)).scalar_one()


def why_not(asked: Asked, counted: Counted) -> Refusal | None:
    """Why a sign-up may not be asked about; None where it may. Pure."""
    if counted.subscribed:
        return Refusal.SUBSCRIBED
    for reason in counted.suppressed:
        wait = _ASKED_AGAIN_AFTER[reason]
        if wait is None or (counted.asked_last is not None and asked.at < counted.asked_last + wait):
            return Refusal.SUPPRESSED
    for bound, number in zip(BOUNDS, counted.numbers, strict=True):
        bound_by_it = bound.refusal is Refusal.ADDRESS or not asked.by_staff
        if bound_by_it and number >= most(bound, asked.address.domain):
            return bound.refusal
    return None


def most(bound: Bound, domain: str) -> int:
    """How many sign-ups a bound allows for addresses of a domain."""
    return bound.most * _COMMON if bound.refusal is Refusal.DOMAIN and domain in COMMON_DOMAINS else bound.most


def unconfirmed(connection: Connection, now: datetime) -> list[Pending]:
    """The sign-ups that wait for their mailbox, the newest first."""
    return [Pending(**row._mapping) for row in connection.execute(_UNCONFIRMED, {"now": now})]


def find_pending(connection: Connection, sign_up_id: int) -> Pending | None:
    """The sign-up of that id; None where there is none any more."""
    row = connection.execute(_PENDING, {"id": sign_up_id}).one_or_none()
    return None if row is None else Pending(**row._mapping)


def confirm_sign_up(connection: Connection, pending: Pending, *, prefix: str, now: datetime) -> bool:
    """Put in force what the mailbox has confirmed; whether it is in force now. Any number of times is as good as once.

    It is the person's own word, and lifts what kept mail away from the address on this list, or everywhere.
    """
    row = connection.execute(_LOCKED, {"id": pending.id}).one_or_none()
    if row is None or pending.has_expired(now):
        return False
    if row.confirmed_at is not None:  # Who has left since is not brought back.
        values = {"hash": row.address_hash, "list": pending.list_id, "at": now}
        return bool(connection.execute(_KNOWN, values).one().subscribed)
    subscriber_id = connection.execute(
        _SUBSCRIBER, {"id": pending.id, "canonical": parse_address(pending.address).canonical}
    ).scalar_one()
    lifted = suppression.lift(connection, row.address_hash, LiftedBy.PERSON, list_ids=[pending.list_id], everywhere=True)
    asked = f"sign-up {pending.id} of {row.requested_at:%Y-%m-%d %H:%M:%S} UTC from {row.prefix}, text {row.text_version}"
    evidence = f"{asked}; confirmed from {prefix}"
    confirm(connection, Wish(subscriber_id, pending.address, [pending.list_id], METHOD, evidence, now))
    audit.record(
        connection,
        *(
            Change(
                READER,
                "lift",
                Subject.SUPPRESSION,
                one.id,
                {"address": pending.address, "reason": one.reason.value},
                None,
                asked,
            )
            for one in lifted
        ),
    )
    connection.execute(_CONFIRMED, {"id": pending.id, "at": now})
    return True


def _counted(connection: Connection, asked: Asked) -> Counted:
    local, _, domain = asked.address.canonical.rpartition("@")
    at_gmail = domain in _GMAIL
    values = {
        "local": local,
        "domains": list(_GMAIL) if at_gmail else [domain],
        "ignored": _TAG_AND_DOTS if at_gmail else _TAG,
        "list": asked.list_id,
        "hash": asked.address.hash,
        "prefix": asked.prefix,
        "domain": asked.address.domain,
        "at": asked.at,
        "subjects": [bound.refusal.value for bound in BOUNDS],
        "within": [bound.within for bound in BOUNDS],
    }
    numbers = list(connection.execute(_COUNT, values).scalars())
    known = connection.execute(_KNOWN, values).one()
    reasons = frozenset(
        one.reason
        for one in suppression.of_address(connection, asked.address.hash)
        if one.list_id in (None, asked.list_id) and (one.until is None or one.until > asked.at)
    )
    return Counted(numbers, known.asked_last, reasons, known.subscribed)


# Whom staff have invited takes no place from those who ask by themselves. What a clock that was wrong dated into the future counts no
# longer than what is past.
_COUNT = text("""
    SELECT (SELECT count(*) FROM sign_up
            WHERE requested_at BETWEEN CAST(:at AS timestamptz) - within AND CAST(:at AS timestamptz) + within
              AND CASE subject WHEN 'address' THEN address_hash = :hash OR domain = ANY(:domains)
                                    AND regexp_replace(lower(split_part(address, '@', 1)), :ignored, '', 'g') = mailbox
                               WHEN 'network' THEN prefix = :prefix
                               WHEN 'domain' THEN domain = :domain AND prefix NOT LIKE 'staff:%'
                               ELSE prefix NOT LIKE 'staff:%' END)
    FROM unnest(CAST(:subjects AS text[]), CAST(:within AS interval[])) WITH ORDINALITY AS bound(subject, within, place),
         NULLIF(regexp_replace(:local, :ignored, '', 'g'), '') AS mailbox
    ORDER BY place""")
_KNOWN = text("""
    SELECT (SELECT max(requested_at) FROM sign_up WHERE address_hash = :hash) AS asked_last,
           EXISTS (SELECT FROM subscriber s JOIN subscription x ON x.subscriber_id = COALESCE(s.merged_into_id, s.id)
                   JOIN subscriber t ON t.id = x.subscriber_id
                   WHERE s.address_hash = :hash AND x.list_id = :list AND x.state = 'confirmed' AND t.state = 'active'
                     AND NOT EXISTS (SELECT FROM suppression p WHERE p.address_hash = s.address_hash
                                     AND (p.list_id IS NULL OR p.list_id = :list) AND (p.until IS NULL OR p.until > :at))) AS subscribed""")
_SIGN_UPS = """
    SELECT u.id, u.list_id, l.name AS list_name, l.slug, u.address, u.language, u.requested_at, u.expires_at, u.confirmed_at
    FROM sign_up u JOIN mailing_list l ON l.id = u.list_id"""
_PENDING = text(f"{_SIGN_UPS} WHERE u.id = :id")
_UNCONFIRMED = text(f"{_SIGN_UPS} WHERE u.confirmed_at IS NULL AND u.expires_at > :now ORDER BY u.id DESC")
_LOCKED = text("SELECT confirmed_at, address_hash, requested_at, prefix, text_version FROM sign_up WHERE id = :id FOR UPDATE")
_CONFIRMED = text("UPDATE sign_up SET confirmed_at = :at WHERE id = :id")
# An address that works again is written to again; one that was merged into another stands for that.
_SUBSCRIBER = text("""
    INSERT INTO subscriber AS s (address, canonical, domain, address_hash, name, language)
    SELECT address, :canonical, domain, address_hash, name, language FROM sign_up WHERE id = :id
    ON CONFLICT (address_hash) DO UPDATE SET state = CASE s.state WHEN 'disabled' THEN 'active' ELSE s.state END
    RETURNING COALESCE(merged_into_id, id)""")
