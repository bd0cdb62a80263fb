"""`jianbao mailing`: an issue to an audience, at a time, at a pace; watched, stopped, reported."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import rich_click as click
from sqlalchemy import Connection, Engine

from mailer import deliveries, holds, mailings, planning, standstill
from mailer.bootstrap import provider_table
from mailer.cli import EXIT_NO, known
from mailer.cli.output import ask, json_option, local_time, note, print_json, print_table, services, write_sheet, yes_option
from mailer.cli.progress import follow, predict
from mailer.cli.schedule import confirm, schedule
from mailer.cli.spared import Spared, find_spared
from mailer.deliveries import DeliveryRecord, Wanted
from mailer.mailings import Counts, MailingRecord
from mailer.models import DeliveryState, MailingStatus
from mailer.report import mailing_report, render_report_html
from mailer.report.tally import Reach
from mailer.report.wording import explain
from mailer.standstill import Standstill
from subscribers.db import begun_anew, snapshot, transaction
from subscribers.writing import write_whole


@click.group()
def mailing() -> None:
    """Sends. Example: `jianbao mailing schedule 2023-09 --list members --at now`."""


mailing.add_command(schedule)
mailing.add_command(confirm)


@mailing.command("list")
@json_option
def list_(as_json: bool) -> None:
    """List all mailings, the newest first.

    Example: `jianbao mailing list`
    """
    with services() as opened, transaction(opened.engine) as connection:
        records, stuck, held = mailings.mailings(connection), standstill.stuck(connection), holds.held_at(connection)
        # The table tells no counts, and every delivery there ever was would be read for them.
        counted = {record.id: mailings.counts(connection, record.id) for record in records} if as_json else {}
        zone = opened.settings.zone
    if as_json:
        print_json([_document(record, counted[record.id], stuck.get(record.id)) for record in records])
    elif records:
        print_table(
            ("id", "issue", "status", "at", "why"),
            [(r.id, r.issue, r.status, _at_when(r, zone), _whys(r, stuck.get(r.id), held.get(r.id), zone)) for r in records],
        )
    else:
        note("there is no mailing yet. `jianbao mailing schedule` makes one.")


@mailing.command()
@click.argument("mailing_id", metavar="ID", type=int)
@json_option
def show(mailing_id: int, as_json: bool) -> None:
    """Show a mailing, what holds it back, and how many deliveries are in each state.

    Example: `jianbao mailing show 1 --json`
    """
    with services() as opened, transaction(opened.engine) as connection:
        record, counts = mailings.find_mailing(connection, mailing_id), mailings.counts(connection, mailing_id)
        zone, stuck = opened.settings.zone, standstill.stuck(connection).get(mailing_id)
        over = record.status in (MailingStatus.FINISHED, MailingStatus.CANCELLED)
        held = [] if over else holds.open_now(connection, mailing_id)
        rest_waits = holds.rest_waits(connection, mailing_id)
        spared = find_spared(opened, planning.left_by_provider(connection, mailing_id))
    if as_json:
        segment = record.terms.segment.expression if record.terms.segment else None
        more = {
            "segment": segment,
            "closed_until": record.closed_until,
            "rest_waits": rest_waits,
            "held": held,
            "spared": spared,
        }
        print_json(_document(record, counts, stuck) | more)
        return
    why = _why(record, stuck, zone)
    click.echo(f"mailing {record.id}: issue {record.issue}, {record.status}" + (f" ({why})" if why else ""))
    if record.status is MailingStatus.DRAFT:
        click.echo(f"It is prepared. `jianbao mailing confirm {record.id} --at WHEN` sends it; `mailing cancel` drops it.")
    for word, moment in (("to start", _when(record)), ("started", record.started_at), ("finished", record.finished_at)):
        if moment:
            click.echo(f"{word:>9} {local_time(moment, zone)}")
    if record.terms.segment:
        click.echo(f"Only to: {record.terms.segment.expression}")
    if rest_waits:
        click.echo("Its first part goes ahead; the rest follows by itself after the wait, unless a breaker opens.")
    for breaker in held:
        click.echo(f"Held since {local_time(breaker.since, zone)}{_at(breaker.provider)}: {breaker.reason}")
        click.echo(f"  `jianbao mailing resume {mailing_id}{_option(breaker.provider)}` lets it go on.")
    for one in spared:
        click.echo(f"Spared: {one.limit}, {_until(one, zone)}.")
    _print_counts(counts)


def _print_counts(counts: Counts) -> None:
    """The numbers of the ledger; of opens and clicks only the report knows who made them."""
    anybody = {name: f"{name}, by people or machines" for name in ("opened", "clicked")}
    rows = [(anybody.get(name, name), number) for name, number in asdict(counts).items()]
    print_table(("state", "deliveries"), rows, numbers=frozenset({"deliveries"}))


def _at(provider: str | None) -> str:
    return f" at {provider}" if provider else ""


def _option(provider: str | None) -> str:
    return f" --provider {provider}" if provider else ""


def _until(one: Spared, zone: ZoneInfo) -> str:
    then = f"at {one.factor:.0%} of its pace"
    return f"closed until {local_time(one.closed_until, zone)}, then {then}" if one.closed_until else then


def _when(record: MailingRecord) -> datetime | None:
    """When it is to start; a draft has no time yet."""
    return None if record.status is MailingStatus.DRAFT else record.at


def _at_when(record: MailingRecord, zone: ZoneInfo) -> str:
    moment = _when(record)
    return local_time(moment, zone) if moment else ""


def _why(record: MailingRecord, stuck: Standstill | None, zone: ZoneInfo) -> str | None:
    return f"stuck since {local_time(stuck.since, zone)}: {stuck.last_word}" if stuck else record.reason


def _whys(record: MailingRecord, stuck: Standstill | None, held: list[str] | None, zone: ZoneInfo) -> str:
    whys = (_why(record, stuck, zone), f"held at {' and '.join(held)}" if held else None)
    return "; ".join(why for why in whys if why)


def _document(record: MailingRecord, counts: Counts, stuck: Standstill | None = None) -> dict[str, object]:
    return {
        "id": record.id,
        "issue": record.issue,
        "status": record.status,
        "reason": record.reason,
        "stuck": {"since": stuck.since, "relay": stuck.relay, "reply": stuck.reply} if stuck else None,
        "at": _when(record),
        "started_at": record.started_at,
        "finished_at": record.finished_at,
        "counts": asdict(counts),
    }


@mailing.command()
@click.argument("mailing_id", metavar="ID", type=int)
@json_option
def watch(mailing_id: int, as_json: bool) -> None:
    """Follow a mailing until it ends: a bar, the rate, when it will be done. Exit 0 when it finished, 1 when it was cancelled.

    Example: `jianbao mailing watch 1`
    """
    with services() as opened:
        record, counts = follow(opened.engine, mailing_id, predict=partial(predict, opened.settings), zone=opened.settings.zone)
    if as_json:
        print_json(_document(record, counts))
    sys.exit(0 if record.status is MailingStatus.FINISHED else EXIT_NO)


@mailing.command()
@click.argument("mailing_id", metavar="ID", type=int)
@click.option("--provider", help="Stop only what goes to this provider.")
@click.option("--why", default="paused by staff", help="The reason, for others to see.")
def pause(mailing_id: int, provider: str | None, why: str) -> None:
    """Stop sending on every worker within two seconds, until it is resumed.

    Example: `jianbao mailing pause 1 --why "wrong date on page 2"`
    """
    with services() as opened, transaction(opened.engine) as connection:
        if provider is None:
            mailings.pause(connection, mailing_id, why)
        else:
            provider_table(opened.settings).require(provider)
            mailings.pause_provider(connection, mailing_id, provider, why, datetime.now(UTC))
    note(f"mailing {mailing_id} is paused{_at(provider)}. `jianbao mailing resume {mailing_id}{_option(provider)}` goes on.")


@mailing.command()
@click.argument("mailing_id", metavar="ID", type=int)
@click.option("--provider", help="Let what goes to this provider go on, which staff or a breaker stopped.")
def resume(mailing_id: int, provider: str | None) -> None:
    """Go on with a paused mailing, or with one provider's part, where it stopped.

    Example: `jianbao mailing resume 1 --provider netease`
    """
    with services() as opened, transaction(opened.engine) as connection:
        if provider is None:
            mailings.resume(connection, mailing_id, datetime.now(UTC))
        else:
            mailings.resume_provider(connection, mailing_id, provider, datetime.now(UTC))
    note(f"mailing {mailing_id} goes on{_at(provider)}.")


T = TypeVar("T")


def _carry_out(engine: Engine, work: Callable[[Connection], T]) -> T:
    """Do what locks all of a mailing's batches; anew where a worker that records several at once and we waited for each other."""

    def attempt() -> T:
        with transaction(engine) as connection:
            return work(connection)

    return begun_anew(attempt)


