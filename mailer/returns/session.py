"""What servers refused to our face: it is already in the deliveries, and becomes facts like all that comes back later.

Looked for beside the sending and not by it: once a minute while a mailing is under way, and once after its end.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, Row, text

from mailer.feedback import Fact, FactClass, Happening
from mailer.feedback_models import Standing, Trust, Way
from mailer.judgement import finding_of
from mailer.reply import Confidence, Meaning, ReplyTable
from mailer.returns import ledger
from mailer.returns.arrivals import Arrival
from mailer.returns.claims import Claim
from mailer.returns.correlation import Placed, Sent
from mailer.returns.deciding import Settled, reconcile, settle
from mailer.returns.policies import Policies
from subscribers.db import database_time, transaction

_LOT = 300
_LAST_WORDS = timedelta(minutes=2)  # that workers may write after a mailing's end
_MEANINGS = frozenset(meaning.value for meaning in Meaning)


def hear(engine: Engine, table: ReplyTable, policies: Policies) -> int:
    """Take in what servers have refused since the last time; how many facts that were."""
    with transaction(engine) as connection:
        now = database_time(connection)
        mailing_ids = list(connection.execute(_MAILINGS, {"last_words": _LAST_WORDS}).scalars())
        refused = unheard(connection, mailing_ids) if mailing_ids else []
    for lot in _lots(refused):
        with transaction(engine) as connection:
            hear_deliveries(connection, lot, table, policies, now)
    if mailing_ids:
        with transaction(engine) as connection:
            connection.execute(_HEARD, {"mailings": mailing_ids, "now": now})
    return len(refused)


def unheard(connection: Connection, mailing_ids: Sequence[int]) -> list[int]:
    """The deliveries of these mailings that servers have refused, and that no fact tells of yet."""
    return list(connection.execute(_REFUSED, {"mailings": mailing_ids}).scalars())


def hear_deliveries(
    connection: Connection, delivery_ids: Sequence[int], table: ReplyTable, policies: Policies, now: datetime
) -> Settled:
    """The same for these deliveries, which were refused."""
    rows = connection.execute(_DELIVERIES, {"ids": list(delivery_ids)})
    new = ledger.record(connection, [(None, _placed(row, table)) for row in rows], now)
    return settle(connection, new, policies, now)


def hear_again(connection: Connection, table: ReplyTable, policies: Policies, since: datetime | None, now: datetime) -> Settled:
    """Read what servers had said to our face once more, after a rule was mended, and make good what follows."""
    changed = [change for row in connection.execute(_HEARD_FACTS, {"since": since}) if (change := _read_again(row, table))]
    if not changed:
        return Settled()
    columns = {name: [change[name] for change in changed] for name in changed[0]}
    connection.execute(_GIVEN_AS, columns)
    connection.execute(_READ_AS, columns)
    ids, subscribers = ([int(str(change[name])) for change in changed] for name in ("ids", "subscribers"))
    return reconcile(connection, subscribers, policies, now, fresh=ids)


def _read_again(row: Row[Any], table: ReplyTable) -> dict[str, object] | None:
    """What a fact has to say now; None where that is what it says.

    The words alone do not tell that they followed the content. Where the session knew, and doubted them for it, they stay doubted.
    """
    verdict = table.verdict_of_text(row.diagnostic, row.provider)
    finding = finding_of(verdict.meaning, verdict.confidence)
    doubted = row.meaning == Meaning.AMBIGUOUS and verdict.meaning is Meaning.UNKNOWN_USER and row.rule == verdict.rule
    if finding == row.finding or doubted:
        return None
    return {
        "ids": row.id,
        "subscribers": row.subscriber_id,
        "findings": finding.value,
        "befores": row.meaning,
        "meanings": verdict.meaning.value,
        "rules": verdict.rule,
        "knowns": verdict.known,
    }


def _placed(row: Row[Any], table: ReplyTable) -> Placed:
    verdict = table.verdict_of_text(row.reply or "", row.provider)
    meaning = Meaning(row.reason) if row.reason in _MEANINGS else verdict.meaning
    confidence = verdict.confidence if verdict.meaning is meaning else Confidence.LOW
    hard = meaning is Meaning.UNKNOWN_USER and confidence is Confidence.EXPLICIT
    fact = Fact(
        Happening.BOUNCED,
        row.address,
        FactClass.HARD if hard else FactClass.SOFT,
        meaning,
        verdict.rule,
        verdict.known,
        diagnostic=row.reply or "",
        remote_host=row.relay or "",
        at=row.settled_at,
    )
    sent = Sent(row.id, row.subscriber_id, row.address, row.reply, row.began_at, row.settled_at)
    claim = Claim(fact, Arrival(Way.SESSION, b"", row.settled_at), row.id, Trust.SESSION, forged=False, alone=True)
    return Placed(claim, sent, Trust.SESSION, Standing.WAITING, finding_of(meaning, confidence))


def _lots(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(ids), _LOT):
        yield ids[start : start + _LOT]


_MAILINGS = text("""
    SELECT id FROM mailing
    WHERE status IN ('sending', 'paused') AND started_at IS NOT NULL
       OR status IN ('finished', 'cancelled') AND started_at IS NOT NULL
          AND (heard_at IS NULL OR heard_at < COALESCE(finished_at, heard_at) + :last_words)
    ORDER BY id
