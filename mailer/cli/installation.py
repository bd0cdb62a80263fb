"""`jianbao installation`: whose this database is, and how it is handed over."""

from __future__ import annotations

import sys

import rich_click as click

from mailer import mailings
from mailer.cli import EXIT_NO
from mailer.cli.output import ask, json_option, local_time, note, print_json, services, yes_option
from mailer.installation import TAKEOVER, has_other_key, look, machine_id, take_over
from mailer.models import MailingStatus
from subscribers.db import transaction


@click.group()
def installation() -> None:
    """Whose this database is: a copy does not send by itself. Example: `jianbao installation show`."""


@installation.command()
@json_option
def show(as_json: bool) -> None:
    """Say whether a scheduler that started on this machine now would send; exit 1 when it would take this for a copy.

    Example: `jianbao installation show`
    """
    with services() as opened, transaction(opened.engine) as connection:
        record, doubt = look(connection, opened.redis(), opened.settings.data_dir, machine_id())
        zone = opened.settings.zone
    beat = record.beat if record else None
    if as_json:
        print_json({"id": beat and beat.id, "beat": beat and beat.number, "at": beat and beat.at, "doubt": doubt})
    else:
        click.echo(f"{beat.id}, last at work {local_time(beat.at, zone)}" if beat else "no scheduler has run yet")
        if doubt:
            click.echo(f"{doubt}. If this one is to send: {TAKEOVER}")
    sys.exit(EXIT_NO if doubt else 0)


@installation.command()
@yes_option
@json_option
def takeover(yes: bool, as_json: bool) -> None:
    """Let this database send, after it was restored or moved. Whatever it was copied from must not send any more.

    Mailings that were paused stay paused: look at each before it goes on.

    Example: `jianbao installation takeover --yes`
    """
    ask("Is the installation that this one was copied from stopped for ever?", yes=yes)
    with services() as opened:
        with transaction(opened.engine) as connection:
            other_key = has_other_key(connection, opened.settings.secret_key())
        record = take_over(opened.engine, opened.redis(), opened.settings, machine_id())
        with transaction(opened.engine) as connection:
            paused = [one.id for one in mailings.mailings(connection) if one.status is MailingStatus.PAUSED]
    if as_json:
        print_json({"id": record.beat.id, "paused": paused})
    else:
        click.echo(record.beat.id)
        if other_key:
            note("The secret key is another than before: links in mails already sent are dead.")
        for mailing_id in paused:
            note(f"mailing {mailing_id} is paused. `jianbao mailing resume {mailing_id}` goes on, to whoever is not recorded.")
