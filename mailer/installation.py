"""The installation and its copies: a database that was copied must not send again what the original sends (docs/adr/0005).

The schedulers of an installation count *beats* in its database, and tell each one to two places that a copy of the database does
not hold: the broker, and a file under DATA_DIR. A scheduler without a memory of its own has to find its database's beats known in one
of them, and known nowhere beyond it, before it starts anything. `Lease` is one scheduler's part in this, `judge` the rule.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path

import redis
import structlog
from sqlalchemy import Connection, Engine, select, text, update
from sqlalchemy.dialects.postgresql import insert

from mailer import mailings
from mailer.models import Installation
from mailer.settings import Settings
from mailer.tokens import Tokens
from subscribers.db import Turn, database_time, take_turn, transaction
from subscribers.errors import ServiceError

BEAT = timedelta(seconds=5)
FRESH = timedelta(seconds=30)  # So long after a beat its scheduler counts as alive.
MOVED_AFTER = timedelta(minutes=15)
SILENT_AFTER = timedelta(hours=6)  # As late as a mailing may start unless its terms say otherwise.
TAKEOVER = "`jianbao installation takeover`"
OTHER_KEY = "this machine has another secret key than the one that signs this installation's links, and none of them would work"
OTHER_KEY_CURE = (
    "Give it the same JIANBAO_SECRET_KEY, or the file secret_key, as the others or as before. Where the key was changed or lost for "
    f"good, and links in mails already sent may die: {TAKEOVER}."
)
_KEY = "jianbao:installation"
_NAMED_IN_MAILS = ("delivery", "sign_up", "notice")
_IDS_LEFT_OUT = 2**27  # More than a copy can lack; a token has room for 8,192 times as many.
_IN_DOUBT_SECONDS = 1.0  # So soon a held scheduler sees that it was handed the installation.
_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)  # Linux' monotonic clock stands still while the machine sleeps.

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Beat:
    """One beat as a place remembers it: whose, the how-manieth, and when by the database's clock."""

    id: str
    number: int
    at: datetime

    def to_json(self) -> str:
        """The beat as the broker and the file keep it."""
        return json.dumps({"id": self.id, "number": self.number, "at": self.at.isoformat()})

    @classmethod
    def from_json(cls, text: str | bytes) -> Beat | None:
        """The beat that `to_json` wrote; None where it is something else, which is as good as nothing."""
        try:
            document = json.loads(text)
            return cls(str(document["id"]), int(document["number"]), datetime.fromisoformat(document["at"]))
        except (ValueError, KeyError, TypeError):
            return None


@dataclass(frozen=True, slots=True)
class Record:
    """The installation as its database has it: the last beat, the machine that it came from, whether it was an orderly farewell."""

    beat: Beat
    machine: str | None
    stopped: bool


class Doubt(StrEnum):
    """Why a database may be a copy."""

    OTHER = "the broker belongs to another installation"
    BEHIND = "a later state of this database is known: it was restored from a backup, or is a copy"
    UNKNOWN = "neither the broker nor this machine knows this database"
    MOVED = "this database comes from another machine"
    SILENT = "nothing has run for more than six hours, and nothing was stopped in order"


# With these there is no harm in going on while no mailing is open: nothing can be sent again. The others mean that two installations
# are at one broker, or that time was turned back.
_HARMLESS_WHEN_IDLE = frozenset({Doubt.UNKNOWN, Doubt.MOVED, Doubt.SILENT})


@dataclass(frozen=True, slots=True)
class Witnesses:
    """What is remembered outside the database: by the broker, by this machine's file, by this very process; and which machine this is.

    `lived` is how long this process has been there since its own last beat, by a clock that also runs while the machine sleeps.
    """

    broker: Beat | None
    file: Beat | None
    own: Beat | None
    machine: str | None
    lived: timedelta = timedelta()


def judge(record: Record | None, seen: Witnesses, now: datetime, *, idle: bool) -> Doubt | None:
    """Why nothing may be started, None when all is right. `record` None: a fresh database. `idle`: no mailing is open."""
    doubt = _fresh(seen.broker, now) if record is None else _doubt(record, seen, now)
    return None if idle and doubt in _HARMLESS_WHEN_IDLE else doubt


def _fresh(broker: Beat | None, now: datetime) -> Doubt | None:
    return Doubt.OTHER if broker is not None and now - broker.at < FRESH else None


