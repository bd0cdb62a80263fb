"""Institutes, subscribers and lists, put in and looked up. Many rows go in by one statement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, Connection, func, select, text, update
from sqlalchemy.dialects.postgresql import insert

from subscribers import audit
from subscribers.address import Address
from subscribers.audit import Change, Subject, difference
from subscribers.errors import InputError
from subscribers.institutes import NewInstitute, ensure_institutes
from subscribers.models import MailingList, Role, Subscriber, Subscription, SubscriptionState, Succession


@dataclass(frozen=True, slots=True)
class ListSummary:
    """A list, which contacts of an institute it writes to, and how many are on it, by state of subscription."""

    id: int
    slug: str
    name: str
    succession: Succession
    double_opt_in: bool
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
    language: str | None = None
    phone: str | None = None
    fields: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Added:
    """What adding did: new subscribers, and new subscriptions to the list; and who was left out, since they were erased."""

    subscribers: int
    subscriptions: int
    erased: int = 0


def create_list(
    connection: Connection,
    slug: str,
    name: str,
    *,
    succession: Succession = Succession.ALL,
    double_opt_in: bool = False,
    actor: str | None = None,
) -> int:
    """Make a list. InputError when there is one of that slug."""
    if not slug or not slug.isascii() or not slug.replace("-", "").replace("_", "").isalnum():
        raise InputError(f"{slug!r} cannot name a list. Use letters, digits and hyphens, like members.")
    _require_name(name)
    values = {"slug": slug, "name": name, "succession": succession.value, "double_opt_in": double_opt_in}
    statement = insert(MailingList).values(values).on_conflict_do_nothing().returning(MailingList.id)
    made = connection.execute(statement).scalar_one_or_none()
    if made is None:
        raise InputError(f"there is a list {slug!r} already. `jianbao list show {slug}` shows it.")
    if actor is not None:
        audit.record(connection, Change(actor, "create", Subject.LIST, made, None, values))
    return made


def change_list(connection: Connection, slug: str, values: Mapping[str, object], *, actor: str) -> bool:
    """Change a list's name or policies; whether anything differs."""
    list_id = find_list(connection, slug)
    _require_name(str(values.get("name", slug)))
    columns = [MailingList.__table__.columns[name] for name in values]
    found = connection.execute(select(*columns).where(MailingList.id == list_id).with_for_update()).mappings().one()
    before, after = difference(dict(found), values)
    if after:
        connection.execute(update(MailingList).where(MailingList.id == list_id).values(after))
        audit.record(connection, Change(actor, "update", Subject.LIST, list_id, before, after))
    return bool(after)


def _require_name(name: str) -> None:
    if not name.strip():
        raise InputError("the name is empty. Give what people call the list, as readers see it on their page.")


def find_list(connection: Connection, slug: str) -> int:
    """The id of a list. InputError names those that exist."""
    found = connection.execute(select(MailingList.id).where(MailingList.slug == slug)).scalar_one_or_none()
    if found is None:
        known = ", ".join(connection.execute(select(MailingList.slug).order_by(MailingList.slug)).scalars()) or "none"
        raise InputError(f"there is no list {slug!r}; there are: {known}. `jianbao list create {slug} --name …` makes it.")
    return found


def summaries(connection: Connection) -> list[ListSummary]:
    """Every list with its counts, by slug."""
    return _summaries(connection)


def summary_of(connection: Connection, slug: str) -> ListSummary:
    """One list with its counts. InputError names those that exist."""
    (found,) = _summaries(connection, MailingList.id == find_list(connection, slug))
    return found