@mailing.command()
@click.argument("mailing_id", metavar="ID", type=int)
@yes_option
def cancel(mailing_id: int, yes: bool) -> None:
    """Send nothing more of a mailing, for ever. Who has not been written to is skipped.

    Example: `jianbao mailing cancel 1 --yes`
    """
    ask(f"Cancel mailing {mailing_id} for ever?", yes=yes)
    with services() as opened:
        _carry_out(opened.engine, lambda connection: mailings.cancel(connection, mailing_id, datetime.now(UTC)))
    note(f"mailing {mailing_id} is cancelled.")


@mailing.command()
@click.argument("mailing_id", metavar="ID", type=int)
def retry(mailing_id: int) -> None:
    """Try again whatever failed by our fault or is in doubt.

    Example: `jianbao mailing retry 1`
    """
    with services() as opened:
        count = _carry_out(opened.engine, lambda connection: mailings.retry(connection, mailing_id, datetime.now(UTC)))
    note(f"mailing {mailing_id}: {count} deliveries are tried again.")


@mailing.command("deliveries")
@click.argument("mailing_id", metavar="ID", type=int)
@click.option("--state", type=click.Choice([state.value for state in DeliveryState]), help="Only those in this state.")
@click.option("--reach", type=click.Choice([reach.value for reach in Reach]), help="Only those of whom the report says so.")
@click.option("--provider", help="Only those at this provider.")
@click.option(
    "--institute",
    help="Only those of this institute, by the name it had then; empty: of none.",
    shell_complete=known.institutes,
)
@click.option("--province", help="Only those of institutes of this province; empty: of whom it is not known.")
@click.option("--reason", help="Only those with this reason, as the report has it.")
@click.option("--unsubscribed", is_flag=True, help="Only those who left by this mailing.")
@click.option("--receipt", is_flag=True, help="Only those who gave a receipt.")
@click.option("--opened", is_flag=True, help="Only those seen to load pictures, who let themselves be counted by name.")
@click.option("--clicked", is_flag=True, help="Only those seen to follow a link, who let themselves be counted by name.")
@json_option
def deliveries_(mailing_id: int, as_json: bool, state: str | None, reach: str | None, **wanted: Any) -> None:
    """Print each recipient's delivery: state, attempts, the server's reply, times. With --json one object a line.

    Every number of `jianbao mailing report` can be listed so, except for what is counted without names.

    Example: `jianbao mailing deliveries 1 --state bounced --json`
    """
    asked = Wanted(_states(state, reach), **wanted)
    with services() as opened, transaction(opened.engine) as connection:
        mailings.find_mailing(connection, mailing_id)
        rows = deliveries.of_mailing(connection, mailing_id, asked)
        if as_json:
            for row in rows:
                print_json(row)
        else:
            cells = ((row.address, row.institute, row.state, row.attempts, row.reply or row.reason) for row in rows)
            print_table(("address", "institute", "state", "attempts", "reply"), cells, numbers=frozenset({"attempts"}))


