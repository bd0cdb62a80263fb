"""How one reader wants to be written to: which lists, how often, in which language, counted or not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, RowMapping, text

from mailer.events import Hit, record
from mailer.leaving import Recipient
from mailer.models import EventKind
from mailer.reader_models import TrackingWish
from subscribers import audit
from subscribers.audit import READER, Change, Subject
from subscribers.models import TrackingMode
from subscribers.subscriptions import Wish, confirm, unsubscribe

_METHOD = "preferences"


@dataclass(frozen=True, slots=True)
class ListChoice:
    """One list that the reader is on or was on. `frequencies` are the days that may be chosen, empty where there is no choice."""

    list_id: int
    name: str
    subscribed: bool
    frequencies: tuple[int, ...]
    days: int | None


@dataclass(frozen=True, slots=True)
class Preferences:
    """What is in force for one reader. `may_be_individual`: some list of theirs counts by person those who agree."""

    subscriber_id: int
    name: str | None
    phone: str | None
    language: str | None
    tracking: TrackingWish | None
    may_be_individual: bool
    lists: tuple[ListChoice, ...]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the reader asks for: the lists to be on, the days between issues for some of them, language and tracking."""

    list_ids: frozenset[int]
    days: Mapping[int, int]
    language: str | None
    tracking: TrackingWish | None


def read_preferences(connection: Connection, recipient: Recipient) -> Preferences | None:
    """What is in force for the addressee, or for whom their record was merged into; None where it is gone."""
    reader = connection.execute(_READER, {"subscriber": recipient.subscriber_id}).mappings().one_or_none()
    if reader is None:
        return None
    rows = connection.execute(_LISTS, {"subscriber": reader["id"]}).mappings().all()
    return Preferences(
        subscriber_id=reader["id"],
        name=reader["name"],
        phone=reader["phone"],
        language=reader["language"],
        tracking=TrackingWish(reader["tracking"]) if reader["tracking"] else None,
        may_be_individual=any(row["tracking"] == "individual" for row in rows),
        lists=tuple(_choice(row) for row in rows),
    )


def save_preferences(
    connection: Connection, recipient: Recipient, present: Preferences, wanted: Wanted, *, now: datetime
) -> None:
    """Bring what is wanted into force, each change of a subscription with its entry in the ledger. What is not offered is ignored."""
    joined = [one.list_id for one in present.lists if not one.subscribed and one.list_id in wanted.list_ids]
    left = [one.list_id for one in present.lists if one.subscribed and one.list_id not in wanted.list_ids]
    if joined:
        confirm(connection, _wish(recipient, present, joined, now))
    if left and unsubscribe(connection, _wish(recipient, present, left, now)) and set(left) & set(recipient.list_ids):
        record(connection, [Hit(recipient.delivery_id, EventKind.UNSUBSCRIBE, now)])
    changed = _save_frequencies(connection, present, wanted)
    values = {"subscriber": present.subscriber_id, "at": now}
    if wanted.language != present.language:
        connection.execute(_SET_LANGUAGE, values | {"language": wanted.language})
        changed["language"] = (present.language, wanted.language)
    if wanted.tracking is not TrackingWish.INDIVIDUAL or present.may_be_individual:
        _save_tracking(connection, wanted.tracking, values)
        if wanted.tracking is not present.tracking:
            changed["counting"] = (present.tracking, wanted.tracking)
    if changed:
        before, after = ({name: pair[side] for name, pair in changed.items()} for side in (0, 1))
        audit.record(connection, Change(READER, "update", Subject.SUBSCRIBER, present.subscriber_id, before, after))


def set_reading(
    connection: Connection, list_id: int, *, tracking: TrackingMode | None = None, frequencies: Sequence[int] | None = None
) -> tuple[TrackingMode, tuple[int, ...]]:
    """Say how far the readers of a list are counted, and how often they may choose to get it; None leaves it. Returns what holds now."""
    values = {
        "list": list_id,
        "tracking": tracking,
        "frequencies": sorted(set(frequencies)) if frequencies is not None else None,
    }
    row = connection.execute(_SET_READING, values).one()
    return TrackingMode(row.tracking), tuple(row.frequencies)


