"""What was sent to one person and what came back, and what of it changes when the person's record does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from sqlalchemy import Connection, TextClause, text

from mailer.models import DeliveryState
from subscribers import audit
from subscribers.address import HASHED
from subscribers.audit import Subject, Wanted
from subscribers.erasing import Erased


@dataclass(frozen=True, slots=True)
class PersonDelivery:
    """One issue on its way to one person: when it was settled, or its mailing began; whether a person was seen to read it."""

    issue: str
    mailing_id: int
    at: datetime
    address: str
    state: DeliveryState
    reason: str | None
    reply: str | None
    opened: bool
    clicked: bool


@dataclass(frozen=True, slots=True)
class Happening:
    """One line of a person's history: what happened, to what, and who did it where that is known."""

    at: datetime
    what: str
    about: str
    actor: str | None


def deliveries_of(connection: Connection, subscriber_ids: Sequence[int], limit: int) -> list[PersonDelivery]:
    """A person's latest deliveries, the newest first."""
    rows = connection.execute(_DELIVERIES, {"ids": list(subscriber_ids), "limit": limit})
    return [PersonDelivery(**{**row._mapping, "state": DeliveryState(row.state)}) for row in rows]


def history(connection: Connection, subscriber_ids: Sequence[int]) -> list[Happening]:
    """All that happened to a person, from the first day on."""
    happened = [Happening(**row._mapping) for row in connection.execute(_HISTORY, {"ids": list(subscriber_ids)})]
    changes = audit.read(connection, Wanted(subscriber_ids=subscriber_ids))
    happened += [
        Happening(change.at, change.action, change.said, change.actor)
        for change in changes
        if change.subject != Subject.SUBSCRIPTION or change.action not in _IN_THE_LEDGER
    ]
    return sorted(happened, key=lambda one: one.at)


def hand_over(connection: Connection, gone_id: int, kept_id: int) -> int:
    """Let what is still to be sent to a record that was merged go to the other one, unless that one receives the issue anyway.

    What came to the address before is the other one's from now on too, so that it has received those issues. What the reader wished
    with that address – not to be counted, to be written to seldom – holds for the other as well, unless the other says something
    else. How many deliveries go or came so.
    """
    for statement in _CARRY:
        connection.execute(statement, {"gone": gone_id, "kept": kept_id})
    return int(connection.execute(_HAND_OVER, {"gone": gone_id, "kept": kept_id}).scalar_one())


def readdress(connection: Connection, subscriber_id: int) -> int:
    """Let what is still to be sent to a person go to the address that the record has now."""
    return connection.execute(_READDRESS, {"id": subscriber_id}).rowcount


def erase(connection: Connection, erased: Erased, now: datetime) -> int:
    """Take an erased person out of the ledger and out of what came back; the numbers stay. How many deliveries that were."""
    parameters = {"ids": list(erased.subscriber_ids), "placeholder": erased.placeholder, "pattern": erased.pattern, "now": now}
    parameters["addresses"] = list(erased.addresses)
    connection.execute(_WAIT_FOR_WHAT_BEGINS)
    counts = [connection.execute(statement, parameters).rowcount for statement in _FORGET]
    return counts[0]


def erase_late(connection: Connection, fact_ids: Sequence[int], arrivals: Sequence[tuple[int | None, int]]) -> int:
    """The same with what came back after the erasure: those of these facts that name somebody erased. How many those were.

    `arrivals` are what arrived, each with the delivery that it is about, whatever address it names and however often it was told.
    """
    told = {"arrivals": [arrival for arrival, _ in arrivals], "deliveries": [delivery for _, delivery in arrivals]}
    connection.execute(_FORGET_LATE_ARRIVALS, {"ids": list(fact_ids)} | told)
    return connection.execute(_FORGET_LATE_FACTS, {"ids": list(fact_ids)}).rowcount


_IN_THE_LEDGER = ("subscribe", "unsubscribe")  # The consent ledger tells it with its method.
_REF = "issue.year || '-' || lpad(CAST(issue.number AS text), 2, '0')"
_DELIVERIES = text(f"""
    SELECT {_REF} AS issue, m.id AS mailing_id,
           COALESCE(d.settled_at, m.started_at) AS at, d.address, d.state, d.reason, d.reply,
           EXISTS (SELECT FROM event WHERE delivery_id = d.id AND kind = 'open' AND origin = 'person') AS opened,
           EXISTS (SELECT FROM event WHERE delivery_id = d.id AND kind = 'click' AND origin = 'person') AS clicked
    FROM mailing m JOIN issue ON issue.id = m.issue_id
    JOIN delivery d ON d.mailing_id = m.id AND d.subscriber_id = ANY(:ids)
    ORDER BY m.started_at DESC, d.id DESC LIMIT :limit""")  # noqa: S608 - of a constant of ours