def _doubt(record: Record, seen: Witnesses, now: datetime) -> Doubt | None:
    beat, silence = record.beat, now - record.beat.at
    known = [memory for memory in (seen.broker, seen.file, seen.own) if memory is not None and memory.id == beat.id]
    if seen.broker is not None and seen.broker.id != beat.id:
        return Doubt.OTHER
    if any(memory.number > beat.number for memory in known):
        return Doubt.BEHIND
    if not known:
        return Doubt.UNKNOWN
    elsewhere = seen.machine is not None and record.machine is not None and seen.machine != record.machine
    if elsewhere and seen.own is None and silence > MOVED_AFTER:
        return Doubt.MOVED
    return Doubt.SILENT if silence - seen.lived > SILENT_AFTER and not record.stopped else None


class Lease:
    """One scheduler's part: it beats every few seconds, and says whether anything may be started."""

    def __init__(
        self, engine: Engine, client: redis.Redis, settings: Settings, machine: str | None, interval: timedelta = BEAT
    ) -> None:
        self._engine, self._client, self._machine = engine, client, machine
        self._file, self._key = settings.data_dir / "installation", _fingerprint(settings.secret_key())
        self._own: Beat | None = None
        self._interval, self._beaten, self._due = interval.total_seconds(), 0.0, 0.0
        self._doubt: Doubt | None = None

    def holds(self) -> bool:
        """Whether the installation is this scheduler's to run; beats when it is time to. While not, what is open is paused.

        What database and broker raise, the caller sees: so long as they cannot be asked, the last answer stands.
        """
        if _clock() >= self._due:
            self._doubt = self._beat()
            self._due = _clock() + (self._interval if self._doubt is None else min(self._interval, _IN_DOUBT_SECONDS))
        return self._doubt is None

    def release(self) -> None:
        """Say goodbye in order: whoever comes next need not ask what happened in between."""
        if self._own is not None:
            with transaction(self._engine) as connection:
                connection.execute(update(Installation).where(Installation.id == self._own.id).values(stopped=True))

    def _beat(self) -> Doubt | None:
        # The broker is asked before the database: each beat is committed before anybody is told, so that in one history what the broker
        # knew a moment ago is never later than what the database says now.
        seen = self._witnesses()
        with transaction(self._engine) as connection:
            now = database_time(connection)
            record = _lock(connection)
            doubt = judge(record, seen, now, idle=not mailings.any_open(connection))
            if doubt is None:
                if judge(record, seen, now, idle=False) is not None:
                    _use_no_id_again(connection)
                beat = Beat(record.beat.id, record.beat.number + 1, now) if record else Beat(str(uuid.uuid4()), 1, now)
                _write(connection, beat, self._machine, self._key)
            elif record is None or now - record.beat.at > FRESH:  # Else another scheduler is at work on this very database.
                mailings.hold_open(connection, now, f"{doubt}; {TAKEOVER} if it is to send, then resume")
        if doubt is None:
            self._own, self._beaten = beat, _clock()
            _tell(beat, self._client, self._file)
        elif doubt is not self._doubt:
            log.error("copy_suspected", reason=doubt.value)
        return doubt

    def _witnesses(self) -> Witnesses:
        try:
            broker = _ask(self._client)
        except redis.RedisError:
            if self._own is None:
                raise
            broker = None  # The other two suffice, for who has been at work all the time.
        lived = timedelta(seconds=_clock() - self._beaten) if self._own is not None else timedelta()
        return Witnesses(broker, _read(self._file), self._own, self._machine, lived)


def take_over(engine: Engine, client: redis.Redis, settings: Settings, machine: str | None) -> Record:
    """Make this database an installation of its own from now on, with this machine's key.

    Whichever it came from is another one, and stays held if it is met.
    """
    with transaction(engine) as connection:
        _lock(connection)
        _use_no_id_again(connection)
        beat = Beat(str(uuid.uuid4()), 1, database_time(connection))
        _write(connection, beat, machine, _fingerprint(settings.secret_key()))
    client.ping()
    _tell(beat, client, settings.data_dir / "installation")
    return Record(beat, machine, stopped=False)


def look(
    connection: Connection, client: redis.Redis, data_dir: Path, machine: str | None
) -> tuple[Record | None, Doubt | None]:
    """The installation as it stands, and what a scheduler that started on this machine now would doubt."""
    seen = Witnesses(_ask(client), _read(data_dir / "installation"), None, machine)
    record = find(connection)
    return record, judge(record, seen, database_time(connection), idle=not mailings.any_open(connection))


