"""`jianbao issue preview`: the mail as many programs show it, on a page of this machine."""

from __future__ import annotations

from pathlib import Path

import rich_click as click

from mailer import issues
from mailer.cli.output import json_option, note, print_json, services
from mailer.issues import StoredIssue
from mailer.preview.shots import take_shots
from mailer.preview.site import FRAMES, preview_app
from mailer.preview.sources import Source
from mailer.web.server import serve
from subscribers.db import transaction


@click.command()
@click.argument("ref")
@click.option("--theme", metavar="NAME", help="Try another theme than the publication's.")
@click.option(
    "--port", type=click.IntRange(1, 65535), default=8026, show_default=True, help="Where the page is, on this machine."
)
@click.option(
    "--shots",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Write pictures into this folder instead.",
)
@json_option
def preview(ref: str, theme: str | None, port: int, folder: Path | None, as_json: bool) -> None:
    """Look at the mail in a browser: phone, tablet and desktop, light and dark, as programs strip it; text, headers, size.

    The page loads itself again when the issue or the theme changes. Ctrl-C ends it.

    Example: `jianbao issue preview 2023-09 --theme modern`
    """
    with services() as opened:

        def find() -> StoredIssue:
            with transaction(opened.engine) as connection:
                return issues.find_issue(connection, ref)

        def state() -> str:
            stored = find()
            return f"{stored.revision_id} {stored.publication}"

        source = Source(find, state, opened.settings, theme)
        _, specimen = source.specimen()
        if folder is None:
            note(f"The preview of issue {ref} is at http://127.0.0.1:{port}/ until Ctrl-C.")
            serve(preview_app(source), "127.0.0.1", port)
            return
    pictures = take_shots(specimen.html, FRAMES, folder)
    if as_json:
        print_json([str(picture) for picture in pictures])
    else:
        for picture in pictures:
            click.echo(picture)
