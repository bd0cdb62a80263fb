"""What arrives is kept as it is before anybody reads it: once, whatever the number of times that it comes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import accumulate
from types import MappingProxyType
from typing import Any, TypeVar

from sqlalchemy import Connection, Row, text

from mailer.feedback_models import Way

Thing = TypeVar("Thing")

_AT_ONCE = 200
OCTETS_AT_ONCE = 16 * 1024 * 1024  # PostgreSQL takes no value of more than a gigabyte.
LEAVING = "unsubscription"  # the form of a letter by which somebody has left
_NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message, a webhook's body or a table, as its octets came.

    `envelope_to` are the recipients by the envelope, where the way tells them, `null_sender` whether the envelope's sender was empty.
    `service` and `headers` are a webhook's.
    """

    way: Way
    content: bytes
    received_at: datetime
    service: str | None = None
    envelope_to: tuple[str, ...] = ()
    null_sender: bool | None = None
    headers: Mapping[str, str] = field(default_factory=lambda: _NOTHING)

    @property
    def digest(self) -> bytes:
        """What two arrivals share that are the same thing come twice. A service signs anew when it sends again: headers are left out."""
        sha256 = hashlib.sha256(f"{self.service or ''}\0{' '.join(sorted(self.envelope_to)).lower()}\0".encode())
        sha256.update(self.content)
        return sha256.digest()


@dataclass(frozen=True, slots=True)
class Kept:
    """An arrival as it is kept."""

    id: int
    arrival: Arrival


def octets_of(arrival: Arrival) -> int:
    """How large an arrival is."""
    return len(arrival.content)


def portions(things: Iterable[Thing], octets_of: Callable[[Thing], int], most: int = _AT_ONCE) -> Iterator[list[Thing]]:
    """The things in their order, some at a time: neither many nor, but for one alone, of many octets."""
    portion: list[Thing] = []
    octets = 0
    for thing in things:
        if portion and (len(portion) >= most or octets + octets_of(thing) > OCTETS_AT_ONCE):
            yield portion
            portion, octets = [], 0
        portion.append(thing)
        octets += octets_of(thing)
    if portion:
        yield portion


def keep(connection: Connection, arrivals: Iterable[Arrival]) -> int:
    """Keep the arrivals, and say how many of them are new. They are safe once the transaction has been committed."""
    return sum(_keep(connection, portion) for portion in portions(arrivals, octets_of))


def _keep(connection: Connection, arrivals: Sequence[Arrival]) -> int:
    rows = {arrival.digest: arrival for arrival in arrivals}
    lengths = [len(arrival.content) for arrival in rows.values()]
    columns = {
        "ways": [arrival.way.value for arrival in rows.values()],
        "services": [arrival.service for arrival in rows.values()],
        "digests": list(rows),
        "contents": b"".join(arrival.content for arrival in rows.values()),
        "starts": list(accumulate(lengths[:-1], initial=1)),
        "lengths": lengths,
        "recipients": [json.dumps(arrival.envelope_to) for arrival in rows.values()],
        "nulls": [arrival.null_sender for arrival in rows.values()],
        "headers": [json.dumps(dict(arrival.headers)) for arrival in rows.values()],
        "received": [arrival.received_at for arrival in rows.values()],
    }
    return connection.execute(_KEEP, columns).rowcount


def unread(connection: Connection, limit: int, octets: int) -> list[Kept]:
    """The next arrivals that nobody has read or is reading, the oldest first, until they hold so many octets; ours until the
    transaction ends."""
    return [_kept(row) for row in connection.execute(_UNREAD, {"limit": limit, "octets": octets})]


def kept_since(connection: Connection, after_id: int, since: datetime | None, limit: int, octets: int) -> list[Kept]:
    """Arrivals that were read already, by id: those behind `after_id`, not older than `since`, until they hold so many octets."""
    asked = {"after": after_id, "since": since, "limit": limit, "octets": octets}
    return [_kept(row) for row in connection.execute(_KEPT_SINCE, asked)]


@dataclass(frozen=True, slots=True)
class ReadAs:
    """How an arrival was read: its form, its subject for people, what went wrong, and what is to be fetched, if anything."""

    id: int
    form: str | None
    subject: str | None
    trouble: str | None = None
    confirm_url: str | None = None


