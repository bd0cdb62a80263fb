"""The schema's history, and the two things one does with it: bring a database up to date, and ask whether it is.

Alembic is imported where a schema is changed, and not where one is only asked for its revision, as every command does.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

from subscribers.db import Turn, take_turn
from subscribers.errors import ServiceError

if TYPE_CHECKING:
    from alembic.config import Config

_VERSIONS = Path(__file__).parent / "versions"


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Bring the schema to `revision`, in the connection's transaction. ServiceError where it is a later program's, or not in UTF-8."""
    from alembic import command  # noqa: PLC0415

    encoding = connection.execute(text("SHOW server_encoding")).scalar_one()
    if encoding != "UTF8":
        raise ServiceError(
            f"the database is in {encoding}, which cannot hold every bulletin. Make one in UTF-8, for example by `createdb "
            "--encoding=UTF8 --locale=C.UTF-8 --template=template0 jianbao`, and name it in JIANBAO_DATABASE_URL."
        )
    take_turn(connection, Turn.UPGRADE)  # Two upgrades at once wait for each other.
    if is_later(present := current(connection)):
        raise ServiceError(f"the database's schema is at {present}, and this program knows {head()} at most. {cure(present)}")
    command.upgrade(config(connection), revision)


def downgrade(connection: Connection, revision: str) -> None:
    """Take the schema back to `revision`; `base` takes everything away."""
    from alembic import command  # noqa: PLC0415

    command.downgrade(config(connection), revision)


def current(connection: Connection) -> str | None:
    """The revision that the database is at; None before the first."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()


def head() -> str:
    """The revision that this program needs: files are named by revision, in order."""
    return max(path.name for path in _VERSIONS.glob("[0-9]*.py")).partition("_")[0]


def is_later(present: str | None) -> bool:
    """Whether a revision was made by a later program than this one."""
    return present is not None and present > head()


def cure(present: str | None) -> str:
    """What to do about a database whose revision is not the one that this program needs."""
    return "A later version of jianbao made it: install that one." if is_later(present) else "Run `jianbao db upgrade`."


def config(connection: Connection) -> Config:
    """Alembic's configuration, with the connection that the scripts run on."""
    from alembic.config import Config  # noqa: PLC0415

    made = Config()
    made.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    made.set_main_option("path_separator", "os")
    made.attributes["connection"] = connection
    return made