_HISTORY = text(f"""
    WITH mine AS MATERIALIZED (
        SELECT d.*, {_REF} AS ref, m.started_at
        FROM mailing m JOIN issue ON issue.id = m.issue_id
        JOIN delivery d ON d.mailing_id = m.id AND d.subscriber_id = ANY(:ids))
    SELECT c.at, c.state AS what, concat_ws(', ', l.slug, c.method, c.evidence, c.source || ':' || c.line) AS about, c.actor
    FROM consent c JOIN mailing_list l ON l.id = c.list_id WHERE c.subscriber_id = ANY(:ids)
    UNION ALL
    SELECT p.since, 'suppressed', concat_ws(', ', p.reason, l.slug, p.evidence), p.actor
    FROM subscriber s JOIN suppression p ON p.address_hash = s.address_hash LEFT JOIN mailing_list l ON l.id = p.list_id
    WHERE s.id = ANY(:ids)
    UNION ALL
    SELECT COALESCE(settled_at, started_at), state, concat_ws(', ', ref, reason, reply), NULL FROM mine
    UNION ALL
    SELECT e.at, e.kind, concat_ws(', ', mine.ref, NULLIF(e.origin, 'person')), NULL FROM mine JOIN event e ON e.delivery_id = mine.id
    UNION ALL
    SELECT f.at, f.happening, concat_ws(', ', CASE WHEN f.standing = 'probed' THEN 'probe' END, f.because, f.diagnostic), NULL
    FROM feedback f WHERE f.subscriber_id = ANY(:ids) AND f.standing IN ('scored', 'probed')
    UNION ALL
    SELECT COALESCE(n.settled_at, n.requested_at), n.state, concat_ws(', ', 'probe', n.address, n.reply), NULL
    FROM notice n WHERE n.subscriber_id = ANY(:ids)""")  # noqa: S608

_CARRY = (
    text("""
        INSERT INTO reader_tracking (subscriber_id, wish, at) SELECT :kept, wish, at FROM reader_tracking WHERE subscriber_id = :gone
        ON CONFLICT DO NOTHING"""),
    text("""
        INSERT INTO reader_frequency (list_id, subscriber_id, days)
        SELECT list_id, :kept, days FROM reader_frequency WHERE subscriber_id = :gone ON CONFLICT DO NOTHING"""),
    text("UPDATE task SET subscriber_id = :kept WHERE subscriber_id = :gone"),
)
# What came back stays with the record, whose mailbox it speaks of; what was told of the rest goes along.
_HAND_OVER = text("""
    WITH moved AS (
        UPDATE delivery d SET subscriber_id = kept.id,
               address = CASE WHEN d.state IN ('pending', 'deferred') THEN kept.address ELSE d.address END,
               name = CASE WHEN d.state IN ('pending', 'deferred') THEN kept.name ELSE d.name END
        FROM subscriber kept, mailing m CROSS JOIN LATERAL (
            SELECT id FROM delivery WHERE mailing_id = m.id AND subscriber_id = :gone) mine
        WHERE kept.id = :kept AND d.id = mine.id
          AND (d.state IN ('accepted', 'complained') OR d.state IN ('pending', 'deferred') AND m.status IN ('sending', 'paused'))
          AND NOT EXISTS (SELECT FROM delivery other WHERE other.mailing_id = m.id AND other.subscriber_id = :kept OFFSET 0)
        RETURNING d.id),
    told AS (UPDATE feedback SET subscriber_id = :kept WHERE delivery_id IN (SELECT id FROM moved))
    SELECT count(*) FROM moved""")
_READDRESS = text("""
    UPDATE delivery d SET address = s.address FROM subscriber s
    WHERE s.id = :id AND d.subscriber_id = s.id AND d.state IN ('pending', 'deferred')
      AND d.mailing_id IN (SELECT id FROM mailing WHERE status IN ('sending', 'paused'))""")