def _save_tracking(connection: Connection, wish: TrackingWish | None, values: Mapping[str, object]) -> None:
    if wish is None:
        connection.execute(_FORGET_TRACKING, values)
    else:
        connection.execute(_SET_TRACKING, {**values, "wish": wish.value})


def _save_frequencies(connection: Connection, present: Preferences, wanted: Wanted) -> dict[str, tuple[object, object]]:
    chosen = {one.list_id: wanted.days.get(one.list_id) for one in present.lists if one.frequencies}
    offered = {one.list_id: one.frequencies for one in present.lists}
    kept = {list_id: days for list_id, days in chosen.items() if days in offered[list_id]}
    values = {"subscriber": present.subscriber_id, "lists": list(kept), "days": list(kept.values())}
    connection.execute(_FORGET_FREQUENCIES, values | {"offered": list(chosen)})
    connection.execute(_SET_FREQUENCIES, values)
    pairs = {f"days of {one.name}": (one.days, kept.get(one.list_id)) for one in present.lists if one.frequencies}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def _choice(row: RowMapping) -> ListChoice:
    return ListChoice(row["list_id"], row["name"], row["subscribed"], tuple(row["frequencies"]), row["days"])


def _wish(recipient: Recipient, present: Preferences, list_ids: Sequence[int], now: datetime) -> Wish:
    evidence = f"delivery {recipient.delivery_id}"
    return Wish(present.subscriber_id, recipient.address, list_ids, _METHOD, evidence, now)


# Whose record was merged into another is that other one.
_READER = text("""
    SELECT subscriber.id, subscriber.name, subscriber.phone, subscriber.language, reader_tracking.wish AS tracking
    FROM subscriber AS once JOIN subscriber ON subscriber.id = COALESCE(once.merged_into_id, once.id)
    LEFT JOIN reader_tracking ON reader_tracking.subscriber_id = subscriber.id WHERE once.id = :subscriber
""")
_LISTS = text("""
    SELECT mailing_list.id AS list_id, mailing_list.name, mailing_list.frequencies, mailing_list.tracking,
           subscription.state = 'confirmed' AS subscribed, reader_frequency.days
    FROM subscription JOIN mailing_list ON mailing_list.id = subscription.list_id
    LEFT JOIN reader_frequency USING (list_id, subscriber_id)
    WHERE subscription.subscriber_id = :subscriber ORDER BY mailing_list.name, mailing_list.id
""")
_SET_READING = text("""
    UPDATE mailing_list SET tracking = COALESCE(CAST(:tracking AS text), tracking),
           frequencies = COALESCE(CAST(:frequencies AS smallint[]), frequencies)
    WHERE id = :list RETURNING tracking, frequencies
""")
_SET_LANGUAGE = text("UPDATE subscriber SET language = :language WHERE id = :subscriber")
_SET_TRACKING = text("""
    INSERT INTO reader_tracking (subscriber_id, wish, at) VALUES (:subscriber, :wish, :at)
    ON CONFLICT (subscriber_id) DO UPDATE SET wish = excluded.wish, at = excluded.at WHERE reader_tracking.wish <> excluded.wish
""")
_FORGET_TRACKING = text("DELETE FROM reader_tracking WHERE subscriber_id = :subscriber")
_FORGET_FREQUENCIES = text("""
    DELETE FROM reader_frequency WHERE subscriber_id = :subscriber AND list_id = ANY(:offered) AND list_id <> ALL(:lists)
""")
_SET_FREQUENCIES = text("""
    INSERT INTO reader_frequency (list_id, subscriber_id, days)
    SELECT list_id, :subscriber, days FROM unnest(CAST(:lists AS integer[]), CAST(:days AS smallint[])) AS chosen (list_id, days)
    ON CONFLICT (list_id, subscriber_id) DO UPDATE SET days = excluded.days
""")
