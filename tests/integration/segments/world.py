"""Random small worlds: put into the database, and asked in plain Python what a segment says of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import TypeAlias
from zoneinfo import ZoneInfo

from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, insert, update

from mailer.models import (
    Delivery,
    DeliveryState,
    EditionRow,
    Event,
    EventKind,
    IssueRow,
    Mailing,
    Origin,
    Publication,
    Revision,
)
from subscribers.address import parse_address
from subscribers.models import (
    Consent,
    Institute,
    InstituteStatus,
    MailingList,
    Role,
    Subscriber,
    SubscriberState,
    Subscription,
    SubscriptionState,
    Suppression,
    SuppressionReason,
)
from subscribers.segments.tree import (
    And,
    Argument,
    Before,
    Call,
    Comparison,
    DaysAgo,
    Expression,
    LastDays,
    LastIssues,
    Named,
    Not,
    Operator,
    Or,
    Since,
    Value,
)
from subscribers.segments.vocabulary import Moment

MOMENT = Moment(datetime(2026, 11, 27, 3, 30, tzinfo=UTC), ZoneInfo("Asia/Shanghai"))
SLUGS = ("members", "press")
ISSUES = ("2026-09", "2026-10", "2026-11")
TEXTS = ("云南", "浙江", "云南省", "A", "a", "50%_\\", "_", "", "研究所")
OWN = ("subscriber.fields.职称", "institute.fields.Job title")


Happenings: TypeAlias = frozenset[tuple[str, str | None]]  # what happened, and who made it


@dataclass(frozen=True, slots=True)
class Person:
    """A subscriber with all that is around one."""

    row: dict[str, object]
    institute: dict[str, object] | None
    lists: dict[str, str]
    consents: list[tuple[str, str, datetime]]
    suppressions: list[tuple[str, str | None, datetime | None]]
    # The mailing, the state and the events of each delivery.
    deliveries: dict[int, tuple[str, Happenings]]
    created_at: datetime


@dataclass(frozen=True, slots=True)
class World:
    """A few institutes, people, and mailings: the issue of each, and when it began."""

    institutes: list[dict[str, object]] = field(default_factory=list)
    people: list[Person] = field(default_factory=list)
    mailings: list[tuple[str, datetime | None]] = field(default_factory=list)


_texts = st.sampled_from(TEXTS)
_maybe = st.none() | _texts
_days = st.none() | st.dates(date(2026, 10, 1), date(2026, 12, 1))
_moments = st.integers(0, 90 * 24 * 60).map(lambda minutes: MOMENT.now - timedelta(minutes=minutes))


def _words(words: type) -> st.SearchStrategy[str]:
    return st.sampled_from([word.value for word in words])  # type: ignore[attr-defined]


_happenings = st.tuples(_words(EventKind), st.none() | _words(Origin))
_institutes = st.fixed_dictionaries(
    {
        "province": _maybe,
        "city": _maybe,
        "kind": _maybe,
        "short_name": _maybe,
        "status": _words(InstituteStatus),
        "since": _days,
        "until": _days,
        "fields": st.dictionaries(st.sampled_from(["Job title", "x"]), _texts, max_size=1),
    }
)
_rows = st.fixed_dictionaries(
    {
        "name": _maybe,
        "role": st.none() | _words(Role),
        "rank": st.none() | st.integers(0, 3),
        "language": _maybe,
        "phone": _maybe,
        "state": _words(SubscriberState),
        "fields": st.dictionaries(st.sampled_from(["职称", "x"]), _texts, max_size=1),
    }
)


@st.composite
def _people(draw: st.DrawFn, institutes: list[dict[str, object]], mailings: int) -> Person:
    slugs = st.sampled_from(SLUGS)
    subscriptions, fates = _words(SubscriptionState), _words(DeliveryState)
    return Person(
        draw(_rows),
        draw(st.none() | st.sampled_from(institutes)) if institutes else None,
        draw(st.dictionaries(slugs, subscriptions)),
        draw(st.lists(st.tuples(slugs, subscriptions, _moments), max_size=2)),
        draw(
            st.lists(
                st.tuples(
                    _words(SuppressionReason),
                    st.none() | slugs,
                    st.none() | _moments | st.just(datetime(2027, 1, 1, tzinfo=UTC)),
                ),
                max_size=2,
                unique_by=lambda row: row[1] or "",
            )
        ),
        draw(
            st.dictionaries(st.integers(0, mailings - 1), st.tuples(fates, st.frozensets(_happenings, max_size=2)), max_size=3)
        )
        if mailings
        else {},
        draw(_moments),
    )


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Worlds."""
    institutes = draw(st.lists(_institutes, max_size=3))
    mailings = draw(st.lists(st.tuples(st.sampled_from(ISSUES), st.none() | _moments), max_size=4))
    people = draw(st.lists(_people(institutes, len(mailings)), min_size=1, max_size=5))
    return World(institutes, people, mailings)