def _summaries(connection: Connection, *wanted: ColumnElement[bool]) -> list[ListSummary]:
    counts = (
        func.count().filter(Subscription.state == state.value).label(state.value)
        for state in (SubscriptionState.CONFIRMED, SubscriptionState.UNCONFIRMED, SubscriptionState.UNSUBSCRIBED)
    )
    statement = (
        select(
            MailingList.id,
            MailingList.slug,
            MailingList.name,
            MailingList.succession,
            MailingList.double_opt_in,
            *counts,
        )
        .outerjoin(Subscription, Subscription.list_id == MailingList.id)
        .where(*wanted)
        .group_by(MailingList.id)
        .order_by(MailingList.slug)
    )
    rows = connection.execute(statement)
    return [ListSummary(**{**row._mapping, "succession": Succession(row.succession)}) for row in rows]


def addresses_on(connection: Connection, list_id: int) -> list[str]:
    """The addresses on a list whose owners have not left it, by address."""
    on = select(Subscriber.address).join(Subscription, Subscription.subscriber_id == Subscriber.id)
    there = Subscription.list_id == list_id, Subscription.state != SubscriptionState.UNSUBSCRIBED.value
    return list(connection.execute(on.where(*there).order_by(Subscriber.canonical)).scalars())


def add_subscribers(
    connection: Connection,
    people: Sequence[NewSubscriber],
    list_id: int,
    *,
    method: str,
    evidence: str,
    actor: str | None = None,
) -> Added:
    """Put `people` on a list as confirmed, with a line each in the consent ledger; with an `actor`, in the audit too.

    Who is known already keeps the record and the wish that he has: somebody who unsubscribed stays unsubscribed. Of who was erased
    nothing is entered again.
    """
    wanted, people = people, _without_erased(connection, people)
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
            "language": person.language,
            "phone": person.phone,
            "fields": dict(person.fields),
            "institute_id": institutes.get(person.institute or ""),
        }
        for person in people
    ]
    erased = len(wanted) - len(people)
    if not rows:
        return Added(0, 0, erased)
    statement = insert(Subscriber).on_conflict_do_nothing().returning(Subscriber.id, Subscriber.address)
    made = connection.execute(statement, rows).all()
    hashes = [person.address.hash for person in people]
    parameters = {"list": list_id, "hashes": hashes, "method": method, "evidence": evidence, "actor": actor}
    subscribed = list(connection.execute(_SUBSCRIBE, parameters).scalars())
    if actor is not None:
        new = [Change(actor, "add", Subject.SUBSCRIBER, row.id, None, {"address": row.address}) for row in made]
        slug = connection.execute(select(MailingList.slug).where(MailingList.id == list_id)).scalar_one()
        joined = [Change(actor, "subscribe", Subject.SUBSCRIPTION, one, None, {"list": slug}) for one in subscribed]
        audit.record(connection, *new, *joined)
    return Added(len(made), len(subscribed), erased)


def _without_erased(connection: Connection, people: Sequence[NewSubscriber]) -> Sequence[NewSubscriber]:
    erased = set(connection.execute(_ERASED, {"hashes": [person.address.hash for person in people]}).scalars())
    return [person for person in people if person.address.hash not in erased]


_ERASED = text("SELECT address_hash FROM suppression WHERE address_hash = ANY(:hashes) AND reason = 'erased'")
# One statement, so that a subscription never exists without its line in the ledger.
_SUBSCRIBE = text("""
    WITH new AS (
        INSERT INTO subscription (list_id, subscriber_id, state)
        SELECT DISTINCT CAST(:list AS integer), COALESCE(merged_into_id, id), 'confirmed' FROM subscriber
        WHERE address_hash = ANY(:hashes)
        ON CONFLICT DO NOTHING RETURNING list_id, subscriber_id, state)
    INSERT INTO consent (list_id, subscriber_id, state, method, evidence, actor)
    SELECT list_id, subscriber_id, state, :method, :evidence, :actor FROM new RETURNING subscriber_id
""")


def _ensure_institutes(connection: Connection, people: Sequence[NewSubscriber]) -> dict[str, int]:
    wanted = {
        person.institute: NewInstitute(
            person.institute, person.institute_short, person.province, person.city, person.institute_kind
        )
        for person in people
        if person.institute
    }
    return ensure_institutes(connection, wanted.values())