def tokens(engine: Engine, settings: Settings) -> Tokens:
    """What signs and reads the letters of links. ServiceError where the installation's were signed with another key than ours."""
    with transaction(engine) as connection:
        if has_other_key(connection, settings.secret_key()):
            raise ServiceError(f"{OTHER_KEY}. {OTHER_KEY_CURE}")
    return Tokens(settings.secret_key())


def has_other_key(connection: Connection, secret: bytes) -> bool:
    """Whether the installation's links are known to be signed with another key than that."""
    known = connection.execute(select(Installation.__table__.c.key_fingerprint)).scalar_one_or_none()
    return known is not None and known != _fingerprint(secret)


def _fingerprint(secret: bytes) -> str:
    return hashlib.blake2b(secret, person=b"key fingerprint", digest_size=16).hexdigest()


def at_work(connection: Connection, now: datetime) -> bool:
    """Whether a scheduler that holds the lease has been at work just now. Without one, nobody sends: this could be a copy's worker."""
    record = find(connection)
    return record is None or now - record.beat.at <= FRESH


def runs(connection: Connection, now: datetime) -> bool:
    """Whether there is a scheduler that has been at work just now, and has not been stopped since."""
    record = find(connection)
    return record is not None and not record.stopped and now - record.beat.at <= FRESH


def machine_id(path: Path = Path("/etc/machine-id")) -> str | None:
    """A name for this machine, the same after every start; None where it has none, as in most containers.

    Hashed, because machine-id(5) asks that the id itself be shown to nobody.
    """
    try:
        text = path.read_text().strip()
    except OSError:
        return None
    return hashlib.sha256(f"jianbao {text}".encode()).hexdigest()[:32] if len(text) == 32 else None


# --- Where it is kept --------------------------------------------------------------------------------------------------------


def find(connection: Connection) -> Record | None:
    """The installation that the database says it is; None before the first scheduler."""
    table = Installation.__table__.c
    row = connection.execute(select(table.id, table.beat, table.beat_at, table.machine, table.stopped)).one_or_none()
    return Record(Beat(row.id, row.beat, row.beat_at), row.machine, row.stopped) if row is not None else None


def _lock(connection: Connection) -> Record | None:
    """The same, while all other schedulers wait; an advisory lock, because at first there is no row that could be locked."""
    take_turn(connection, Turn.BEAT)
    return find(connection)


def _write(connection: Connection, beat: Beat, machine: str | None, key: str) -> None:
    values = {
        "id": beat.id,
        "beat": beat.number,
        "beat_at": beat.at,
        "machine": machine,
        "stopped": False,
        "key_fingerprint": key,
    }
    statement = insert(Installation).values(values)
    connection.execute(statement.on_conflict_do_update(index_elements=["sole"], set_=values))


def _use_no_id_again(connection: Connection) -> None:
    """Leave out the ids that may be in mails which were sent since this database was copied.

    By their links, their Message-IDs and return paths somebody else would leave, confirm, or lose an address that works.
    """
    for table in _NAMED_IN_MAILS:
        connection.execute(_LEAVE_OUT, {"table": table, "many": _IDS_LEFT_OUT})


_LEAVE_OUT = text("""
    SELECT setval(ids, nextval(ids) + :many) FROM (SELECT CAST(pg_get_serial_sequence(:table, 'id') AS regclass) AS ids) AS sequence""")


def _tell(beat: Beat, client: redis.Redis, file: Path) -> None:
    """Both places, as far as they can be written now: the next beat is told too, and either one suffices."""
    with contextlib.suppress(OSError):
        fresh = file.with_name(f"{file.name}.{os.getpid()}")
        file.parent.mkdir(parents=True, exist_ok=True)
        fresh.write_text(beat.to_json())
        fresh.replace(file)
    with contextlib.suppress(redis.RedisError):
        client.set(_KEY, beat.to_json())


def _ask(client: redis.Redis) -> Beat | None:
    text = client.get(_KEY)
    return Beat.from_json(text) if isinstance(text, (bytes, str)) else None


def _read(file: Path) -> Beat | None:
    try:
        return Beat.from_json(file.read_text())
    except OSError:
        return None


def _clock() -> float:
    return time.clock_gettime(_CLOCK)