# --- In the database -------------------------------------------------------------------------------------------------------------


def make_frame(engine: Engine) -> None:
    """What every world has: the lists, and the issues with an edition each."""
    with engine.begin() as connection:
        connection.execute(insert(MailingList), [{"slug": slug, "name": slug} for slug in SLUGS])
        connection.execute(insert(Publication).values(slug="p", title="t", kind="k", publisher="p"))
        for ref in ISSUES:
            year, number = map(int, ref.split("-"))
            issue = connection.execute(
                insert(IssueRow).values(publication_id=1, year=year, number=number).returning(IssueRow.id)
            )
            revision = {"source_name": "a", "source_sha256": "0", "content": {}, "warnings": [], "created_by": "t"}
            made = insert(Revision).values(issue_id=issue.scalar_one(), number=1, **revision).returning(Revision.id)
            revision_id = connection.execute(made).scalar_one()
            connection.execute(insert(EditionRow).values(revision_id=revision_id, sha256=ref, content={}))


def put(connection: Connection, world: World) -> list[int]:
    """Everything into the database. Returns the ids of the people."""
    institutes = [
        connection.execute(insert(Institute).values(name=f"i{place}", **row).returning(Institute.id)).scalar_one()
        for place, row in enumerate(world.institutes)
    ]
    mailings = [
        connection.execute(
            insert(Mailing)
            .values(
                issue_id=ISSUES.index(ref) + 1,
                edition_id=ISSUES.index(ref) + 1,
                list_ids=[],
                excluded_list_ids=[],
                terms={},
                status="finished",
                at=MOMENT.now,
                started_at=began,
                created_by="t",
            )
            .returning(Mailing.id)
        ).scalar_one()
        for ref, began in world.mailings
    ]
    ids = [
        _put_person(
            connection, place, person, institutes[_place(world, person)] if person.institute is not None else None, mailings
        )
        for place, person in enumerate(world.people)
    ]
    for gone, kept in _merged(world):
        connection.execute(update(Subscriber).where(Subscriber.id == ids[gone]).values(merged_into_id=ids[kept]))
    return ids


def _merged(world: World) -> list[tuple[int, int]]:
    """Who was merged into whom: into the last before them who was not."""
    kept: int | None = None
    found = []
    for place, person in enumerate(world.people):
        if person.row["state"] != "merged":
            kept = place
        elif kept is not None:
            found.append((place, kept))
    return found


def _place(world: World, person: Person) -> int:
    return next(place for place, row in enumerate(world.institutes) if row is person.institute)


def _put_person(connection: Connection, place: int, person: Person, institute: int | None, mailings: list[int]) -> int:
    address = parse_address(f"P{place}@inst.example")
    row = {
        "address": address.written,
        "canonical": address.canonical,
        "domain": address.domain,
        "address_hash": address.hash,
        "institute_id": institute,
        "created_at": person.created_at,
        **person.row,
    }
    made = connection.execute(insert(Subscriber).values(row).returning(Subscriber.id)).scalar_one()
    for slug, state in person.lists.items():
        connection.execute(insert(Subscription).values(list_id=SLUGS.index(slug) + 1, subscriber_id=made, state=state))
    for slug, state, at in person.consents:
        entry = {"list_id": SLUGS.index(slug) + 1, "state": state, "method": "t", "evidence": "t", "at": at}
        connection.execute(insert(Consent).values(subscriber_id=made, **entry))
    for reason, slug, until in person.suppressions:
        list_id = None if slug is None else SLUGS.index(slug) + 1
        kept = {"address_hash": address.hash, "list_id": list_id, "reason": reason, "evidence": "t", "until": until}
        connection.execute(insert(Suppression).values(kept))
    for mailing, (state, events) in person.deliveries.items():
        delivery = {"address": "a", "provider": "other", "state": state, "subscriber_id": made, "mailing_id": mailings[mailing]}
        delivery_id = connection.execute(insert(Delivery).values(delivery).returning(Delivery.id)).scalar_one()
        for kind, origin in events:
            event = {"mailing_id": mailings[mailing], "delivery_id": delivery_id, "kind": kind, "origin": origin}
            connection.execute(insert(Event).values(event))
    return made


# --- In plain Python -------------------------------------------------------------------------------------------------------------


