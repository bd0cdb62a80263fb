"""A file of members, and PostgreSQL's own COPY of it: what an import and an export are held against."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
from sqlalchemy import Engine, text

INSTITUTES = 2_000
HEADING = ("电子邮箱", "姓名", "单位名称", "职务", "手机")
_SURNAMES, _GIVEN = "王李张刘陈杨赵黄周吴徐孙马朱胡郭何高林罗", "伟芳娜秀英敏静丽强磊军洋勇艳杰娟涛明超兰霞平刚桂"
_POSTS = ("办公室主任", "研究员", "院长", "科长")
_BLOCK = 1 << 18


def members(number: int) -> Iterator[tuple[str, ...]]:
    """So many people at two thousand institutes, each address once, in no order."""
    chance = random.Random(number)  # noqa: S311 - names for a benchmark
    places = list(range(number))
    chance.shuffle(places)
    for place in places:
        name = chance.choice(_SURNAMES) + chance.choice(_GIVEN) + chance.choice(("", *_GIVEN))
        institute = place % INSTITUTES
        address = f"reader{place}@institute{institute}.example"
        yield address, name, f"青禾省第{institute}机械工业研究院", _POSTS[place % len(_POSTS)], f"138{place % 10**8:08d}"


def write_members(path: Path, number: int) -> None:
    """As a CSV file without a quote in it, which COPY reads as well as we do."""
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(",".join(HEADING) + "\r\n")
        file.writelines(",".join(member) + "\r\n" for member in members(number))


def make_bare_table(engine: Engine) -> None:
    """A table of the file's columns with the least that a table of members needs: a key, each address once, members by institute."""
    with engine.begin() as connection:
        connection.execute(
            text("""CREATE TABLE bare (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, address text NOT NULL UNIQUE, name text,
                                       institute text, post text, phone text)""")
        )
        connection.execute(text("CREATE INDEX ON bare (institute)"))
        connection.execute(text("CREATE UNLOGGED TABLE heap (address text, name text, institute text, post text, phone text)"))


def copy_in(engine: Engine, path: Path, table: str) -> float:
    """Seconds that COPY takes for the file, its commit among them."""
    empty(engine, table)
    began = time.perf_counter()
    with engine.begin() as connection:
        driver = connection.connection.driver_connection
        assert isinstance(driver, psycopg.Connection)
        statement = f"COPY {table} (address, name, institute, post, phone) FROM STDIN (FORMAT csv, HEADER)"
        with path.open("rb") as file, driver.cursor() as cursor, cursor.copy(statement.encode()) as copy:
            while block := file.read(_BLOCK):
                copy.write(block)
    return time.perf_counter() - began


def empty(engine: Engine, *tables: str) -> None:
    """Empty tables, and let the database write out what it holds back, so that nobody pays for what was before."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ALTER TABLE consent DISABLE TRIGGER consent_table"))
        connection.execute(text(f"TRUNCATE {', '.join(tables)} CASCADE"))
        connection.execute(text("ALTER TABLE consent ENABLE ALWAYS TRIGGER consent_table"))
        connection.execute(text("CHECKPOINT"))
