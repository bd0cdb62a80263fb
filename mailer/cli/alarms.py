"""`jianbao alarm`: members who left all at once, as a link scanner makes them do."""

from __future__ import annotations

from datetime import UTC, datetime

import rich_click as click

from mailer import departures
from mailer.cli.output import actor, json_option, local_time, note, print_json, print_table, services
from mailer.models import AlarmState
from subscribers.db import transaction


@click.group()
def alarm() -> None:
    """Members of one institute or mail domain who left within minutes. Example: `jianbao alarm list`."""


@alarm.command("list")
@click.option("--all", "every", is_flag=True, help="Those that were settled too.")
@json_option
def list_(every: bool, as_json: bool) -> None:
    """List the alarms that wait for somebody to look at them.

    Example: `jianbao alarm list`
    """
    with services() as opened, transaction(opened.engine) as connection:
        found = departures.alarms(connection, state=None if every else AlarmState.RAISED)
        zone = opened.settings.zone
    if as_json:
        print_json(found)
    elif found:
        rows = [(a.id, a.mailing_id, a.scope, a.name, a.left, local_time(a.first_at, zone), a.state) for a in found]
        print_table(("id", "mailing", "of", "name", "left", "since", "state"), rows, numbers=frozenset({"left"}))
        note("`jianbao alarm undo ID` brings them back; `jianbao alarm dismiss ID` lets them go.")
    else:
        note("there is no alarm.")


@alarm.command()
@click.argument("alarm_id", metavar="ID", type=int)
@json_option
def undo(alarm_id: int, as_json: bool) -> None:
    """Bring back everybody whose departure an alarm holds, at once.

    Example: `jianbao alarm undo 1`
    """
    with services() as opened, transaction(opened.engine) as connection:
        restored = departures.undo(connection, alarm_id, by=actor(), now=datetime.now(UTC))
    if as_json:
        print_json({"id": alarm_id, "restored": restored})
    else:
        click.echo(f"alarm {alarm_id}: {restored} subscribers are back on the lists that they left.")


@alarm.command()
@click.argument("alarm_id", metavar="ID", type=int)
def dismiss(alarm_id: int) -> None:
    """Let the departures of an alarm stand: people left, and no machine did it.

    Example: `jianbao alarm dismiss 1`
    """
    with services() as opened, transaction(opened.engine) as connection:
        departures.dismiss(connection, alarm_id, by=actor(), now=datetime.now(UTC))
    note(f"alarm {alarm_id} is dismissed.")
