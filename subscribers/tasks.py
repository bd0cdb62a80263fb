"""What staff have to look at: opened by the program, once as long as it is open, and closed by people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, DateTime, ForeignKey, Identity, Index, Integer, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from subscribers.db import Base
from subscribers.errors import InputError
from subscribers.models import instant, one_of


class TaskKind(StrEnum):
    """What has to be done."""

    CONTACT_LOST = "contact_lost"  # another contact of the institute has taken over; find out what became of this one
    INSTITUTE_UNREACHABLE = "institute_unreachable"  # nobody of the institute can be written to: find a new contact
    COMPLAINT = "complaint"
    REFUSED = "refused"
    SUCCESSOR_PROPOSED = "successor_proposed"
    CONTACT_PROPOSED = "contact_proposed"
    ALARM = "alarm"


class Task(Base):
    """One thing for staff to do. While it is open, there is no second one of the same `key`."""

    __tablename__ = "task"
    __table_args__ = (
        one_of("kind", TaskKind),
        Index("ix_task_open", "key", unique=True, postgresql_where="done_at IS NULL"),
        Index(None, "subscriber_id"),
    )
    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    kind: Mapped[str] = mapped_column(Text)
    key: Mapped[str] = mapped_column(Text)
    institute_id: Mapped[int | None] = mapped_column(ForeignKey("institute.id", ondelete="SET NULL"))
    subscriber_id: Mapped[int | None] = mapped_column(Integer)
    about: Mapped[str] = mapped_column(Text)
    opened_at: Mapped[datetime] = instant()
    done_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    done_by: Mapped[str | None] = mapped_column(Text)
    note: Mapped[str | None] = mapped_column(Text)


@dataclass(frozen=True, slots=True)
class NewTask:
    """Something to be done. `about` says it in a sentence without anybody's address, which the subscriber's row gives."""

    kind: TaskKind
    key: str
    about: str
    institute_id: int | None = None
    subscriber_id: int | None = None


@dataclass(frozen=True, slots=True)
class TaskRecord:
    """A task, with the names of whom it is about as they are now."""

    id: int
    kind: TaskKind
    about: str
    institute: str | None
    address: str | None
    opened_at: datetime
    done_at: datetime | None
    done_by: str | None
    note: str | None


def open_tasks(connection: Connection, tasks: Sequence[NewTask], now: datetime) -> int:
    """Put the tasks before staff, and say how many are new: one that is open already is left as it is."""
    if not tasks:
        return 0
    columns = {
        "kinds": [task.kind.value for task in tasks],
        "keys": [task.key for task in tasks],
        "institutes": [task.institute_id for task in tasks],
        "subscribers": [task.subscriber_id for task in tasks],
        "abouts": [task.about for task in tasks],
    }
    return connection.execute(_OPEN, columns | {"now": now}).rowcount


def close_task(connection: Connection, task_id: int, *, by: str, note: str | None, now: datetime) -> None:
    """Mark a task as done. InputError where there is none, or it was done before."""
    parameters = {"id": task_id, "by": by, "note": note, "now": now}
    if connection.execute(_CLOSE, parameters).rowcount:
        return
    done = connection.execute(text("SELECT done_by, done_at FROM task WHERE id = :id"), {"id": task_id}).one_or_none()
    if done is None:
        raise InputError(f"there is no task {task_id}. `jianbao task list` shows those that are open.")
    raise InputError(
        f"task {task_id} was done by {done.done_by} on {done.done_at:%Y-%m-%d}. `jianbao task list` shows what is open."
    )


def withdraw_tasks(connection: Connection, keys: Sequence[str], *, by: str, note: str, now: datetime) -> int:
    """Close the open tasks of those keys, whose cause has gone; how many there were."""
    return connection.execute(_WITHDRAW, {"keys": list(keys), "by": by, "note": note, "now": now}).rowcount


def task_list(connection: Connection, *, done: bool = False) -> list[TaskRecord]:
    """The open tasks, or those that are done, the oldest first."""
    rows = connection.execute(_LIST, {"done": done})
    return [TaskRecord(**{**row._mapping, "kind": TaskKind(row.kind)}) for row in rows]


_OPEN = text("""
    INSERT INTO task (kind, key, institute_id, subscriber_id, about, opened_at)
    SELECT kind, key, institute_id, subscriber_id, about, :now
    FROM unnest(CAST(:kinds AS text[]), CAST(:keys AS text[]), CAST(:institutes AS integer[]), CAST(:subscribers AS integer[]),
                CAST(:abouts AS text[])) AS t(kind, key, institute_id, subscriber_id, about)
    ON CONFLICT (key) WHERE done_at IS NULL DO NOTHING
""")
_CLOSE = text("UPDATE task SET done_at = :now, done_by = :by, note = :note WHERE id = :id AND done_at IS NULL")
_WITHDRAW = text("UPDATE task SET done_at = :now, done_by = :by, note = :note WHERE key = ANY(:keys) AND done_at IS NULL")
_LIST = text("""
    SELECT t.id, t.kind, t.about, i.name AS institute, s.address, t.opened_at, t.done_at, t.done_by, t.note
    FROM task t LEFT JOIN institute i ON i.id = t.institute_id LEFT JOIN subscriber s ON s.id = t.subscriber_id
    WHERE (t.done_at IS NOT NULL) = :done ORDER BY t.id
""")
