"""`jianbao list reading`: how far the readers of a list are counted, and what they may choose."""

from __future__ import annotations

import rich_click as click

from mailer.cli import known
from mailer.cli.output import json_option, print_json, services
from mailer.preferences import set_reading
from subscribers import store
from subscribers.db import transaction
from subscribers.models import TrackingMode

_ABOUT = {
    TrackingMode.OFF: "nothing is counted: no picture, no counted link",
    TrackingMode.AGGREGATE: "opens and clicks are counted for the mailing as a whole, and nobody can tell whose they were",
    TrackingMode.INDIVIDUAL: "opens and clicks of those who agreed on their page are counted as theirs, others' as a whole",
}


@click.command()
@click.argument("slug", shell_complete=known.lists)
@click.option("--tracking", type=click.Choice([mode.value for mode in TrackingMode]), help="How far readers are counted.")
@click.option(
    "--frequency",
    "frequencies",
    multiple=True,
    type=click.IntRange(0, 366),
    metavar="DAYS",
    help="Let readers ask for one issue in so many days at most; may be repeated, 0 alone takes the choice away.",
)
@json_option
def reading(slug: str, tracking: str | None, frequencies: tuple[int, ...], as_json: bool) -> None:
    """Show or change how readers of a list are counted and what they may choose; mailings that are scheduled keep what they have.

    Example: `jianbao list reading members --tracking aggregate --frequency 30 --frequency 90`
    """
    offered = [days for days in frequencies if days] if frequencies else None
    with services() as opened, transaction(opened.engine) as connection:
        list_id = store.find_list(connection, slug)
        mode, days = set_reading(
            connection, list_id, tracking=TrackingMode(tracking) if tracking else None, frequencies=offered
        )
    if as_json:
        print_json({"slug": slug, "tracking": mode, "frequencies": days})
        return
    click.echo(f"{slug}: {_ABOUT[mode]}.")
    click.echo(
        f"Readers may ask for one issue in {', '.join(map(str, days))} days at most." if days else "Readers get every issue."
    )
