"""Leaving lists and coming back to them, with the entry in the consent ledger that proves each step, and a line in the audit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from subscribers import audit, suppression
from subscribers.address import parse_address
from subscribers.audit import READER, Change, Subject
from subscribers.errors import InputError
from subscribers.models import SubscriptionState, SuppressionReason
from subscribers.suppression import NewSuppression

_ONCE_MORE = ", once more"


@dataclass(frozen=True, slots=True)
class Wish:
    """What one person asked of some lists, and how we know. `method` and `evidence` go into the consent ledger as they are.

    `actor` is of staff; without one the person did it.
    """

    subscriber_id: int
    address: str
    list_ids: Sequence[int]
    method: str
    evidence: str
    at: datetime
    actor: str | None = None


def unsubscribe(connection: Connection, wish: Wish) -> bool:
    """The person is on none of the lists when this returns; whether that changed anything. Any number of times is as good as once.

    Where the subscriber or the subscriptions are gone, the wish is kept as a suppression of the address on each list: a later
    import must not bring back somebody who has left. Who has left already and says so in another way has that entered in the ledger,
    and outlives the undoing of the first departure, which may have been a machine's.
    """
    subscriber_id = _subscriber_id(connection, wish)
    if subscriber_id is None or not _is_subscribed_to_any(connection, subscriber_id, wish):
        suppressed = _suppress(connection, wish, subscriber_id)
        if suppressed:
            _record(connection, subscriber_id, wish.list_ids, SubscriptionState.UNSUBSCRIBED, wish)
        return suppressed
    parameters = {"subscriber": subscriber_id, "lists": list(wish.list_ids), "at": wish.at}
    own_word = {"method": wish.method, "evidence": wish.evidence, "actor": wish.actor}
    removed = connection.execute(_REMOVED_BEFORE, parameters | own_word).rowcount
    left_before = connection.execute(_LEFT_BEFORE, parameters | own_word | {"once_more": wish.evidence + _ONCE_MORE}).rowcount
    changed = connection.execute(_UNSUBSCRIBE, parameters)
    lists = [row.list_id for row in changed]
    _enter_in_ledger(connection, subscriber_id, lists, SubscriptionState.UNSUBSCRIBED, wish)
    if (removed or left_before) and not lists:
        _record(connection, subscriber_id, wish.list_ids, SubscriptionState.UNSUBSCRIBED, wish)
    return bool(lists or removed)


def resubscribe(connection: Connection, wish: Wish) -> bool:
    """Take back what an unsubscription with the same evidence did; whether there was anything to take back.

    A list that was left in another way, earlier or since, stays left. Where staff take it back, so does one that the person left once
    more by the same mail.
    """
    subscriber_id = _subscriber_id(connection, wish)
    hashes = _hashes(connection, wish, subscriber_id)
    lifted = connection.execute(_LIFT, {"hashes": hashes, "lists": list(wish.list_ids), "evidence": wish.evidence})
    if subscriber_id is None:
        if lifted.rowcount:
            _record(connection, None, wish.list_ids, SubscriptionState.CONFIRMED, wish)
        return bool(lifted.rowcount)
    evidences = [wish.evidence] if wish.actor else [wish.evidence, wish.evidence + _ONCE_MORE]
    changed = connection.execute(
        _RESUBSCRIBE, {"subscriber": subscriber_id, "lists": list(wish.list_ids), "evidences": evidences, "at": wish.at}
    )
    lists = [row.list_id for row in changed]
    _enter_in_ledger(connection, subscriber_id, lists, SubscriptionState.CONFIRMED, wish)
    return bool(lists or lifted.rowcount)


def confirm(connection: Connection, wish: Wish) -> bool:
    """The person is on all of the lists when this returns, by a word of their own; whether that changed anything.

    Only such a word lifts what an unsubscription has suppressed. Other suppressions stay, and keep mail away as before.
    """
    address_hash, lists = _hash(wish.address), list(wish.list_ids)
    lifted = connection.execute(_LIFT_OWN, {"hash": address_hash, "lists": lists}).rowcount
    changed = connection.execute(_CONFIRM, {"subscriber": wish.subscriber_id, "lists": lists, "at": wish.at})
    joined = [row.list_id for row in changed]
    _enter_in_ledger(connection, wish.subscriber_id, joined, SubscriptionState.CONFIRMED, wish)
    return bool(joined or lifted)


def _subscriber_id(connection: Connection, wish: Wish) -> int | None:
    """The subscriber of the wish, or whoever has the address now: rows are merged, removed and imported again.

    Its row is locked against that until the wish is on record. Whoever does it locks the row first, and finds the wish.
    """
    found = connection.execute(_FIND, {"id": wish.subscriber_id, "hash": _hash(wish.address)}).first()
    while found is not None and found.merged_into_id is not None:
        found = connection.execute(_FIND, {"id": found.merged_into_id, "hash": None}).first()
    return None if found is None else int(found.id)


def _is_subscribed_to_any(connection: Connection, subscriber_id: int, wish: Wish) -> bool:
    known = connection.execute(_KNOWN, {"subscriber": subscriber_id, "lists": list(wish.list_ids)})
    return known.first() is not None


def _suppress(connection: Connection, wish: Wish, subscriber_id: int | None) -> bool:
    # The address in clear is left out: its owner may have been erased, and then the hash is all that may be kept.
    unwanted = [
        NewSuppression(one, SuppressionReason.UNSUBSCRIBED, wish.evidence, wish.at, list_id=list_id, actor=wish.actor)
        for one in _hashes(connection, wish, subscriber_id)
        for list_id in wish.list_ids
    ]
    return bool(suppression.suppress(connection, unwanted))


def _enter_in_ledger(
    connection: Connection, subscriber_id: int, list_ids: Sequence[int], state: SubscriptionState, wish: Wish
) -> None:
    entry = {
        "lists": list(list_ids),
        "subscriber": subscriber_id,
        "state": state.value,
        "method": wish.method,
        "evidence": wish.evidence,
        "at": wish.at,
        "actor": wish.actor,
    }
    connection.execute(_ENTER, entry)
    if list_ids:
        _record(connection, subscriber_id, list_ids, state, wish)


def _record(
    connection: Connection, subscriber_id: int | None, list_ids: Sequence[int], state: SubscriptionState, wish: Wish
) -> None:
    slugs = connection.execute(_SLUGS, {"lists": list(list_ids)}).scalars()
    after = {"state": state.value, "lists": ", ".join(slugs)}
    action = "unsubscribe" if state is SubscriptionState.UNSUBSCRIBED else "subscribe"
    change = Change(wish.actor or READER, action, Subject.SUBSCRIPTION, subscriber_id, None, after, wish.evidence)
    audit.record(connection, change)


def _hashes(connection: Connection, wish: Wish, subscriber_id: int | None) -> list[bytes]:
    """The address of the wish and the one that the person's record has now: who was merged is meant by either."""
    own, present = _hash(wish.address), connection.execute(_PRESENT, {"subscriber": subscriber_id}).scalar()
    return list({one for one in (own, present) if one is not None})


