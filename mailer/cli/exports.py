"""`jianbao subscriber export`: people and offices as a file."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import rich_click as click
from sqlalchemy import Connection, Select

from mailer.activity import load_vocabulary
from mailer.cli import known
from mailer.cli.counting import counting
from mailer.cli.output import json_option, note, print_json, services
from subscribers import store
from subscribers.db import transaction
from subscribers.exporting.files import kind_of, write_export
from subscribers.exporting.query import Export, Selection
from subscribers.segments.expanding import understand
from subscribers.segments.selecting import select_ids
from subscribers.segments.vocabulary import Moment


@click.command("export")
@click.option("--list", "slug", help="Only who is on that list, with the state there.", shell_complete=known.lists)
@click.option(
    "--segment", "expression", metavar="EXPR|NAME", help="Only who is in that segment.", shell_complete=known.segments
)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), required=True, help="A .csv, .xlsx or .jsonl file.")
@json_option
def export_file(slug: str | None, expression: str | None, out: Path, as_json: bool) -> None:
    """Write subscribers to a file, which comes back in by `subscriber import` without a difference.

    No cell of it is a formula. Who is suppressed or has left is in it too, and says so.

    Example: `jianbao subscriber export --list members --out 会员.xlsx`
    """
    kind_of(out)
    with services() as opened, transaction(opened.engine) as connection:
        list_id = store.find_list(connection, slug) if slug else None
        chosen = _chosen(connection, expression, opened.settings.zone) if expression else None
        with counting(f"writing {out.name}") as tell:
            number = write_export(Export(connection, Selection(list_id, chosen)), out, tell)
    if as_json:
        print_json({"file": out, "rows": number})
    else:
        note(f"{number} rows in {out}.")


def _chosen(connection: Connection, expression: str, zone: ZoneInfo) -> Select[int]:
    vocabulary = load_vocabulary(connection)
    return select_ids(understand(expression, vocabulary), vocabulary, Moment(datetime.now(UTC), zone))