# A mailing that begins at this moment may have seen the person still: it is waited for, so that its deliveries are found.
_WAIT_FOR_WHAT_BEGINS = text("SELECT FROM mailing WHERE status = 'scheduled' FOR SHARE")
_FORGET: Sequence[TextClause] = (
    # The record is gone, so that what is open would never be read again: it ends here, and its mailing can.
    text("""
        UPDATE delivery d SET address = :placeholder, name = NULL, reply = substring(d.reply FROM '^[2-5][0-9][0-9]'),
               next_attempt_at = NULL, settled_at = CASE WHEN open THEN :now ELSE d.settled_at END,
               reason = CASE WHEN open THEN 'suppressed: erased' ELSE d.reason END,
               state = CASE WHEN open THEN 'skipped' ELSE d.state END
        FROM mailing m JOIN LATERAL (
            SELECT id, state IN ('pending', 'deferred', 'in_doubt') AS open FROM delivery
            WHERE mailing_id = m.id AND subscriber_id = ANY(:ids)) mine ON true
        WHERE d.id = mine.id"""),
    # Whoever reads just now what tells one of these facts once more is waited for here, and what was read is found below.
    text("""
        UPDATE feedback SET address = :placeholder, diagnostic = '', replaced = replaced - 'reply',
                            key = CASE WHEN key ~* :pattern THEN 'erased:' || id ELSE key END
        WHERE subscriber_id = ANY(:ids) OR lower(address) = ANY(:addresses)"""),
    # A message that came back may speak of others too; the facts that were read from it stay.
    text("""
        DELETE FROM feedback_raw WHERE id IN (
            SELECT raw_id FROM feedback WHERE subscriber_id = ANY(:ids) OR lower(address) = :placeholder)"""),
    # What only told once more what was known already is found by what it says, in whatever case. It has no other reader than a replay, so
    # that one too many, of an address that ends like this one, does no harm.
    text("""
        DELETE FROM feedback_raw r WHERE read_at IS NOT NULL AND EXISTS (
            SELECT FROM unnest(CAST(:addresses AS text[])) AS one
            WHERE position(lower(encode(convert_to(one, 'UTF8'), 'escape')) IN lower(encode(r.content, 'escape'))) > 0)"""),
    text("DELETE FROM reader_tracking WHERE subscriber_id = ANY(:ids)"),
    text("DELETE FROM notice WHERE subscriber_id = ANY(:ids)"),
    # What somebody else proposed may name the person too: as the one who takes over.
    text("DELETE FROM proposal WHERE subscriber_id = ANY(:ids) OR CAST(fields AS text) ~* :pattern"),
    text("UPDATE task SET note = regexp_replace(note, :pattern, :placeholder, 'gi') WHERE note ~* :pattern"),
)

_LATE = """
    FROM feedback late JOIN suppression p ON p.address_hash = sha256(convert_to(late.address, 'UTF8')) AND p.reason = 'erased'
    WHERE late.id = ANY(:ids)"""
_FORGET_LATE_ARRIVALS = text(f"""
    DELETE FROM feedback_raw
    WHERE id IN (
        SELECT late.raw_id {_LATE}
        UNION SELECT arrival FROM unnest(CAST(:arrivals AS bigint[]), CAST(:deliveries AS bigint[])) AS told(arrival, delivery)
              JOIN delivery ON delivery.id = told.delivery AND starts_with(delivery.address, 'sha256:'))""")  # noqa: S608 - of a constant of ours
_FORGET_LATE_FACTS = text(f"""
    UPDATE feedback f SET address = erased.placeholder, diagnostic = '',
                          key = CASE WHEN strpos(f.key, f.address) > 0 THEN 'erased:' || f.id ELSE f.key END
    FROM (SELECT DISTINCT late.id, '{HASHED}' || encode(p.address_hash, 'hex') AS placeholder {_LATE}) erased
    WHERE f.id = erased.id""")  # noqa: S608 - of a constant of ours

# What is held about a person besides the subscriber's own records; see subscribers.holdings.
HELD: Mapping[str, TextClause] = MappingProxyType(
    {
        "deliveries": text(f"""
            SELECT {_REF} AS issue, m.id AS mailing_id, d.address, d.name, d.institute,
                   d.provider, d.state, d.attempts, d.reason, d.reply, d.relay, d.settled_at
            FROM mailing m JOIN issue ON issue.id = m.issue_id
            JOIN delivery d ON d.mailing_id = m.id AND d.subscriber_id = ANY(:ids) ORDER BY d.id"""),  # noqa: S608
        "opens_and_clicks": text("""
            SELECT e.at, e.kind, e.link, d.mailing_id
            FROM mailing m JOIN delivery d ON d.mailing_id = m.id AND d.subscriber_id = ANY(:ids) JOIN event e ON e.delivery_id = d.id
            ORDER BY e.id"""),
        "feedback": text("""
            SELECT at, way, address, happening, finding, meaning, status, diagnostic, because FROM feedback
            WHERE subscriber_id = ANY(:ids) OR address ~* :pattern ORDER BY id"""),
        "probes": text(
            "SELECT requested_at, address, state, settled_at, reply FROM notice WHERE subscriber_id = ANY(:ids) ORDER BY id"
        ),
        "receipts": text("""
            SELECT r.at, d.mailing_id FROM mailing m JOIN delivery d ON d.mailing_id = m.id AND d.subscriber_id = ANY(:ids)
            JOIN receipt r ON r.delivery_id = d.id ORDER BY r.at"""),
        "counting": text("SELECT wish, at FROM reader_tracking WHERE subscriber_id = ANY(:ids)"),
        "frequencies": text("""
            SELECT l.slug AS list, f.days FROM reader_frequency f JOIN mailing_list l ON l.id = f.list_id
            WHERE f.subscriber_id = ANY(:ids) ORDER BY l.slug"""),
        "proposals": text("""
            SELECT at, kind, fields, state, settled_at, settled_by FROM proposal
            WHERE subscriber_id = ANY(:ids) OR CAST(fields AS text) ~* :pattern ORDER BY id"""),
        "tasks": text(
            "SELECT opened_at, kind, about, done_at, done_by, note FROM task WHERE subscriber_id = ANY(:ids) ORDER BY id"
        ),
    }
)