def mark_read(connection: Connection, read: Sequence[ReadAs], now: datetime) -> None:
    """Note that the arrivals have been read, and as what."""
    columns = {
        "ids": [one.id for one in read],
        "forms": [one.form for one in read],
        "subjects": [one.subject and storable(one.subject[:500]) for one in read],
        "troubles": [one.trouble and storable(one.trouble[:500]) for one in read],
        "confirm_urls": [one.confirm_url for one in read],
        "now": now,
    }
    connection.execute(_MARK_READ, columns)


def storable(words: str) -> str:
    """The words as PostgreSQL takes them: strangers send NUL and halves of surrogate pairs."""
    return words.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")


def _kept(row: Row[Any]) -> Kept:
    arrival = Arrival(
        way=Way(row.way),
        content=row.content,
        received_at=row.received_at,
        service=row.service,
        envelope_to=tuple(row.envelope_to),
        null_sender=row.null_sender,
        headers=row.headers,
    )
    return Kept(row.id, arrival)


# All contents come as one value, which is sent as it is: in an array each octet would be written as two digits and read again.
_KEEP = text("""
    INSERT INTO feedback_raw (way, service, digest, content, envelope_to, null_sender, headers, received_at)
    SELECT way, service, digest, substr(CAST(:contents AS bytea), start, length), ARRAY(SELECT jsonb_array_elements_text(recipients)),
           null_sender, headers, received_at
    FROM unnest(CAST(:ways AS text[]), CAST(:services AS text[]), CAST(:digests AS bytea[]), CAST(:starts AS integer[]),
                CAST(:lengths AS integer[]), CAST(:recipients AS jsonb[]), CAST(:nulls AS boolean[]), CAST(:headers AS jsonb[]),
                CAST(:received AS timestamptz[]))
         AS t(way, service, digest, start, length, recipients, null_sender, headers, received_at)
    ON CONFLICT (digest) DO NOTHING
""")
_COLUMNS = "id, way, service, content, envelope_to, null_sender, headers, received_at"
# Of the next ones, in the order of their ids, as many as hold so many octets, and one at least. A table says in a line what others
# say in four thousand octets.
_SOME = f"""
    SELECT {_COLUMNS} FROM (
        SELECT *, sum(weight) OVER (ORDER BY id) - weight AS before
        FROM (SELECT *, octet_length(content) * CAST(CASE way WHEN '{Way.LIST}' THEN 64 ELSE 1 END AS bigint) AS weight FROM next) each
    ) sized
    WHERE before < :octets ORDER BY id
"""
# What another reader has in its hands is passed by before the rows are counted: looking at the same ones, it would find nothing to do.
_UNREAD = text(f"""
    WITH next AS MATERIALIZED (
        SELECT {_COLUMNS} FROM feedback_raw WHERE read_at IS NULL ORDER BY id LIMIT :limit FOR UPDATE SKIP LOCKED)
    {_SOME}
""")
_KEPT_SINCE = text(f"""
    WITH next AS MATERIALIZED (
        SELECT {_COLUMNS} FROM feedback_raw
        WHERE id > :after AND read_at IS NOT NULL AND (CAST(:since AS timestamptz) IS NULL OR received_at >= :since)
        ORDER BY id LIMIT :limit FOR UPDATE)
    {_SOME}
""")
# Who left by a letter has left: reading it once more does nothing, and makes it no letter that nobody has understood.
_MARK_READ = text(f"""
    UPDATE feedback_raw r SET read_at = :now, form = CASE r.form WHEN '{LEAVING}' THEN r.form ELSE t.form END, subject = t.subject,
           trouble = t.trouble, confirm_url = t.confirm_url,
           confirm_at = CASE WHEN t.confirm_url IS NOT NULL THEN CAST(:now AS timestamptz) END
    FROM unnest(CAST(:ids AS bigint[]), CAST(:forms AS text[]), CAST(:subjects AS text[]), CAST(:troubles AS text[]),
                CAST(:confirm_urls AS text[])) AS t(id, form, subject, trouble, confirm_url)
    WHERE r.id = t.id
""")
