"""Institutes, subscribers and lists, put in and looked up. Many rows go in by one statement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, func, select, text
from sqlalchemy.dialects.postgresql import insert

from subscribers.address import Address
from subscribers.errors import InputError
from subscribers.institutes import NewInstitute, ensure_institutes
from subscribers.models import MailingList, Role, Subscriber, Subscription, SubscriptionState


@dataclass(frozen=True, slots=True)
class ListSummary:
    """A list and how many are on it, by state of subscription."""

    id: int
    slug: str
    name: str
    confirmed: int
    unconfirmed: int
    unsubscribed: int


@dataclass(frozen=True, slots=True)
class NewSubscriber:
    """An address to be put on a list, with what is known of its owner."""

    address: Address
    name: str | None = None
    role: Role | None = None
    institute: str | None = None
    institute_short: str | None = None
    province: str | None = None
    city: str | None = None
    institute_kind: str | None = None
    rank: int | None = None


@dataclass(frozen=True, slots=True)
class Added:
    """What adding did: new subscribers, and new subscriptions to the list."""

    subscribers: int
    subscriptions: int


def create_list(connection: Connection, slug: str, name: str) -> int:
    """Make a list. InputError when there is one of that slug."""
    if not slug or not slug.isascii() or not slug.replace("-", "").replace("_", "").isalnum():
        raise InputError(f"{slug!r} cannot name a list. Use letters, digits and hyphens, like members.")
    statement = insert(MailingList).values(slug=slug, name=name).on_conflict_do_nothing().returning(MailingList.id)
    made = connection.execute(statement).scalar_one_or_none()
    if made is None:
        raise InputError(f"there is a list {slug!r} already. `jianbao list show {slug}` shows it.")
    return made


def find_list(connection: Connection, slug: str) -> int:
    """The id of a list. InputError names those that exist."""
    found = connection.execute(select(MailingList.id).where(MailingList.slug == slug)).scalar_one_or_none()
    if found is None:
        known = ", ".join(connection.execute(select(MailingList.slug).order_by(MailingList.slug)).scalars()) or "none"
        raise InputError(f"there is no list {slug!r}; there are: {known}. `jianbao list create {slug} --name …` makes it.")
    return found


def summaries(connection: Connection) -> list[ListSummary]:
    """Every list with its counts, by slug."""

    counts = (
        func.count().filter(Subscription.state == state.value).label(state.value)
        for state in (SubscriptionState.CONFIRMED, SubscriptionState.UNCONFIRMED, SubscriptionState.UNSUBSCRIBED)
    )
    statement = (
        select(MailingList.id, MailingList.slug, MailingList.name, *counts)
        .outerjoin(Subscription, Subscription.list_id == MailingList.id)
        .group_by(MailingList.id)
        .order_by(MailingList.slug)
    )
    return [ListSummary(**row._mapping) for row in connection.execute(statement)]


def add_subscribers(
    connection: Connection, people: Sequence[NewSubscriber], list_id: int, *, method: str, evidence: str
) -> Added:
    """Put `people` on a list as confirmed, with a line each in the consent ledger.

    Who is known already keeps the record and the wish that he has: somebody who unsubscribed stays unsubscribed.
    """
    institutes = _ensure_institutes(connection, people)
    rows = [
        {
            "address": person.address.written,
            "canonical": person.address.canonical,
            "domain": person.address.domain,
            "address_hash": person.address.hash,
            "name": person.name,
            "role": person.role,
            "rank": person.rank,
            "institute_id": institutes.get(person.institute or ""),
        }
        for person in people
    ]
    if not rows:
        return Added(0, 0)
    made = connection.execute(insert(Subscriber).on_conflict_do_nothing().returning(Subscriber.id), rows).all()
    canonical = [person.address.canonical for person in people]
    parameters = {"list": list_id, "canonical": canonical, "method": method, "evidence": evidence}
    subscribed = connection.execute(text(_SUBSCRIBE), parameters).rowcount
    return Added(len(made), subscribed)


# One statement, so that a subscription never exists without its line in the ledger.
_SUBSCRIBE = """
    WITH new AS (
        INSERT INTO subscription (list_id, subscriber_id, state)
        SELECT :list, id, 'confirmed' FROM subscriber WHERE canonical = ANY(:canonical)
        ON CONFLICT DO NOTHING RETURNING list_id, subscriber_id, state)
    INSERT INTO consent (list_id, subscriber_id, state, method, evidence)
    SELECT list_id, subscriber_id, state, :method, :evidence FROM new
"""


def _ensure_institutes(connection: Connection, people: Sequence[NewSubscriber]) -> dict[str, int]:
    wanted = {
        person.institute: NewInstitute(
            person.institute, person.institute_short, person.province, person.city, person.institute_kind
        )
        for person in people
        if person.institute
    }
    return ensure_institutes(connection, wanted.values())
