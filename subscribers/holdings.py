"""All that the records hold about one person, table by table, as a person may ask for it (PIPL art. 45, GDPR art. 15)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from sqlalchemy import Connection, TextClause, text

from subscribers import records
from subscribers.audit import pattern_of

Rows = Sequence[Mapping[str, object]]


@dataclass(frozen=True, slots=True)
class Person:
    """By what a person's rows are found: every id that was ever theirs, the addresses' hashes, a pattern that finds the addresses."""

    subscriber_ids: Sequence[int]
    hashes: Sequence[bytes]
    pattern: str


def held(connection: Connection, person: Person, tables: Mapping[str, TextClause] | None = None) -> dict[str, Rows]:
    """The rows about a person, by what they are: of the tables of this package, or of those given."""
    parameters = {"ids": list(person.subscriber_ids), "hashes": list(person.hashes), "pattern": person.pattern}
    found: dict[str, Rows] = {}
    for title, statement in (TABLES if tables is None else tables).items():
        found[title] = [dict(row) for row in connection.execute(statement, parameters).mappings()]
    return found


def person_of(connection: Connection, subscriber_ids: Sequence[int]) -> Person:
    """The person whose subscribers these are, by all their addresses."""
    known = records.addresses_of(connection, subscriber_ids)
    pattern = pattern_of(form for one in known for form in (one.written, one.canonical))
    return Person(subscriber_ids, [one.hash for one in known], pattern)


TABLES: Mapping[str, TextClause] = MappingProxyType(
    {
        "subscribers": text("""
            SELECT s.address, s.name, s.role, i.name AS institute, s.rank, s.language, s.phone, s.fields, s.state,
                   target.address AS merged_into, s.created_at, s.updated_at
            FROM subscriber s LEFT JOIN institute i ON i.id = s.institute_id LEFT JOIN subscriber target ON target.id = s.merged_into_id
            WHERE s.id = ANY(:ids) ORDER BY s.id"""),
        "subscriptions": text("""
            SELECT l.slug AS list, l.name AS list_name, x.state, x.since
            FROM subscription x JOIN mailing_list l ON l.id = x.list_id WHERE x.subscriber_id = ANY(:ids) ORDER BY l.slug"""),
        "consent": text("""
            SELECT c.at, l.slug AS list, c.state, c.method, c.evidence, c.actor, c.text_version, c.source, c.line, c.import_id
            FROM consent c JOIN mailing_list l ON l.id = c.list_id WHERE c.subscriber_id = ANY(:ids) ORDER BY c.id"""),
        "sign_ups": text("""
            SELECT l.slug AS list, u.address, u.name, u.prefix, u.text_version, u.requested_at, u.expires_at, u.confirmed_at
            FROM sign_up u JOIN mailing_list l ON l.id = u.list_id WHERE u.address_hash = ANY(:hashes) ORDER BY u.id"""),
        "suppressions": text("""
            SELECT l.slug AS list, p.reason, p.evidence, p.actor, p.since, p.until
            FROM suppression p LEFT JOIN mailing_list l ON l.id = p.list_id WHERE p.address_hash = ANY(:hashes) ORDER BY p.id"""),
        "imports": text("""
            SELECT b.id AS import_id, b.file_name, b.started_at, b.actor, c.kind, c.action, c.before, c.after
            FROM import_change c JOIN import_batch b ON b.id = c.import_id
            WHERE c.kind IN ('subscriber', 'subscription') AND c.row_id = ANY(:ids)
               OR c.kind = 'suppression' AND c.row_id IN (SELECT id FROM suppression WHERE address_hash = ANY(:hashes))
            ORDER BY c.id"""),
        "rejected_rows": text("""
            SELECT b.id AS import_id, b.file_name, b.started_at, reject
            FROM import_batch b, jsonb_array_elements(b.rejects) AS reject WHERE CAST(reject AS text) ~* :pattern ORDER BY b.id"""),
        "audit": text("""
            SELECT at, actor, action, subject, before, after, reason FROM audit
            WHERE subject IN ('subscriber', 'subscription') AND subject_id = ANY(:ids)
               OR concat(CAST(before AS text), CAST(after AS text), reason) ~* :pattern ORDER BY id"""),
    }
)
