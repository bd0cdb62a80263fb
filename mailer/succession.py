"""Which of an institute's contacts a mailing goes to where a list does not say `all`, and who takes over when one cannot be reached.

A list's policy holds for those who are on it; who is on two lists of a mailing is written to if either lets him. People of no institute
are nobody's contacts, and always written to.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import Connection, Integer, Text, column, func, select, text

from mailer.models import Mailing, MailingStatus
from subscribers.models import MailingList, Succession

NOT_FIRST_CONTACT = "not_first_contact"
NOT_OF_ROLE = "not_of_role"


def narrows(connection: Connection, list_ids: Sequence[int]) -> bool:
    """Whether any of the lists leaves out some of an institute's contacts."""
    policies = connection.execute(select(MailingList.succession).where(MailingList.id.in_(list_ids))).scalars()
    return any(policy != Succession.ALL.value for policy in policies)


def take_over(connection: Connection, now: datetime, mailing_ids: Collection[int] | None = None) -> set[int]:
    """Let the next contact of each institute have the issue that none before could be given; the mailings in which somebody does.

    Of all mailings that are sending, or of those given, but not of one that staff are just cancelling.
    """
    sending = select(Mailing.id).where(Mailing.status == MailingStatus.SENDING.value).with_for_update(skip_locked=True)
    if mailing_ids is not None:
        sending = sending.where(Mailing.id.in_(mailing_ids))
    first = MailingList.succession == Succession.FIRST.value
    wanted = connection.execute(
        sending.where(select(MailingList).where(first, MailingList.id == func.any(Mailing.list_ids)).exists())
    )
    next_ones = connection.execute(_TAKE_OVER, {"mailings": list(wanted.scalars())}).all()
    if next_ones:
        connection.execute(_QUEUE, {"ids": [row.id for row in next_ones], "now": now})
    return {row.mailing_id for row in next_ones}


# Of the recipients of a mailing, in a table expression named `planned`: those whom no list's policy chooses, and why. First is the first
# of those who can be reached.
LEFT_OUT = (
    text("""
    SELECT subscriber_id, CASE WHEN bool_or(succession = 'first') THEN 'not_first_contact' ELSE 'not_of_role' END AS reason
    FROM (
        SELECT x.subscriber_id, l.succession,
               CASE l.succession
                   WHEN 'all' THEN true
                   WHEN 'first' THEN row_number() OVER (PARTITION BY l.id, s.institute_id ORDER BY s.rank NULLS LAST, s.id) = 1
                   ELSE l.succession IS NOT DISTINCT FROM 'role:' || s.role
               END AS chosen
        FROM planned JOIN subscriber s ON s.id = planned.subscriber_id
        JOIN subscription x ON x.subscriber_id = s.id AND x.list_id = ANY(:lists) AND x.state = 'confirmed'
        JOIN mailing_list l ON l.id = x.list_id
        WHERE planned.state = 'pending' AND s.institute_id IS NOT NULL) contact
    GROUP BY subscriber_id HAVING NOT bool_or(chosen)""")
    .columns(column("subscriber_id", Integer), column("reason", Text))
    .subquery("left_out")
)

# By the institute's name on the delivery, which stays when a contact is erased. A batch that somebody holds waits: its owner's horizon
# says of each row up to it that it may have been sent. Each delivery is read once, whatever the planner knows of a mailing just planned:
# with no statistics it would look through all of them again for each contact who waits.
_TAKE_OVER = text("""
    WITH known AS (
        SELECT id, mailing_id, institute, subscriber_id, state = 'skipped' AS waits,
               bool_or(state <> 'skipped') OVER (PARTITION BY mailing_id, institute) AS reached
        FROM delivery
        WHERE mailing_id = ANY(:mailings) AND (state IN ('pending', 'deferred', 'in_doubt', 'accepted', 'complained')
           OR state = 'skipped' AND reason = 'not_first_contact')),
    leased AS MATERIALIZED (
        SELECT mailing_id, first_id, last_id FROM batch WHERE mailing_id = ANY(:mailings) AND lease IS NOT NULL),
    next AS (
        SELECT DISTINCT ON (d.mailing_id, d.institute) d.id
        FROM known d CROSS JOIN LATERAL (SELECT id, rank FROM subscriber WHERE id = d.subscriber_id OFFSET 0) s
        WHERE d.waits AND NOT d.reached
          AND NOT EXISTS (SELECT FROM leased b WHERE b.mailing_id = d.mailing_id AND d.id BETWEEN b.first_id AND b.last_id)
        ORDER BY d.mailing_id, d.institute, s.rank NULLS LAST, s.id)
    UPDATE delivery SET state = 'pending', reason = NULL, settled_at = NULL WHERE id IN (SELECT id FROM next) RETURNING id, mailing_id""")

# Into the batch whose range it is in, so that no delivery is ever in two; the first and the last of a provider may be in none, and get
# one of their own.
_QUEUE = text("""
    WITH taken AS (SELECT id, mailing_id, provider FROM delivery WHERE id = ANY(:ids)),
    covered AS (
        SELECT taken.id, b.id AS batch_id
        FROM taken JOIN batch b ON b.mailing_id = taken.mailing_id AND taken.id BETWEEN b.first_id AND b.last_id),
    due AS (
        UPDATE batch SET due_at = LEAST(COALESCE(due_at, :now), :now), queued_at = NULL
        WHERE id IN (SELECT batch_id FROM covered))
    INSERT INTO batch (mailing_id, provider, first_id, last_id, due_at, hold)
    SELECT mailing_id, provider, id, id, :now,
           (SELECT 'breaker' FROM breaker b WHERE b.mailing_id = taken.mailing_id AND b.provider = taken.provider
                AND b.lifted_at IS NULL LIMIT 1)
    FROM taken WHERE id NOT IN (SELECT id FROM covered)""")