def _states(state: str | None, reach: str | None) -> frozenset[DeliveryState] | None:
    """The states that are asked for; None where none is."""
    if state is None and reach is None:
        return None
    return frozenset(each for each in DeliveryState if state in (None, each.value) and reach in (None, Reach.of(each).value))


@mailing.command()
@click.argument("mailing_id", metavar="ID", type=int)
@click.option("--html", "page", type=click.Path(dir_okay=False, path_type=Path), help="Write a page to read and print.")
@click.option("--csv", "sheet", type=click.Path(dir_okay=False, path_type=Path), help="Write one line a recipient.")
@json_option
def report(mailing_id: int, page: Path | None, sheet: Path | None, as_json: bool) -> None:
    """Report a mailing: who was reached, by institute and provider, what bounced and why, what was read.

    Example: `jianbao mailing report 1 --html report.html`
    """
    with services() as opened, snapshot(opened.engine) as connection:
        record, counts = mailings.find_mailing(connection, mailing_id), mailings.counts(connection, mailing_id)
        found = mailing_report(connection, mailing_id)
        if page:
            names = provider_table(opened.settings)
            write_whole(page, render_report_html(found, zone=opened.settings.zone, providers=names))
        if sheet:
            _write_sheet(sheet, deliveries.of_mailing(connection, mailing_id, None))
    if as_json:
        print_json(_document(record, counts) | {"report": found})
    else:
        _print_counts(counts)
        for path in (page, sheet):
            if path:
                click.echo(path)


_SHEET = (
    *(
        "address",
        "name",
        "institute",
        "province",
        "provider",
        "state",
        "reach",
        "attempts",
        "reason",
        "cause",
        "reply",
        "relay",
    ),
    *("settled_at", "opened_at", "clicked_at", "receipt_at", "unsubscribed_at"),
)


def _write_sheet(path: Path, rows: Iterable[DeliveryRecord]) -> None:
    told = (asdict(row) | {"reach": Reach.of(row.state).value, "cause": _cause(row)} for row in rows)
    write_sheet(path, _SHEET, ([row[name] for name in _SHEET] for row in told))


def _cause(row: DeliveryRecord) -> str:
    """Why it was not reached, in the words of the page; empty where it was."""
    return "" if Reach.of(row.state) is Reach.REACHED else explain(row.state, row.reason).label
