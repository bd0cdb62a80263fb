"""`jianbao db`: the schema, and the database as one file."""

from __future__ import annotations

import sys
from pathlib import Path

import rich_click as click

from mailer import backup as backups
from mailer import migrations
from mailer.cli import EXIT_NO
from mailer.cli.output import ask, json_option, note, print_json, services, yes_option
from subscribers.db import transaction


@click.group()
def db() -> None:
    """The database: its schema, backups. Example: `jianbao db backup /backups/jianbao.dump`."""


@db.command()
def upgrade() -> None:
    """Bring the schema up to this program's; nothing happens when it is already.

    Example: `jianbao db upgrade`
    """
    with services(check_schema=False) as opened, transaction(opened.engine) as connection:
        before = migrations.current(connection)
        migrations.upgrade(connection)
        note(f"the schema was at {before or 'nothing'} and is at {migrations.current(connection)}")


@db.command()
@json_option
def check(as_json: bool) -> None:
    """Say whether the schema is this program's; exit 1 when it is not.

    Example: `jianbao db check`
    """
    with services(check_schema=False) as opened, transaction(opened.engine) as connection:
        present, needed = migrations.current(connection), migrations.head()
    if as_json:
        print_json({"present": present, "needed": needed})
    else:
        cure = "" if present == needed else f" {migrations.cure(present)}"
        click.echo(f"the schema is at {present or 'nothing'}; this program needs {needed}.{cure}")
    sys.exit(0 if present == needed else EXIT_NO)


@db.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@json_option
def backup(file: Path, as_json: bool) -> None:
    """Write the whole database into one file, as it is at this moment; mailings may go on.

    Example: `jianbao db backup /backups/2026-11-27.dump`
    """
    with services() as opened:
        note("copying the database …")
        octets = backups.back_up(opened.engine, file)
        data_dir = opened.settings.data_dir
    if as_json:
        print_json({"file": str(file), "octets": octets})
    else:
        click.echo(f"{file}: {octets:,} octets")
    note(f"Keep the keys as well, which are files: secret_key and dkim/ in {data_dir}, or where your settings have them.")


@db.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--replace", is_flag=True, help="Take out what is in the database first.")
@yes_option
def restore(file: Path, replace: bool, yes: bool) -> None:
    """Put a backup into an empty database: all of it, or nothing. Stop scheduler, workers and web before.

    Example: `jianbao db restore /backups/2026-11-27.dump`
    """
    with services(check_schema=False) as opened:
        if replace:
            ask("Take out everything that is in the database now, for good?", yes=yes)
        note("putting the backup in …")
        backups.restore(opened.engine, file, replace=replace)
        with transaction(opened.engine) as connection:
            present, needed = migrations.current(connection), migrations.head()
    if present != needed:
        note(f"its schema is at {present}, and this program needs {needed}. {migrations.cure(present)}")
    note("It sends nothing until `jianbao installation takeover`: what was sent since the backup is not on record in it.")
