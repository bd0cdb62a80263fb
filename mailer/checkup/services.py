"""The database and the broker: their versions, the schema, what they keep, the clocks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta

import redis
from sqlalchemy import Connection, Engine, text

from mailer import migrations
from mailer.checkup.finding import Finding, fault, ok, skipped
from subscribers.db import transaction

_OLDEST_POSTGRESQL, _NEWEST_POSTGRESQL = 15, 18
_OLDEST_REDIS = (6, 2)
_FULL = 0.9
_MOST_APART = timedelta(seconds=5)


def database(engine: Engine) -> Iterator[Finding]:
    """Its version, its encoding and its schema."""
    with transaction(engine) as connection:
        version, encoding = _show(connection, "server_version"), _show(connection, "server_encoding")
        read_only = _show(connection, "transaction_read_only")
        present, needed = migrations.current(connection), migrations.head()
    major = int(version.split(".")[0])
    if not _OLDEST_POSTGRESQL <= major <= _NEWEST_POSTGRESQL:
        yield fault("database", f"PostgreSQL {version}", f"Use PostgreSQL {_OLDEST_POSTGRESQL} to {_NEWEST_POSTGRESQL}.")
    elif read_only == "on":
        cure = "Let JIANBAO_DATABASE_URL lead to the primary; its disk may be full, too."
        yield fault("database", f"PostgreSQL {version} only lets itself be read", cure)
    elif encoding != "UTF8":
        yield fault("database", f"its encoding is {encoding}", "Make a database with ENCODING 'UTF8' and move the data there.")
    else:
        yield ok("database", f"PostgreSQL {version}")
    if present == needed:
        yield ok("schema", f"at {present}")
    else:
        yield fault("schema", f"at {present or 'nothing'}; this program needs {needed}", migrations.cure(present))


def _show(connection: Connection, name: str) -> str:
    return str(connection.execute(text(f"SHOW {name}")).scalar_one())


def clock(engine: Engine, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> Iterator[Finding]:
    """How far this machine's clock is from the database's."""
    with transaction(engine) as connection:
        before = now()
        theirs = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
        after = now()
    apart = abs(theirs - (before + (after - before) / 2))
    if apart > _MOST_APART + (after - before) / 2:
        cure = "Let both keep time by NTP. Receivers distrust mail whose date is wrong."
        yield fault("clock", f"{apart.total_seconds():.0f} s away from the database's", cure)
    else:
        yield ok("clock", f"within {max(apart.total_seconds(), 0.1):.1f} s of the database's")


def broker(client: redis.Redis) -> Iterator[Finding]:
    """Its version, and whether it keeps what it is given."""
    facts = client.info()
    assert isinstance(facts, Mapping)
    return judge_broker(facts, _snapshots(client))


def _snapshots(client: redis.Redis) -> str | None:
    """When it saves snapshots, empty for never; None where it does not say, as with many that are hired."""
    try:
        return str(client.config_get("save").get("save", ""))
    except redis.ResponseError:
        return None


def judge_broker(facts: Mapping[str, object], snapshots: str | None) -> Iterator[Finding]:
    """What to think of a broker that says this of itself."""
    name = f"Valkey {facts['valkey_version']}" if "valkey_version" in facts else f"Redis {facts['redis_version']}"
    version = tuple(int(part) for part in str(facts["redis_version"]).split(".")[:2])
    if version < _OLDEST_REDIS:
        yield fault("broker", name, "Use Redis 6.2 or later, or Valkey.")
        return
    if facts.get("role") == "slave":
        yield fault(
            "broker", f"{name} is a replica, which only lets itself be read", "Let JIANBAO_REDIS_URL lead to the primary."
        )
        return
    yield ok("broker", name)
    yield _memory(facts)
    yield _persistence(facts, snapshots)


def _memory(facts: Mapping[str, object]) -> Finding:
    name, policy = "broker memory", str(facts.get("maxmemory_policy", "noeviction"))
    used, most = (int(str(facts.get(key, 0))) for key in ("used_memory", "maxmemory"))
    if policy != "noeviction":
        return fault(name, f"maxmemory-policy is {policy}: opens and clicks may be thrown away", "Set it to noeviction.")
    if most and used > _FULL * most:
        cure = "Raise maxmemory, and see that a scheduler runs: opens and clicks wait there for it."
        return fault(name, f"{used / 2**20:.0f} of {most / 2**20:.0f} MiB are used; nothing is sent when it is full", cure)
    return ok(name, "nothing is thrown away to save memory")


def _persistence(facts: Mapping[str, object], snapshots: str | None) -> Finding:
    name = "broker disk"
    failed = [key for key in ("aof_last_write_status", "rdb_last_bgsave_status") if facts.get(key, "ok") != "ok"]
    if failed:
        return fault(name, f"its last writing failed ({failed[0]})", "See its log; most often the disk is full.")
    if facts.get("aof_enabled"):
        return ok(name, "it writes down what it is given (appendonly)")
    if snapshots is None:
        return skipped(name, "appendonly is off, and it does not say whether it saves snapshots")
    if snapshots:
        return ok(name, f"it saves snapshots ({snapshots}); opens and clicks since the last one die with it")
    return fault(name, "it keeps nothing: opens and clicks that wait die with it", "Set appendonly yes.")
