"""What the Tab key offers of what is in the database: lists, saved segments, institutes.

A database that does not run is not started for a key, and one that cannot be asked offers nothing.
"""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import rich_click as click

from mailer.cli.output import settings
from mailer.embedded import Places
from subscribers.errors import JianbaoError

Complete = Callable[[click.Context, click.Parameter, str], list[str]]
_MOST = 50


def _offering(statement: str) -> Complete:
    def offer(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
        try:
            read = settings()
            url = str(read["DATABASE_URL"] or Places(read.data_dir).urls.database).replace("+psycopg", "", 1)
            with psycopg.connect(url, connect_timeout=2) as connection:
                return [
                    name for (name,) in connection.execute(statement.encode(), {"begins": incomplete, "most": _MOST}).fetchall()
                ]
        except (JianbaoError, psycopg.Error, OSError):
            return []

    return offer


lists = _offering("SELECT slug FROM mailing_list WHERE starts_with(slug, %(begins)s) ORDER BY slug LIMIT %(most)s")
segments = _offering("SELECT name FROM segment WHERE starts_with(name, %(begins)s) ORDER BY name LIMIT %(most)s")
institutes = _offering("""
    SELECT DISTINCT name FROM institute_name WHERE starts_with(name, %(begins)s) ORDER BY name LIMIT %(most)s""")
