"""Two records that are one person's, made one: nothing of either history is lost, and no wish to be left alone either."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from sqlalchemy import Connection, text

from subscribers import audit, consent, records, suppression
from subscribers.address import Address, parse_address
from subscribers.audit import Change, Subject
from subscribers.consent import ConsentEntry
from subscribers.errors import InputError
from subscribers.models import SubscriberState, SubscriptionState, SuppressionReason
from subscribers.records import Amendment, SubscriberRecord
from subscribers.suppression import NewSuppression

# Of two states on one list: who left is not brought back, and who confirmed once has. That a file which was to be the whole list did not
# have an address says nothing of a person who is on the list with the other one.
_REMOVED = "removed"
_STANDS = (SubscriptionState.UNSUBSCRIBED, SubscriptionState.CONFIRMED, SubscriptionState.UNCONFIRMED, _REMOVED)
# What a person or staff decided holds for the person; that a mailbox does not work holds for the mailbox.
ABOUT_THE_PERSON = frozenset(SuppressionReason) - {SuppressionReason.HARD_BOUNCE, SuppressionReason.SOFT_BOUNCE}
_FILLED = ("name", "role", "institute_id", "rank", "language", "phone")


@dataclass(frozen=True, slots=True)
class Merged:
    """What a merger did: into whom, and the lists whose state changed for it."""

    kept: SubscriberRecord
    gone: str
    lists: Mapping[str, SubscriptionState]


def merge(connection: Connection, gone: SubscriberRecord, kept: SubscriberRecord, *, actor: str, now: datetime) -> Merged:
    """Make `kept` the only record of both. What it lacks is filled in from `gone`, whose row stays as the key to its history.

    InputError where they are one already, or one of them has just been merged into a third.
    """
    if gone.id == kept.id:
        raise InputError(f"{gone.address} and {kept.address} are one record already.")
    if len(connection.execute(_LOCK, {"ids": sorted([gone.id, kept.id])}).all()) < 2:
        raise InputError(f"{gone.address} or {kept.address} was merged or erased at this moment. Look at both once more.")
    filled = {name: getattr(gone, name) for name in _FILLED if getattr(kept, name) is None and getattr(gone, name) is not None}
    fields = {name: value for name, value in gone.fields.items() if name not in kept.fields}
    records.amend(connection, kept.id, Amendment(filled, fields), actor=actor, action="merge", reason=f"from #{gone.id}")
    lists = _join_lists(connection, gone.id, kept.id, actor, now)
    carry_suppressions(connection, parse_address(gone.address).hash, parse_address(kept.address), actor=actor)
    connection.execute(_POINT, {"gone": gone.id, "kept": kept.id})
    audit.record(
        connection,
        Change(
            actor, "merge", Subject.SUBSCRIBER, gone.id, {"state": gone.state}, {"state": "merged", "merged_into_id": kept.id}
        ),
    )
    return Merged(records.read(connection, kept.id), gone.address, MappingProxyType(lists))


def readdress(connection: Connection, subscriber_id: int, new: Address, *, actor: str, reason: str | None) -> bool:
    """Give a record another address; whether it is another. InputError where somebody else has it.

    That the old mailbox did not work is forgotten; what was decided about the person goes along. The old address leads to the record
    from then on, as that of one who was merged does, so that no import enters it anew; and it can be the record's address again.
    """
    holder = records.find_id(connection, new)
    if holder is not None and holder != subscriber_id:
        raise InputError(
            f"{new.written} has a record of its own. `jianbao subscriber merge OLD {new.written}` makes one of the two."
        )
    old = connection.execute(_ADDRESS, {"id": subscriber_id}).one()
    columns = {"address": new.written, "canonical": new.canonical, "domain": new.domain, "address_hash": new.hash}
    if old.address_hash == new.hash:
        return records.amend(
            connection, subscriber_id, Amendment({"address": new.written}), actor=actor, action="correct", reason=reason
        )
    if any(one.reason is SuppressionReason.ERASED for one in suppression.of_address(connection, new.hash)):
        raise InputError(f"{new.written} was erased, and is never written to again. Give another address.")
    carry_suppressions(connection, old.address_hash, new, actor=actor)
    columns["state"] = SubscriberState.ACTIVE.value
    once = {"id": subscriber_id, "hash": new.hash, **old._mapping}
    connection.execute(_STEP_ASIDE, once)
    changed = records.amend(connection, subscriber_id, Amendment(columns), actor=actor, action="correct", reason=reason)
    if connection.execute(_TAKE_OVER, once).rowcount == 0:
        connection.execute(_KEEP, once)
    return changed


def carry_suppressions(connection: Connection, old_hash: bytes, new: Address, *, actor: str) -> None:
    """What one address's owner or staff decided holds for the other address too."""
    carried = [
        NewSuppression(
            new.hash, one.reason, one.evidence, one.since, new.written, one.list_id, one.actor or actor, until=one.until
        )
        for one in suppression.of_address(connection, old_hash)
        if one.reason in ABOUT_THE_PERSON
    ]
    suppression.suppress(connection, carried)


