"""Logs hold nobody's address, whatever the database says of a statement that it refuses."""

from __future__ import annotations

import subprocess
import sys

import pytest
from sqlalchemy import Engine

from tests import factories

WANG = "wang@institute.example"
SYNCHRONOUS = """
with make_engine(url).begin() as connection:
    connection.execute(text(statement), parameters)
"""
ASYNCHRONOUS = """
async def execute():
    async with make_async_engine(make_url(url)).begin() as connection:
        await connection.execute(text(statement), parameters)
asyncio.run(execute())
"""
PROGRAM = """
import asyncio, logging, sys
from sqlalchemy import make_url, text
import structlog
from mailer.logs import configure_logs
from subscribers.db import make_async_engine, make_engine

_, url, statement, address, work = sys.argv
parameters = {"address": address}
configure_logs()
try:
    exec(work)
except Exception as error:
    structlog.get_logger().exception("refused", error=str(error), of=repr(error))
    logging.getLogger("celery").error("refused", exc_info=error)
"""


@pytest.mark.parametrize("work", [SYNCHRONOUS, ASYNCHRONOUS], ids=["synchronous", "asynchronous"])
@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("INSERT INTO mailing_list (slug, name) VALUES (:address, ''), (:address, '')", "violates unique constraint"),
        ("UPDATE subscriber SET address_hash = NULL WHERE address = :address", "violates not-null constraint"),
        ("SELECT FROM nothing WHERE address = :address", "does not exist"),
    ],
)
def test_a_refused_statement_is_logged_without_what_it_was_about(engine: Engine, work: str, statement: str, said: str) -> None:
    factories.subscribe(engine, [WANG])
    url = engine.url.render_as_string(hide_password=False)
    logged = subprocess.run(
        [sys.executable, "-c", PROGRAM, url, statement, WANG, work], capture_output=True, text=True, check=True, timeout=60
    ).stderr
    assert [line for line in logged.splitlines() if said not in line] == []
    assert len(logged.splitlines()) == 2
    assert "wang" not in logged
