"""`jianbao retention`: what is forgotten by itself."""

from __future__ import annotations

import rich_click as click

from mailer import retention
from mailer.cli.counting import counting
from mailer.cli.output import json_option, note, print_json, print_table, services
from mailer.retention import Forgotten
from subscribers.db import database_time, transaction


@click.command("retention")
@click.option("--dry-run", is_flag=True, help="Only count what would be forgotten.")
@json_option
def forget(dry_run: bool, as_json: bool) -> None:
    """Forget what was kept long enough; the scheduler does the same every hour. The settings `KEEP_…` say how long.

    Example: `jianbao retention --dry-run`
    """
    with services() as opened:
        with transaction(opened.engine) as connection:
            now = database_time(connection)
        if dry_run:
            found = retention.would_forget(opened.engine, opened.settings, now)
        else:
            with counting("forgetting") as tell:
                found = retention.forget(opened.engine, opened.settings, now, tell=tell)
    if as_json:
        print_json([{"name": one.name, "days": one.days, "rows": one.rows, "dry_run": dry_run} for one in found])
        return
    rows = [(one.name, _kept(one), one.rows, one.about) for one in found]
    print_table(("what", "kept", "would go" if dry_run else "gone", "about"), rows, numbers=frozenset({"would go", "gone"}))
    if dry_run:
        note("Nothing was changed.")


def _kept(one: Forgotten) -> str:
    if one.days is not None:
        return f"{one.days} days"
    return "until they expire" if one.name == "expired sign-ups" else "for ever"
