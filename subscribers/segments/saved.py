"""Segments kept by name, and the people whom one is about."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Select, delete, func, select
from sqlalchemy.dialects.postgresql import insert

from subscribers import audit
from subscribers.audit import Change, Subject
from subscribers.errors import InputError
from subscribers.models import Institute, MailingList, Segment, Subscriber
from subscribers.segments import words
from subscribers.segments.expanding import SEGMENT, understand, uses
from subscribers.segments.printing import RESERVED, is_plain
from subscribers.segments.vocabulary import Vocabulary

_LONGEST_NAME = 60


@dataclass(frozen=True, slots=True)
class SavedSegment:
    """An expression with its name, and who saved it last."""

    name: str
    expression: str
    created_by: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody in a segment, as the sample shows them."""

    address: str
    name: str | None
    institute: str | None


def load_words(connection: Connection) -> Vocabulary:
    """What a segment may speak of, with the lists and the saved segments that there are now."""
    lists = connection.execute(select(MailingList.slug).order_by(MailingList.slug)).scalars()
    return words.vocabulary(lists, {segment.name: segment.expression for segment in segments(connection)})


def segments(connection: Connection) -> list[SavedSegment]:
    """Every saved segment, by name."""
    columns = (Segment.name, Segment.expression, Segment.created_by, Segment.created_at)
    return [SavedSegment(**row._mapping) for row in connection.execute(select(*columns).order_by(Segment.name))]


def find_segment(connection: Connection, name: str) -> SavedSegment:
    """The saved segment of that name. InputError names those that there are."""
    known = {segment.name: segment for segment in segments(connection)}
    if name not in known:
        raise InputError(
            f"there is no segment {name!r}; there are: {', '.join(known) or 'none'}. `jianbao segment save` makes one."
        )
    return known[name]


def save_segment(connection: Connection, name: str, expression: str, vocabulary: Vocabulary, actor: str) -> bool:
    """Keep an expression by name, in the place of what had the name; whether that changed anything. InputError says what is wrong."""
    if not is_plain(name) or name in RESERVED or len(name) > _LONGEST_NAME:
        raise InputError(f"{name!r} cannot name a segment. Use letters, digits and hyphens, like west-offices or 西部.")
    understand(f"{SEGMENT}({name})", words.with_saved(vocabulary, {**vocabulary.saved, name: expression}))
    before = vocabulary.saved.get(name)
    if before == expression:
        return False
    values = {"expression": expression, "created_by": actor, "created_at": func.now()}
    kept = insert(Segment).values(name=name, **values).on_conflict_do_update(index_elements=["name"], set_=values)
    segment_id = connection.execute(kept.returning(Segment.id)).scalar_one()
    was = None if before is None else {"expression": before}
    now = {"name": name, "expression": expression}
    audit.record(connection, Change(actor, "save", Subject.SEGMENT, segment_id, was, now))
    return True


def remove_segment(connection: Connection, name: str, vocabulary: Vocabulary, actor: str) -> None:
    """Forget a saved segment. InputError where there is none, or where another is made with it."""
    expression = find_segment(connection, name).expression
    users = [other for other, text in vocabulary.saved.items() if other != name and name in uses(text, vocabulary)]
    if users:
        raise InputError(f"the segment {name!r} is a part of {', '.join(users)}. Save that without it first, or remove it.")
    gone = connection.execute(delete(Segment).where(Segment.name == name).returning(Segment.id)).scalar_one()
    was = {"name": name, "expression": expression}
    audit.record(connection, Change(actor, "remove", Subject.SEGMENT, gone, before=was))


def count(connection: Connection, chosen: Select[int]) -> int:
    """How many subscribers a statement of `select_ids` finds."""
    return connection.execute(chosen.with_only_columns(func.count(), maintain_column_froms=True)).scalar_one()


def sample(connection: Connection, chosen: Select[int], number: int) -> list[Person]:
    """The first few of them, by their numbers."""
    columns = (Subscriber.address, Subscriber.name, Institute.name.label("institute"))
    statement = chosen.with_only_columns(*columns, maintain_column_froms=True).order_by(Subscriber.id).limit(number)
    return [Person(**row._mapping) for row in connection.execute(statement)]
