"""`jianbao bounce ingest` and its kin: the ways in for what comes back."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import rich_click as click

from mailer.bootstrap import reply_table
from mailer.cli import known
from mailer.cli.output import actor, json_option, local_time, note, print_json, print_table, services
from mailer.feedback_models import Way
from mailer.logs import configure_logs
from mailer.returns import intake, listener, polling
from mailer.returns.arrivals import Arrival, octets_of, portions
from mailer.returns.door import Door
from mailer.returns.equipment import make_reader
from mailer.returns.files import messages_at, messages_in
from mailer.returns.intake import Reader
from mailer.returns.mailbox import Mailbox
from mailer.returns.policies import load_policies, set_policy
from mailer.returns.probing import probe as ask
from mailer.returns.reinstating import reinstate
from mailer.returns.replay import replay as replay_feedback
from mailer.returns.tables import is_table, parts_of
from mailer.returns.unclear import unknown_words, unmatched
from mailer.settings import Settings
from subscribers import store
from subscribers.db import database_time, transaction
from subscribers.errors import InputError

_YEAR_DAYS = 366


@click.command()
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@json_option
def ingest(files: tuple[Path, ...], as_json: bool) -> None:
    """Take in what came back: messages, mboxes, maildirs, or CSV tables from a provider's page; without FILE, stdin.

    Everything is kept as it is before it is read; what was taken in before is not counted again. A large table is read, and counted, as
    several of some hundred lines.

    Example: `jianbao bounce ingest bounces.mbox`
    """
    with services() as opened:
        reader = make_reader(opened.engine, opened.settings)
        count = new = 0
        for lot in portions(_arrivals(files, reader), octets_of):
            count += len(lot)
            new += intake.keep(opened.engine, lot)
        intake.read_waiting(opened.engine, reader)
    if as_json:
        print_json({"messages": count, "new": new})
    else:
        click.echo(f"{count} taken in, {new} of them new. `jianbao feedback unmatched` shows what belonged to nobody.")


def _arrivals(files: tuple[Path, ...], reader: Reader) -> Iterator[Arrival]:
    now = datetime.now(UTC)
    if not files:
        if sys.stdin.isatty():
            raise InputError("no FILE, and nothing comes by stdin. Give a file, or pipe a message in.")
        for _, content in messages_in(sys.stdin.buffer, "stdin"):
            yield Arrival(Way.FILE, content, now)
    for path in files:
        for name, content in messages_at(path):
            if is_table(name):
                _check_table(Arrival(Way.LIST, content, now), name, reader)
                yield from (Arrival(Way.LIST, part, now) for part in parts_of(content))
            else:
                yield Arrival(Way.FILE, content, now)


def _check_table(arrival: Arrival, name: str, reader: Reader) -> None:
    """Whoever gives a table is there to mend it: what cannot be read is not taken in, and nothing of it."""
    try:
        reader.facts(arrival)
    except InputError as error:
        raise InputError(f"{name}: {error}") from error


@click.command()
@click.option("--follow", is_flag=True, help="Go on until Ctrl-C or SIGTERM, and read what comes as it comes.")
@json_option
def poll(follow: bool, as_json: bool) -> None:
    """Read the mailbox that bounces come to, JIANBAO_BOUNCE_MAILBOX, over IMAP or POP3.

    Example: `jianbao bounce poll`
    """
    if follow:
        configure_logs()
    with services() as opened:
        mailbox = _mailbox(opened.settings)
        reader = make_reader(opened.engine, opened.settings)
        if follow:
            polling.follow(opened.engine, reader, mailbox, _until_told())
            return
        polled = polling.poll(opened.engine, reader, mailbox)
    if as_json:
        print_json(polled)
    else:
        click.echo(f"{polled.messages} messages were new in {mailbox.name}, {polled.reports} of them reports.")


def _mailbox(settings: Settings) -> Mailbox:
    if not settings["BOUNCE_MAILBOX"]:
        raise InputError(
            "there is no mailbox to read. Set JIANBAO_BOUNCE_MAILBOX, like imaps://user:password@imap.example.org/INBOX."
        )
    return Mailbox.parse(settings["BOUNCE_MAILBOX"])


def _until_told() -> threading.Event:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop


@click.command()
def receive() -> None:
    """Take bounces from a mail server at JIANBAO_BOUNCE_LISTEN, over LMTP or SMTP, until Ctrl-C or SIGTERM.

    Example: `JIANBAO_BOUNCE_LISTEN=lmtp://127.0.0.1:2424 jianbao bounce receive`
    """
    configure_logs()
    with services() as opened:
        if not opened.settings["BOUNCE_LISTEN"]:
            raise InputError("there is no place to listen at. Set JIANBAO_BOUNCE_LISTEN, like lmtp://127.0.0.1:2424.")
        listener.receive(
            opened.engine, make_reader(opened.engine, opened.settings), Door.parse(opened.settings["BOUNCE_LISTEN"])
        )


@click.command()
@click.option("--days", default=_YEAR_DAYS, show_default=True, help="How far to look back.")
@json_option
def unknown(days: int, as_json: bool) -> None:
    """Words of bounces that no rule knows, the most frequent first. With --json: one object a line.

    Example: `jianbao bounce unknown`
    """
    with services() as opened, transaction(opened.engine) as connection:
        found = unknown_words(connection, datetime.now(UTC) - timedelta(days=days))
    if as_json:
        for one in found:
            print_json(one)
        return
    print_table(
        ["times", "provider", "taken as", "words"],
        ([one.times, one.provider, one.meaning, one.said[:200]] for one in found),
        numbers=frozenset({"times"}),
    )


@click.command()
@click.argument("address")
@click.option("--why", required=True, help="How you know that it works, for the record.")
@json_option
def reactivate(address: str, why: str, as_json: bool) -> None:
    """Write to an address again that ended by bounces; the count begins anew. Complaints and unsubscriptions only their owner lifts.

    Example: `jianbao bounce reactivate zhang@institute.example --why "they have mended their server"`
    """
    with services() as opened, transaction(opened.engine) as connection:
        policies = load_policies(connection, opened.settings)
        now = database_time(connection)
        subscriber_id = reinstate(connection, address, by=actor(), why=why, policies=policies, now=now)
    if as_json:
        print_json({"subscriber": subscriber_id, "address": address, "state": "active"})
    else:
        click.echo(f"{address} is written to again, from the next mailing on.")


@click.command()
@click.argument("addresses", nargs=-1, required=True, metavar="ADDRESS…")
@json_option
def probe(addresses: tuple[str, ...], as_json: bool) -> None:
    """Ask addresses that ended by bounces whether they work again: one plain mail to each, at most once in 30 days.

    What comes back stands in `jianbao subscriber history` and changes nothing by itself; `jianbao bounce reactivate` does.
    Either all are asked or, where one may not be, none.

    Example: `jianbao bounce probe zhang@institute.example`
    """
    with services() as opened, transaction(opened.engine) as connection:
        now = database_time(connection)
        asked = [ask(connection, address, by=actor(), now=now) for address in dict.fromkeys(addresses)]
    for one in asked:
        if as_json:
            print_json(one)
        else:
            click.echo(f"{one.address}, which ended as {one.suppressed}, is asked as soon as a worker takes it.")


@click.command()
@click.argument("slug", metavar="LIST", shell_complete=known.lists)
@click.argument("rules", required=False)
@click.option("--general", is_flag=True, help="Let the list go by the general policy again.")
@json_option
def policy(slug: str, rules: str | None, general: bool, as_json: bool) -> None:
    """Show or set how many issues in a row, with a bounce of each kind, end an address of a list; `full=3/30d` also sets days.

    Example: `jianbao bounce policy members "gone=2 full=never"`
    """
    with services() as opened, transaction(opened.engine) as connection:
        list_id = store.find_list(connection, slug)
        if rules or general:
            set_policy(connection, list_id, rules, by=actor())
        in_force = load_policies(connection, opened.settings).of_lists([list_id])
    strikes = {finding.value: number for finding, number in in_force.strikes.items()}
    days = {finding.value: longest.days for finding, longest in in_force.longest.items()}
    if as_json:
        print_json({"list": slug, "policy": strikes, "days": days})
    else:
        rows = ([kind, number or "never", days.get(kind, "")] for kind, number in strikes.items())
        print_table(["what comes back", "issues in a row", "or days"], rows)


@click.group()
def feedback() -> None:
    """What came back, on record. Example: `jianbao feedback unmatched`."""


@feedback.command("unmatched")
@click.option("--days", default=30, show_default=True, help="How far to look back.")
@json_option
def unmatched_(days: int, as_json: bool) -> None:
    """What belonged to nobody: not ours, forged, too old, or nothing that anybody could read. With --json: one object a line.

    Example: `jianbao feedback unmatched --days 7`
    """
    with services() as opened, transaction(opened.engine) as connection:
        found = list(unmatched(connection, datetime.now(UTC) - timedelta(days=days)))
        zone = opened.settings.zone
    if as_json:
        for one in found:
            print_json(one)
        return
    print_table(
        ["when", "by", "why", "address", "what"],
        ([local_time(one.at, zone), one.way, one.why, one.address, f"{one.happening}: {one.said[:100]}"] for one in found),
    )


@feedback.command()
@click.option("--days", type=int, help="Only what came in the last so many days; else everything that is kept.")
@json_option
def replay(days: int | None, as_json: bool) -> None:
    """Read everything again, after a rule was mended; what the old rule did is taken back.

    Example: `jianbao feedback replay --days 60`
    """
    since = datetime.now(UTC) - timedelta(days=days) if days else None
    with services() as opened:
        done = replay_feedback(opened.engine, make_reader(opened.engine, opened.settings), reply_table(opened.settings), since)
    if as_json:
        print_json(done)
        return
    click.echo(f"{done.arrivals} read again: {done.added} facts are new, {done.withdrawn} were taken back.")
    note(f"{done.ended} addresses ended by it, and {done.lifted} are written to again.")
