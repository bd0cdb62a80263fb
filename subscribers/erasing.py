"""A person taken out of the records for ever. What is left is a hash of each address, so that it is never written to again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from subscribers import audit, records, suppression
from subscribers.address import Address, placeholder_of
from subscribers.audit import Change, Subject, pattern_of
from subscribers.db import Turn, take_turn
from subscribers.models import SuppressionReason
from subscribers.suppression import NewSuppression


@dataclass(frozen=True, slots=True)
class Erased:
    """Who was erased: the ids under which there was a history, the addresses, and what stands in their place now."""

    subscriber_ids: Sequence[int]
    addresses: Sequence[str]
    placeholder: str

    @property
    def pattern(self) -> str:
        """A regular expression of PostgreSQL's that finds the addresses in a text."""
        return pattern_of(self.addresses)


def erase(connection: Connection, address: Address, *, actor: str, reason: str, now: datetime) -> Erased:
    """Take out the subscriber with that address, those merged into it, and every mention of them; keep the hashes as suppressions.

    Where there is no subscriber, what suppressions, imports and the audit say of the address is taken out all the same.
    """
    take_turn(connection, Turn.IMPORT)  # What an import under way brings of the person is waited for, and goes too.
    found = records.find_id(connection, address)
    ids = records.family(connection, found) if found is not None else []
    known = {address} | records.addresses_of(connection, ids)
    hashes = {one.hash for one in known}
    addresses = {form for one in known for form in (one.written, one.canonical)}
    erased = Erased(ids, sorted(addresses), placeholder_of(address.hash))
    parameters = {"ids": ids, "hashes": list(hashes), "pattern": erased.pattern, "placeholder": erased.placeholder}
    for statement in _FORGET:
        connection.execute(statement, parameters)
    kept = [NewSuppression(one, SuppressionReason.ERASED, reason, now, actor=actor) for one in sorted(hashes)]
    suppression.suppress(connection, kept)
    audit.erase(connection, ids, addresses, erased.placeholder)
    audit.record(connection, Change(actor, "erase", Subject.SUBSCRIBER, found, None, {"erased": erased.placeholder}, reason))
    return erased


_FORGET = (
    text("DELETE FROM sign_up WHERE address_hash = ANY(:hashes)"),
    text("SELECT id FROM subscriber WHERE id = ANY(:ids) ORDER BY id FOR UPDATE"),  # Who leaves just now locks it first, too.
    text("DELETE FROM subscription WHERE subscriber_id = ANY(:ids)"),
    # Their lines in the consent ledger go with them, as those of nobody else can.
    text("DELETE FROM subscriber WHERE merged_into_id = ANY(:ids)"),
    text("DELETE FROM subscriber WHERE id = ANY(:ids)"),
    # What is known of other people's wish to be left alone stays as it is; of this one's it keeps the reason and the day.
    text("UPDATE suppression SET address = NULL, evidence = 'erased' WHERE address_hash = ANY(:hashes)"),
    text("""
        UPDATE import_change SET before = CASE WHEN before IS NOT NULL THEN jsonb_build_object('erased', CAST(:placeholder AS text)) END,
                                 after = CASE WHEN after IS NOT NULL THEN jsonb_build_object('erased', CAST(:placeholder AS text)) END
        WHERE kind IN ('subscriber', 'subscription') AND row_id = ANY(:ids)
           OR kind = 'suppression' AND row_id IN (SELECT id FROM suppression WHERE address_hash = ANY(:hashes))"""),
    # A rejected row is the file's own words: the person's name may stand in it beside the address.
    text("""
        UPDATE import_batch SET rejects = (
            SELECT COALESCE(jsonb_agg(CASE WHEN CAST(reject AS text) ~* :pattern
                                           THEN jsonb_build_object('line', reject -> 'line', 'address', CAST(:placeholder AS text),
                                                                   'reason', 'erased') ELSE reject END ORDER BY place), '[]')
            FROM jsonb_array_elements(rejects) WITH ORDINALITY AS one(reject, place))
        WHERE CAST(rejects AS text) ~* :pattern"""),
)
