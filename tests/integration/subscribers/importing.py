"""A small list of members, and what an import of it makes of the records."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Engine, text

from subscribers import store
from subscribers.importing import batches
from subscribers.importing.run import Order, Outcome, run_import
from subscribers.importing.source import look_at
from subscribers.models import ImportMode

MEMBERS = """\
单位名称,联系人,电子邮箱,职务,省份
东江省农业科学院,王芳,wang@a.example,院长,东江
东江省农业科学院,李四,li@a.example,办公室主任,东江
海洋研究所,陈小明,chen@b.example,研究员,南海
"""


def import_text(engine: Engine, content: str, path: Path, mode: ImportMode = ImportMode.NEW) -> Outcome:
    path.write_text(content, encoding="utf-8")
    with engine.begin() as connection:
        names = [one.slug for one in store.summaries(connection)]
        list_id = store.find_list(connection, "members") if names else store.create_list(connection, "members", "会员")
        return run_import(connection, Order(look_at(path), list_id, mode, "admin"))


def undo(engine: Engine, import_id: int) -> batches.Undone:
    with engine.begin() as connection:
        return batches.undo(connection, import_id, "admin")


def everything(engine: Engine) -> dict[str, list[str]]:
    """All that an import may touch, but for what is only added to."""
    tables = ("institute", "institute_name", "subscriber", "subscription", "suppression")
    with engine.begin() as connection:
        return {name: sorted(connection.execute(text(f"SELECT to_jsonb(t)::text FROM {name} t")).scalars()) for name in tables}


def states(engine: Engine) -> dict[str, str]:
    with engine.begin() as connection:
        rows = connection.execute(
            text("SELECT canonical, x.state FROM subscription x JOIN subscriber s ON s.id = subscriber_id")
        )
        return {row.canonical: row.state for row in rows}


def run(engine: Engine, statement: str) -> None:
    with engine.begin() as connection:
        connection.execute(text(statement))


def suppress(engine: Engine, canonical: str, reason: str, until: str = "NULL", lists: str = "NULL") -> None:
    run(
        engine,
        f"""INSERT INTO suppression (address_hash, list_id, reason, evidence, since, until)
            VALUES (sha256('{canonical}'), {lists}, '{reason}', 'a test', now() - interval '60 days', {until})""",
    )


def suppressed(engine: Engine) -> list[tuple[object, ...]]:
    with engine.begin() as connection:
        rows = connection.execute(
            text("SELECT list_id, reason, until IS NOT NULL AND until < now() FROM suppression ORDER BY id")
        )
        return [tuple(row) for row in rows]
