"""`jianbao db`: the schema."""

from __future__ import annotations

import sys

import rich_click as click

from mailer import migrations
from mailer.bootstrap import open_services
from mailer.cli import EXIT_NO
from mailer.cli.output import json_option, note, print_json, settings
from subscribers.db import transaction


@click.group()
def db() -> None:
    """The database's schema. Example: `jianbao db upgrade`."""


@db.command()
def upgrade() -> None:
    """Bring the schema up to this program's; nothing happens when it is already.

    Example: `jianbao db upgrade`
    """
    with open_services(settings(), check_schema=False) as services, transaction(services.engine) as connection:
        before = migrations.current(connection)
        migrations.upgrade(connection)
        note(f"the schema was at {before or 'nothing'} and is at {migrations.current(connection)}")


@db.command()
@json_option
def check(as_json: bool) -> None:
    """Say whether the schema is this program's; exit 1 when it is not.

    Example: `jianbao db check`
    """
    with open_services(settings(), check_schema=False) as services, transaction(services.engine) as connection:
        present, needed = migrations.current(connection), migrations.head()
    if as_json:
        print_json({"present": present, "needed": needed})
    else:
        cure = "" if present == needed else " Run `jianbao db upgrade`."
        click.echo(f"the schema is at {present or 'nothing'}; this program needs {needed}.{cure}")
    sys.exit(0 if present == needed else EXIT_NO)