""")
# What feedback has made bounced was accepted in the session. A mailing's deliveries are found by its batches, and what is known of each
# that bounced by the delivery: else PostgreSQL reads all deliveries, and all facts, for one mailing that is large.
_REFUSED = text("""
    SELECT d.id FROM batch b CROSS JOIN LATERAL (
        SELECT id FROM delivery
        WHERE id BETWEEN b.first_id AND b.last_id AND mailing_id + 0 = b.mailing_id AND state = 'bounced' OFFSET 0) d
    WHERE b.mailing_id = ANY(:mailings) AND NOT EXISTS (
        SELECT FROM feedback f WHERE f.delivery_id = d.id AND (f.way = 'session' OR f.replaced IS NOT NULL) OFFSET 0)
    ORDER BY d.id
""")
_DELIVERIES = text("""
    SELECT d.id, d.subscriber_id, d.address, d.provider, d.reason, d.reply, d.relay, COALESCE(d.settled_at, now()) AS settled_at,
           COALESCE(m.started_at, m.at) AS began_at
    FROM delivery d JOIN mailing m ON m.id = d.mailing_id WHERE d.id = ANY(:ids) AND d.state = 'bounced'
""")
_HEARD_FACTS = text("""
    SELECT f.id, f.subscriber_id, f.diagnostic, f.finding, f.meaning, f.rule, d.provider
    FROM feedback f JOIN delivery d ON d.id = f.delivery_id
    WHERE f.way = 'session' AND f.standing = 'scored' AND (CAST(:since AS timestamptz) IS NULL OR f.at >= :since)
""")
# The delivery stays as it ended; reports give the reason by the rule as it is now.
_GIVEN_AS = text("""
    UPDATE delivery d SET reason = t.meaning
    FROM unnest(CAST(:ids AS bigint[]), CAST(:befores AS text[]), CAST(:meanings AS text[])) AS t(id, before, meaning)
    JOIN feedback f ON f.id = t.id WHERE d.id = f.delivery_id AND d.state = 'bounced' AND d.reason = t.before
""")
# The key goes with the finding; where a report has told the same already, this one keeps a key of its own.
_READ_AS = text("""
    UPDATE feedback f SET finding = t.finding, meaning = t.meaning, rule = t.rule, known = t.known,
           key = 'd' || f.delivery_id || ':bounced:' || t.finding || CASE WHEN EXISTS (
               SELECT FROM feedback o WHERE o.key = 'd' || f.delivery_id || ':bounced:' || t.finding) THEN ':' || f.id ELSE '' END
    FROM unnest(CAST(:ids AS bigint[]), CAST(:subscribers AS integer[]), CAST(:findings AS text[]), CAST(:meanings AS text[]),
                CAST(:rules AS text[]), CAST(:knowns AS boolean[])) AS t(id, subscriber, finding, meaning, rule, known)
    WHERE f.id = t.id
""")
_HEARD = text("UPDATE mailing SET heard_at = :now WHERE id = ANY(:mailings)")
