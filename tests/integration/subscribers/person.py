"""One person with two addresses, as the tests of records need them."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import Connection, text

from subscribers import records
from subscribers.subscriptions import Wish

NOW = datetime(2026, 11, 20, 8, tzinfo=UTC)
OLD, NEW = "wang@qq.example", "wang.fang@inst.example"


def read(connection: Connection, address: str) -> records.SubscriberRecord:
    return records.find_subscriber(connection, address)


def wish(connection: Connection, address: str, list_id: int) -> Wish:
    return Wish(read(connection, address).id, address, [list_id], "staff", "telephone", NOW, "li")


def every_text(connection: Connection) -> str:
    """Everything that the database holds, as text."""
    names = connection.execute(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).scalars().all()
    return "".join(
        str(connection.execute(text(f"SELECT string_agg(CAST(t AS text), '') FROM {name} t")).scalar()) for name in names
    )
