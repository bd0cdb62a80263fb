"""What every connection asks of the server, whatever that is set to. Against a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, make_url, text

from subscribers.db import make_engine


@pytest.fixture
def set_for_everybody(engine: Engine) -> Iterator[None]:
    """The database ends every statement at once."""
    with engine.begin() as connection:
        connection.execute(text(f"ALTER DATABASE {engine.url.database} SET statement_timeout = '1ms'"))
    yield
    with engine.begin() as connection:
        connection.execute(text(f"ALTER DATABASE {engine.url.database} RESET statement_timeout"))


def shown(url: str, *names: str) -> list[str]:
    engine = make_engine(url)
    try:
        with engine.connect() as connection:
            return [connection.execute(text(f"SHOW {name}")).scalar_one() for name in names]
    finally:
        engine.dispose()


def test_no_statement_is_compiled(database_url: str) -> None:
    assert shown(database_url, "jit") == ["off"]


@pytest.mark.usefixtures("set_for_everybody")
def test_no_statement_is_cut_short_by_what_the_database_sets_for_everybody(database_url: str) -> None:
    assert shown(database_url, "statement_timeout") == ["0"]


def test_what_the_url_says_itself_holds(database_url: str) -> None:
    said = {"application_name": "bulletin", "options": "-c statement_timeout=5s -c work_mem=9MB"}
    url = make_url(database_url).update_query_dict(said).render_as_string(hide_password=False)
    assert shown(url, "application_name", "statement_timeout", "work_mem", "timezone") == ["bulletin", "5s", "9MB", "UTC"]
