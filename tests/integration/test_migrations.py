"""The schema's history against a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, inspect, text

from mailer import feedback_models as _feedback  # noqa: F401 - the tables must be known, whichever process has made the template
from mailer import migrations
from mailer import models as _models  # noqa: F401
from mailer import notice_models as _notices  # noqa: F401
from mailer import reader_models as _readers  # noqa: F401
from subscribers import tasks as _tasks  # noqa: F401
from subscribers.db import Base, make_engine
from subscribers.errors import ServiceError
from tests.integration.conftest import Jianbao


def test_the_migrations_make_exactly_the_tables_that_the_code_speaks_of(engine: Engine) -> None:
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []


def test_the_migrations_make_exactly_the_indexes_that_the_code_speaks_of(engine: Engine) -> None:
    made = text("SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = current_schema() ORDER BY 1")
    with engine.connect() as connection, connection.begin() as transaction:
        before = connection.execute(made).all()
        for index in [index for table in Base.metadata.tables.values() for index in table.indexes]:
            index.drop(connection)
            index.create(connection)
        after = connection.execute(made).all()
        transaction.rollback()
    assert after == before


def test_the_newest_file_is_the_head_of_the_history(engine: Engine) -> None:
    assert ScriptDirectory(str(migrations.__path__[0])).get_current_head() == migrations.head()
    with engine.connect() as connection:
        assert migrations.current(connection) == migrations.head()


def test_a_schema_that_a_later_program_made_is_left_as_it_is_and_told_so(engine: Engine, jianbao: Jianbao) -> None:
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    try:
        tried = [jianbao("db", "upgrade"), jianbao("list", "list")]
        checked = jianbao("db", "check")
    finally:
        with engine.begin() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = :head"), {"head": migrations.head()})
    assert all(isinstance(one.exception, ServiceError) for one in tried)
    said = [str(tried[0].exception), str(tried[1].exception), checked.stdout.strip()]
    assert all(one.endswith("A later version of jianbao made it: install that one.") for one in said)
    assert checked.exit_code == 1


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("lock_timeout = '10ms'", "lock timeout. What was under way was not done; try again."),
        (
            "role = pg_read_all_data",
            "must be owner of table delivery. `jianbao db upgrade` and `restore` need the owner's role",
        ),
    ],
)
def test_an_upgrade_that_the_database_breaks_off_or_forbids_says_so(
    engine: Engine, jianbao: Jianbao, setting: str, said: str
) -> None:
    name = engine.url.database
    with engine.begin() as connection:
        migrations.downgrade(connection, "0020")
        connection.execute(text(f"ALTER DATABASE {name} SET {setting}"))
    try:
        with engine.begin() as in_use:
            in_use.execute(text("LOCK TABLE delivery IN ACCESS SHARE MODE"))
            tried = jianbao("db", "upgrade")
            assert migrations.current(in_use) == "0020"
    finally:
        with engine.begin() as connection:
            connection.execute(text(f"ALTER DATABASE {name} RESET ALL"))
            migrations.upgrade(connection)
    assert isinstance(tried.exception, ServiceError)
    assert said in str(tried.exception)


def test_every_migration_goes_down_and_up_again(engine: Engine) -> None:
    revisions = [script.revision for script in ScriptDirectory(str(migrations.__path__[0])).walk_revisions()]
    with engine.connect() as connection, connection.begin() as transaction:
        for below in [*revisions[1:], "base"]:
            migrations.downgrade(connection, below)
        assert inspect(connection).get_table_names() == ["alembic_version"]
        for revision in reversed(revisions):
            migrations.upgrade(connection, revision)
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []
        transaction.rollback()


def test_institutes_of_before_are_found_by_name_and_roles_keep_their_meaning(engine: Engine) -> None:
    with engine.connect() as connection, connection.begin() as transaction:
        migrations.downgrade(connection, "0006")
        connection.execute(text("INSERT INTO institute (name, short_name) VALUES ('甲（院）', '甲'), ('甲(院)', '甲院')"))
        person = (
            "INSERT INTO subscriber (address, canonical, domain, address_hash, role) VALUES (:c, :c, 'b.cn', sha256(:c), :role)"
        )
        for number, role in enumerate(["办公室", "院所领导", "会计", None]):
            connection.execute(text(person.replace("sha256(:c)", f"'\\x0{number}'")), {"c": f"a{number}@b.cn", "role": role})
        migrations.upgrade(connection)
        names = connection.execute(text("SELECT institute_id, name, kind FROM institute_name ORDER BY id")).all()
        roles = connection.execute(text("SELECT role FROM subscriber ORDER BY id")).scalars().all()
        transaction.rollback()
    assert [tuple(row) for row in names] == [(1, "甲（院）", "current"), (1, "甲", "short"), (2, "甲(院)", "short")]
    assert roles == ["office", "director", "other", None]


def test_spaces_behind_the_names_of_messages_become_numbers(engine: Engine) -> None:
    with engine.begin() as connection:
        migrations.downgrade(connection, "0022")
        row = (
            "INSERT INTO mailbox_cursor (mailbox, uid_validity, last_uid, uidls) VALUES ('a', 0, 0, :uidls), ('b', 7, 9, '{}')"
        )
        connection.execute(text(row), {"uidls": ["one", "two  "]})
        migrations.upgrade(connection)
        read = text("SELECT mailbox, uidls FROM mailbox_cursor ORDER BY mailbox")
        assert connection.execute(read).all() == [("a", {"one": 0, "two": 2}), ("b", {})]
        migrations.downgrade(connection, "0022")
        assert connection.execute(read).all() == [("a", ["one", "two  "]), ("b", [])]
        migrations.upgrade(connection)


@pytest.fixture(params=["SQL_ASCII", "EUC_CN"])
def in_another_encoding(database_url: str, request: pytest.FixtureRequest) -> Iterator[Engine]:
    """A new database, as `createdb` makes it on a server that was set up so."""
    server = make_engine(database_url).execution_options(isolation_level="AUTOCOMMIT")
    name = f"{server.url.database}_in_another_encoding"
    with server.connect() as connection:
        connection.execute(
            text(
                f"CREATE DATABASE {name} ENCODING '{request.param}' TEMPLATE template0 LOCALE_PROVIDER libc LC_COLLATE 'C' LC_CTYPE 'C'"
            )
        )
    other = make_engine(server.url.set(database=name).render_as_string(hide_password=False))
    yield other
    other.dispose()
    with server.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    server.dispose()


def test_a_database_that_is_not_in_utf_8_is_refused_with_the_cure(in_another_encoding: Engine) -> None:
    with (
        in_another_encoding.begin() as connection,
        pytest.raises(ServiceError, match=r"the database is in (SQL_ASCII|EUC_CN), .* --encoding=UTF8"),
    ):
        migrations.upgrade(connection)