def holds(tree: Expression, world: World, place: int) -> bool:
    """Whether a person of the world is in the segment."""
    match tree:
        case Comparison(name, operator, values):
            return compared(_value(world, place, name), operator, [_meant(value) for value in values])
        case Call(predicate, arguments):
            of_them = [world.people[gone] for gone, kept in _merged(world) if kept == place and predicate != "bounced"]
            return _answer(world, world.people[place], of_them, predicate, arguments)
        case Not(part):
            return not holds(part, world, place)
        case And(parts):
            return all(holds(part, world, place) for part in parts)
        case Or(parts):
            return any(holds(part, world, place) for part in parts)


def compared(held: object, operator: Operator, values: list[object]) -> bool:
    """What is asked of a field, in Python."""
    if operator is Operator.EMPTY:
        return held is None or held == ""
    if operator is Operator.UNEQUAL:
        return held != values[0]
    if held is None:
        return False
    match operator:
        case Operator.EQUAL | Operator.IN:
            return held in values
        case Operator.CONTAINS:
            return str(values[0]) in str(held)
        case Operator.STARTS:
            return str(held).startswith(str(values[0]))
        case Operator.LESS:
            return held < values[0]  # type: ignore[operator,no-any-return]
        case Operator.AT_MOST:
            return held <= values[0]  # type: ignore[operator,no-any-return]
        case Operator.MORE:
            return held > values[0]  # type: ignore[operator,no-any-return]
        case _:
            return held >= values[0]  # type: ignore[operator,no-any-return]


def _value(world: World, place: int, name: str) -> object:
    person = world.people[place]
    of, _, column = name.partition(".")
    row = person.row if of == "subscriber" else person.institute
    if column.startswith("fields."):
        return None if row is None else row["fields"].get(column.removeprefix("fields."))  # type: ignore[attr-defined]
    known = {
        "subscriber.address": f"p{place}@inst.example",
        "subscriber.domain": "inst.example",
        "subscriber.needs_smtputf8": False,
        "subscriber.since": person.created_at.astimezone(MOMENT.zone).date(),
        "institute.membership_number": None,
    }
    if name in known:
        return known[name]
    if name == "institute.name":
        return None if row is None else f"i{_place(world, person)}"
    return None if row is None else row[column]


def _meant(value: Value) -> object:
    return MOMENT.now.astimezone(MOMENT.zone).date() - timedelta(days=value.days) if isinstance(value, DaysAgo) else value


def _answer(world: World, person: Person, merged: list[Person], predicate: str, arguments: tuple[Argument, ...]) -> bool:
    names = [argument.name for argument in arguments if isinstance(argument, Named)]
    match predicate:
        case "list":
            state = person.lists.get(names[0])
            return state == names[1] if len(names) > 1 else state not in (None, "unsubscribed")
        case "consent":
            times = [argument for argument in arguments if not isinstance(argument, Named)]
            return any(
                slug == names[0] and state == "confirmed" and all(_in(at, time) for time in times)
                for slug, state, at in person.consents
            )
        case "suppressed":
            return any(
                slug is None and (until is None or until > MOMENT.now) and (not names or reason in names)
                for reason, slug, until in person.suppressions
            )
        case _:
            return any(
                _did(predicate, fate) and _meant_by(world, mailing, arguments)
                for each in (person, *merged)
                for mailing, fate in each.deliveries.items()
            )


def _did(predicate: str, fate: tuple[str, Happenings]) -> bool:
    state, events = fate
    by_people = {kind for kind, origin in events if origin != "machine"}
    return {
        "received": state in ("accepted", "complained"),
        "bounced": state == "bounced",
        "complained": state == "complained",
        "opened": "open" in by_people,
        "clicked": "click" in by_people,
    }[predicate]


def _meant_by(world: World, mailing: int, arguments: tuple[Argument, ...]) -> bool:
    ref, began = world.mailings[mailing]
    match arguments:
        case ():
            return True
        case (Named(name),):
            return ref == name
        case (LastIssues(number),):
            last = {
                issue: max(at for other, at in world.mailings if other == issue and at)
                for issue, began in world.mailings
                if began
            }
            return ref in sorted(last, key=lambda issue: last[issue], reverse=True)[:number]
        case (time,):
            return began is not None and _in(began, time)
        case _:
            raise AssertionError(arguments)


def _in(at: datetime, time: Argument) -> bool:
    match time:
        case LastDays(number):
            return at >= MOMENT.now - timedelta(days=number)
        case Since(day):
            return at.astimezone(MOMENT.zone).date() >= day
        case Before(day):
            return at.astimezone(MOMENT.zone).date() < day
        case _:
            raise AssertionError(time)
