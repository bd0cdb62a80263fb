"""`jianbao demo`: see everything once, on this machine."""

from __future__ import annotations

import shutil
import sys
import time
from dataclasses import asdict
from pathlib import Path

import rich_click as click
from sqlalchemy import Engine

from mailer.cli import EXIT_NO
from mailer.cli.output import json_option, note, print_json, print_table, settings
from mailer.cli.progress import follow
from mailer.demo import EXAMPLE_BULLETIN, Order, Result, run_demo
from mailer.demo.stage import alone
from mailer.embedded import stop_services
from mailer.mailings import MailingRecord
from mailer.processes import Processes
from mailer.rate import Rate
from subscribers.errors import InputError

_STATES = ("accepted", "bounced", "failed", "skipped", "deferred", "in_doubt")


@click.command()
@click.option("--bulletin", type=click.Path(path_type=Path), default=EXAMPLE_BULLETIN, help="The bulletin; else one made up.")
@click.option("--subscribers", type=click.IntRange(1, 1_000_000), default=2000, show_default=True, help="How many to make up.")
@click.option("--seed", type=int, default=1, show_default=True, help="Decides who they are and what befalls their mail.")
@click.option("--pace", help="How fast to send, like 200/s; else as fast as it goes.")
@click.option("--keep", is_flag=True, help="Keep the demo's database, to look at with other commands.")
@json_option
def demo(bulletin: Path, subscribers: int, seed: int, pace: str | None, keep: bool, as_json: bool) -> None:
    """Send a bulletin to made-up subscribers at made-up institutes, through real workers, to mail servers on this machine.

    Some accept, some refuse, some put off, some hang up; some readers open, click and leave. Nothing leaves this machine.

    Example: `jianbao demo --subscribers 500`
    """
    if not bulletin.exists():
        raise InputError(f"{bulletin}: there is no such file. Give a bulletin file, or leave --bulletin away.")
    began = time.monotonic()
    read = settings()
    folder = read.data_dir / "demo"
    order = Order(bulletin, subscribers, seed, folder, Rate.parse(pace) if pace else None)
    with alone(folder):
        result = run_demo(order, read, lambda part: note(f"• {part} …"), _follow)
        if not keep:
            stop_services(folder / "data")
            shutil.rmtree(folder / "data", ignore_errors=True)
    seconds = round(time.monotonic() - began, 1)
    if as_json:
        print_json(_document(result, seconds))
    else:
        _print(result, seconds)
        if keep:
            note(f'Look on with: JIANBAO_DATA_DIR="{folder / "data"}" jianbao mailing show {result.mailing.id}')
    sys.exit(0 if result.counts.settled == result.counts.recipients and not result.disagreements else EXIT_NO)


def _follow(engine: Engine, mailing_id: int, processes: Processes) -> MailingRecord:
    return follow(engine, mailing_id, check=processes.check)[0]


def _document(result: Result, seconds: float) -> dict[str, object]:
    return {
        "issue": result.mailing.issue,
        "mailing": result.mailing.id,
        "counts": asdict(result.counts),
        "servers": asdict(result.servers),
        "readers": asdict(result.visitors),
        "disagreements": [asdict(one) for one in result.disagreements],
        "html": str(result.html),
        "text": str(result.text),
        "eml": str(result.eml),
        "report": str(result.report),
        "parts": result.parts,
        "seconds": seconds,
    }


def _print(result: Result, seconds: float) -> None:
    counts, readers = result.counts, result.visitors
    click.echo(f"\nIssue {result.mailing.issue} to {counts.recipients} recipients: {counts.settled} accounted for.\n")
    print_table(("", "recipients"), [(state, getattr(counts, state)) for state in _STATES], numbers=frozenset({"recipients"}))
    rows = [
        ("got the mail", counts.accepted, result.servers.reached),
        ("opened, by people or machines", counts.opened, readers.opened),
        ("clicked, by people or machines", counts.clicked, readers.clicked),
        ("left the list", counts.unsubscribed, readers.unsubscribed),
    ]
    print_table(("", "our record", "their own count"), rows, numbers=frozenset({"our record", "their own count"}))
    if result.disagreements:
        click.echo(f"They disagree on {len(result.disagreements)} recipients, such as {result.disagreements[0]}.")
    else:
        click.echo("Recipient by recipient the two agree.\n")
    for name, path in (("HTML", result.html), ("text", result.text), ("mail", result.eml), ("report", result.report)):
        click.echo(f"{name:>7}  {path}")
    click.echo("\n" + ", ".join(f"{name} {took} s" for name, took in result.parts.items()) + f"; {seconds} s in all.")
