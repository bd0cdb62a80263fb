"""Reading what was kept once more, after a rule was mended: what is read differently now is taken back, with all that it did."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from sqlalchemy import Connection, Engine, text

from mailer import people
from mailer.reply import ReplyTable
from mailer.returns import arrivals, ledger, moved
from mailer.returns.deciding import Settled, reconcile, settle
from mailer.returns.intake import LOT, LOT_OCTETS, Reader, place_all, read_one
from mailer.returns.policies import load_policies
from mailer.returns.session import hear_again
from subscribers.db import begun_anew, database_time, transaction


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a replay did: arrivals read, facts taken back, facts that are new, addresses that ended, addresses that live again."""

    arrivals: int = 0
    withdrawn: int = 0
    added: int = 0
    ended: int = 0
    lifted: int = 0

    def __add__(self, other: Replayed) -> Replayed:
        return Replayed(
            self.arrivals + other.arrivals,
            self.withdrawn + other.withdrawn,
            self.added + other.added,
            self.ended + other.ended,
            self.lifted + other.lifted,
        )


def replay(engine: Engine, reader: Reader, replies: ReplyTable, since: datetime | None = None) -> Replayed:
    """Read everything again that came since then, lot by lot, each with its consequences in one transaction; refusals of sessions too."""
    heard = begun_anew(partial(_hear, engine, reader, replies, since))
    total, last = Replayed(0, heard.scored, heard.scored, heard.ended, heard.lifted), 0
    while (read := begun_anew(partial(_next_lot, engine, reader, last, since))) is not None:
        total, last = total + read[0], read[1]
    return total


def _hear(engine: Engine, reader: Reader, replies: ReplyTable, since: datetime | None) -> Settled:
    with transaction(engine) as connection:
        policies = load_policies(connection, reader.settings)
        return hear_again(connection, replies, policies, since, database_time(connection))


def _next_lot(engine: Engine, reader: Reader, last: int, since: datetime | None) -> tuple[Replayed, int] | None:
    """What reading the arrivals behind `last` once more did, and the last of them; None where there are no more."""
    with transaction(engine) as connection:
        lot = arrivals.kept_since(connection, last, since, LOT, LOT_OCTETS)
        return (_again(connection, reader, lot, database_time(connection)), lot[-1].id) if lot else None


def _again(connection: Connection, reader: Reader, lot: Sequence[arrivals.Kept], now: datetime) -> Replayed:
    read = [read_one(reader, kept) for kept in lot]
    placed = place_all(connection, read, now)
    wanted = {one.key for _, one in placed}
    known = connection.execute(_KNOWN, {"raws": [kept.id for kept in lot]}).all()
    gone = [row for row in known if row.key not in wanted]
    connection.execute(_WITHDRAW, {"ids": [row.id for row in gone]})
    policies = load_policies(connection, reader.settings)
    # What is told again is no news, but what is found for the first time is.
    new = ledger.record(connection, [one for one in placed if one[1].key not in {row.key for row in known}], now)
    moved.tell(connection, [one for _, one in placed], now)
    settled = settle(connection, new, policies, now)
    affected = {row.subscriber_id for row in gone if row.subscriber_id is not None}
    taken_back = reconcile(connection, affected, policies, now)
    arrivals.mark_read(connection, [one.read_as for one in read], now)
    people.erase_late(connection, new, [(arrival_id, one.sent.id) for arrival_id, one in placed if one.sent is not None])
    return Replayed(len(lot), len(gone), len(new), settled.ended + taken_back.ended, settled.lifted + taken_back.lifted)


_KNOWN = text("SELECT id, key, subscriber_id FROM feedback WHERE raw_id = ANY(:raws) AND standing <> 'withdrawn'")
_WITHDRAW = text("UPDATE feedback SET standing = 'withdrawn', key = key || ':withdrawn:' || id WHERE id = ANY(:ids)")