def _hash(address: str) -> bytes | None:
    """None where the address was erased since: what stands in its place is no address."""
    try:
        return parse_address(address).hash
    except InputError:
        return None


_FIND = text("""
    SELECT id, merged_into_id FROM subscriber WHERE id = :id OR address_hash = :hash ORDER BY id = :id DESC LIMIT 1 FOR KEY SHARE
""")
_SLUGS = text("SELECT slug FROM mailing_list WHERE id = ANY(:lists) ORDER BY slug")
_PRESENT = text("SELECT address_hash FROM subscriber WHERE id = :subscriber")
_KNOWN = text("SELECT FROM subscription WHERE subscriber_id = :subscriber AND list_id = ANY(:lists) LIMIT 1")
_UNSUBSCRIBE = text("""
    UPDATE subscription SET state = 'unsubscribed', since = :at
    WHERE subscriber_id = :subscriber AND list_id = ANY(:lists) AND state <> 'unsubscribed'
    RETURNING list_id
""")
# A file that was to be the whole list had removed them: now it is their own wish too, and outlives the undoing of that import.
_REMOVED_BEFORE = text("""
    INSERT INTO consent (list_id, subscriber_id, state, method, evidence, at, actor)
    SELECT x.list_id, x.subscriber_id, x.state, :method, CAST(:evidence AS text) || ', removed by an import before', :at, :actor
    FROM subscription x
    WHERE x.subscriber_id = :subscriber AND x.list_id = ANY(:lists) AND x.state = 'unsubscribed' AND (
        SELECT last.import_id FROM consent last WHERE last.subscriber_id = x.subscriber_id AND last.list_id = x.list_id
        ORDER BY last.id DESC LIMIT 1) IS NOT NULL
""")
# They say it in another way, or by another mail: what they said since they were last on the list is not entered again.
_LEFT_BEFORE = text("""
    INSERT INTO consent (list_id, subscriber_id, state, method, evidence, at, actor)
    SELECT x.list_id, x.subscriber_id, x.state, :method,
           CASE WHEN last.evidence IN (:evidence, :once_more) THEN :once_more ELSE :evidence || ', had left before' END, :at, :actor
    FROM subscription x LEFT JOIN LATERAL (
        SELECT entry.evidence FROM consent entry WHERE entry.subscriber_id = x.subscriber_id AND entry.list_id = x.list_id
        ORDER BY entry.id DESC LIMIT 1) last ON true
    WHERE x.subscriber_id = :subscriber AND x.list_id = ANY(:lists) AND x.state = 'unsubscribed' AND NOT EXISTS (
        SELECT FROM consent said WHERE said.subscriber_id = x.subscriber_id AND said.list_id = x.list_id
           AND said.method = :method AND starts_with(said.evidence || ', ', :evidence || ', ') AND said.id > ALL (
               SELECT joined.id FROM consent joined
               WHERE joined.subscriber_id = x.subscriber_id AND joined.list_id = x.list_id AND joined.state <> 'unsubscribed'))
""")
_RESUBSCRIBE = text("""
    UPDATE subscription SET state = 'confirmed', since = :at
    WHERE subscriber_id = :subscriber AND list_id = ANY(:lists) AND state = 'unsubscribed'
      AND (SELECT consent.evidence FROM consent
           WHERE consent.subscriber_id = subscription.subscriber_id AND consent.list_id = subscription.list_id
           ORDER BY consent.id DESC LIMIT 1) = ANY(:evidences)
    RETURNING list_id
""")
_ENTER = text("""
    INSERT INTO consent (list_id, subscriber_id, state, method, evidence, at, actor)
    SELECT list_id, :subscriber, :state, :method, :evidence, :at, :actor FROM unnest(CAST(:lists AS integer[])) AS list_id
""")
_LIFT = text("""
    DELETE FROM suppression
    WHERE address_hash = ANY(:hashes) AND list_id = ANY(:lists) AND reason = 'unsubscribed' AND evidence = :evidence
""")
_LIFT_OWN = text("DELETE FROM suppression WHERE address_hash = :hash AND list_id = ANY(:lists) AND reason = 'unsubscribed'")
_CONFIRM = text("""
    INSERT INTO subscription (list_id, subscriber_id, state, since)
    SELECT list_id, :subscriber, 'confirmed', :at FROM unnest(CAST(:lists AS integer[])) AS list_id
    ON CONFLICT (list_id, subscriber_id) DO UPDATE SET state = 'confirmed', since = excluded.since
        WHERE subscription.state <> 'confirmed'
    RETURNING list_id
""")