def _join_lists(connection: Connection, gone: int, kept: int, actor: str, now: datetime) -> dict[str, SubscriptionState]:
    changed = {}
    for row in connection.execute(_LISTS, {"gone": gone, "kept": kept}).all():
        stands = min((one for one in (row.gone, row.kept) if one), key=_STANDS.index)
        if stands != row.gone or stands == row.kept == _REMOVED:
            continue
        state = SubscriptionState.UNSUBSCRIBED if stands == _REMOVED else SubscriptionState(stands)
        if stands != row.kept:
            connection.execute(_SET, {"list": row.list_id, "kept": kept, "state": state.value, "now": now})
            changed[row.slug] = state
        # Also where both had that state: it is the other one's too, and outlives the undoing of an import that gave it to one of them.
        consent.enter(connection, [ConsentEntry(row.list_id, kept, state, "merge", f"merged from #{gone}", now, actor)])
    connection.execute(_CLEAR, {"gone": gone})
    return changed


_LOCK = text("SELECT id FROM subscriber WHERE id = ANY(:ids) AND merged_into_id IS NULL ORDER BY id FOR UPDATE")
_ADDRESS = text("SELECT address, canonical, domain, address_hash FROM subscriber WHERE id = :id")
# The row of an address that the record had before takes the one that it has until now; in between it has none that anybody could have.
_STEP_ASIDE = text(
    "UPDATE subscriber SET address_hash = sha256(address_hash) WHERE merged_into_id = :id AND address_hash = :hash"
)
_TAKE_OVER = text("""
    UPDATE subscriber SET address = :address, canonical = :canonical, domain = :domain, address_hash = :address_hash, updated_at = now()
    WHERE merged_into_id = :id AND address_hash = sha256(:hash)""")
_KEEP = text("""
    INSERT INTO subscriber (address, canonical, domain, address_hash, state, merged_into_id)
    VALUES (:address, :canonical, :domain, :address_hash, 'merged', :id)""")
_LISTS = text("""
    WITH standing AS (
        SELECT x.list_id, x.subscriber_id, CASE WHEN x.state = 'unsubscribed' AND 'import_sync' = (
            SELECT last.method FROM consent last WHERE last.subscriber_id = x.subscriber_id AND last.list_id = x.list_id
            ORDER BY last.id DESC LIMIT 1) THEN 'removed' ELSE x.state END AS state
        FROM subscription x WHERE x.subscriber_id IN (:gone, :kept))
    SELECT g.list_id, l.slug, g.state AS gone, k.state AS kept
    FROM standing g JOIN mailing_list l ON l.id = g.list_id
    LEFT JOIN standing k ON k.list_id = g.list_id AND k.subscriber_id = :kept
    WHERE g.subscriber_id = :gone ORDER BY g.list_id""")
_SET = text("""
    INSERT INTO subscription (list_id, subscriber_id, state, since) VALUES (:list, :kept, :state, :now)
    ON CONFLICT (list_id, subscriber_id) DO UPDATE SET state = excluded.state, since = excluded.since""")
_CLEAR = text("DELETE FROM subscription WHERE subscriber_id = :gone")
_POINT = text("""
    UPDATE subscriber SET merged_into_id = :kept, state = CASE WHEN id = :gone THEN 'merged' ELSE state END, updated_at = now()
    WHERE id = :gone OR merged_into_id = :gone""")
