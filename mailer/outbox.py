"""Mail that is no mailing, on record: put down with what it is about, tried until a server has taken it or refused it for good."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, insert, text

from mailer.notice_models import Notice, NoticeState

# A server that has greylisted takes it after minutes; one that is down has hours.
WAITS = tuple(timedelta(minutes=minutes) for minutes in (2, 10, 30, 60, 180, 360, 720))
LEASE = timedelta(minutes=30)  # A server may be silent for as long as `Deadlines` says at each step, ten minutes after the dot.


@dataclass(frozen=True, slots=True)
class DueNotice:
    """A notice to be sent now, with what stands in it. `publication` is the slug of the series that the list gets."""

    id: int
    sign_up_id: int
    attempts: int
    address: str
    language: str | None
    list_name: str
    publication: str
    requested_at: datetime


@dataclass(frozen=True, slots=True)
class DueProbe:
    """The question whether an address that ended works again, to be sent now."""

    id: int
    address: str
    language: str | None
    publication: str
    requested_at: datetime


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of one try: `reply` is the server's word or why there was none."""

    notice_id: int
    accepted: bool
    final: bool
    reply: str


def put_down(connection: Connection, sign_up_id: int, now: datetime) -> None:
    """Have somebody asked whether a sign-up is theirs, in the transaction of the sign-up."""
    connection.execute(insert(Notice).values(sign_up_id=sign_up_id, next_attempt_at=now))


def put_down_probe(connection: Connection, subscriber_id: int, address: str, now: datetime) -> int:
    """Have somebody's address, which ended, asked whether it works; the notice's id."""
    statement = insert(Notice).values(subscriber_id=subscriber_id, address=address, requested_at=now, next_attempt_at=now)
    return int(connection.execute(statement.returning(Notice.id)).scalar_one())


def last_probe(connection: Connection, subscriber_id: int, address: str) -> datetime | None:
    """When that address was last asked."""
    last: datetime | None = connection.execute(_LAST_PROBE, {"subscriber": subscriber_id, "address": address}).scalar_one()
    return last


def any_due(connection: Connection, now: datetime) -> bool:
    """Whether there is anything that could be sent now."""
    return bool(connection.execute(_ANY_DUE, {"now": now}).scalar_one())


def claim(connection: Connection, now: datetime, most: int) -> list[DueNotice | DueProbe]:
    """Take what is due for ourselves, for the time of LEASE. What nobody could send under any name waits for a publication."""
    parameters = {"now": now, "until": now + LEASE, "most": most}
    return [_due(row) for row in connection.execute(_CLAIM, parameters)]


def _due(row: Row[Any]) -> DueNotice | DueProbe:
    if row.sign_up_id is None:
        return DueProbe(row.id, row.address, row.language, row.publication, row.requested_at)
    return DueNotice(**row._mapping)


def release(connection: Connection, notice_ids: Iterable[int]) -> None:
    """Give back what was claimed and not tried: it is due as before."""
    connection.execute(_RELEASE, {"ids": list(notice_ids)})


def settle(connection: Connection, settled: Sequence[Settled], now: datetime) -> None:
    """Record what became of what was claimed. What is not final is tried again, ever later, and given up in the end."""
    for one in settled:
        attempts = connection.execute(_ATTEMPTS, {"id": one.notice_id}).scalar()
        if attempts is None:
            continue  # Its sign-up, or its subscriber, was forgotten meanwhile.
        given_up = not one.accepted and (one.final or attempts >= len(WAITS))
        state = NoticeState.ACCEPTED if one.accepted else NoticeState.FAILED if given_up else NoticeState.PENDING
        values = {
            "id": one.notice_id,
            "state": state.value,
            "reply": one.reply,
            "next": now + WAITS[min(attempts, len(WAITS) - 1)],
            "settled": None if state is NoticeState.PENDING else now,
        }
        connection.execute(_SETTLE, values)


# The series whose mail the list got last, else the oldest that has an address to send from.
_PUBLICATION = """
    SELECT p.slug FROM publication p
    LEFT JOIN LATERAL (SELECT max(m.id) AS last FROM mailing m JOIN issue i ON i.id = m.issue_id
                       WHERE i.publication_id = p.id AND (u.list_id = ANY(m.list_ids) OR EXISTS (
                           SELECT FROM subscription c WHERE c.subscriber_id = s.id AND c.list_id = ANY(m.list_ids)))) mailed ON true
    WHERE p.sender IS NOT NULL ORDER BY mailed.last DESC NULLS LAST, p.id LIMIT 1"""
# Whose owner has spoken meanwhile, or whom staff have let live again, is not asked any more.
_ENDED = """
    s.address = n.address AND s.state <> 'merged' AND EXISTS (
        SELECT FROM suppression x WHERE x.address_hash = s.address_hash AND x.list_id IS NULL) AND NOT EXISTS (
        SELECT FROM suppression x WHERE x.address_hash = s.address_hash AND x.reason NOT IN ('hard_bounce', 'soft_bounce')
          AND (x.until IS NULL OR x.until > :now))"""
_DUE = f"""
    FROM notice n LEFT JOIN sign_up u ON u.id = n.sign_up_id LEFT JOIN subscriber s ON s.id = n.subscriber_id
    CROSS JOIN LATERAL ({_PUBLICATION}) series
    WHERE n.state = 'pending' AND n.next_attempt_at <= :now AND (n.leased_until IS NULL OR n.leased_until < :now)
      AND (u.expires_at > :now AND u.confirmed_at IS NULL OR {_ENDED})"""
_ANY_DUE = text(f"SELECT EXISTS (SELECT {_DUE})")
_CLAIM = text(f"""
    WITH due AS (
        SELECT n.id, n.sign_up_id, n.subscriber_id, series.slug {_DUE} ORDER BY n.next_attempt_at LIMIT :most FOR UPDATE OF n SKIP LOCKED)
    UPDATE notice SET leased_until = :until
    FROM due LEFT JOIN sign_up u ON u.id = due.sign_up_id LEFT JOIN mailing_list l ON l.id = u.list_id
    LEFT JOIN subscriber s ON s.id = due.subscriber_id
    WHERE notice.id = due.id
    RETURNING notice.id, u.id AS sign_up_id, notice.attempts, COALESCE(u.address, notice.address) AS address,
              COALESCE(u.language, s.language) AS language, l.name AS list_name, due.slug AS publication,
              COALESCE(u.requested_at, notice.requested_at) AS requested_at""")  # noqa: S608
_LAST_PROBE = text("SELECT max(requested_at) FROM notice WHERE subscriber_id = :subscriber AND address = :address")
_RELEASE = text("UPDATE notice SET leased_until = NULL WHERE id = ANY(:ids)")
_ATTEMPTS = text("SELECT attempts FROM notice WHERE id = :id FOR UPDATE")
_SETTLE = text("""
    UPDATE notice SET state = :state, attempts = attempts + 1, next_attempt_at = :next, leased_until = NULL, settled_at = :settled,
                      reply = :reply
    WHERE id = :id""")
