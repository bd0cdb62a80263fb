"""`jianbao issue preview`: the mail as many programs show it, on a page of this machine."""

from __future__ import annotations

from pathlib import Path

import rich_click as click

from mailer.cli.output import json_option, note, print_json, services
from mailer.preview.shots import take_shots
from mailer.preview.site import FRAMES, preview_app
from mailer.preview.sources import issue_in_file, issue_on_record
from mailer.web.server import serve


@click.command()
@click.argument("ref", metavar="REF|FILE")
@click.option("--theme", metavar="NAME", help="Try another theme than the publication's.")
@click.option("--publication", "slug", help="The publication a FILE belongs to, where its masthead does not tell.")
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
def preview(ref: str, theme: str | None, slug: str | None, port: int, folder: Path | None, as_json: bool) -> None:
    """Look at the mail in a browser: phone, tablet and desktop, light and dark, as programs strip it; text, headers, size.

    A FILE is shown as it would be imported, and is not. The page loads itself again when the issue, the file or the theme changes.
    Ctrl-C ends it.

    Example: `jianbao issue preview 2023-09 --theme modern`
    """
    with services() as opened:
        path = Path(ref)
        if path.exists():
            source = issue_in_file(opened.engine, path, slug, opened.settings, theme)
        else:
            source = issue_on_record(opened.engine, ref, opened.settings, theme)
        page = source.page()
        if folder is None:
            note(f"The preview of {ref} is at http://127.0.0.1:{port}/ until Ctrl-C.")
            serve(preview_app(source), "127.0.0.1", port)
            return
    pictures = take_shots(page, FRAMES, folder)
    if as_json:
        print_json([str(picture) for picture in pictures])
    else:
        for picture in pictures:
            click.echo(picture)
