"""`jianbao issue`: a bulletin file comes in, is looked at, checked, rendered and tried."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path

import rich_click as click

from mailer import issues
from mailer.bootstrap import Services
from mailer.bulletin_files import read_bulletin
from mailer.cli import EXIT_NO
from mailer.cli.approval import approve
from mailer.cli.corrections import correct
from mailer.cli.drafts import delete, draft
from mailer.cli.findings import exit_code, print_findings
from mailer.cli.issue_view import document, note_what_is_still_sent, show_issue
from mailer.cli.manuscripts import diff, edit, export
from mailer.cli.output import actor, json_option, local_time, note, print_json, print_table, services
from mailer.cli.preview import preview
from mailer.inspection import inspect, inspect_from_outside
from mailer.issues import Imported, StoredIssue
from mailer.pictures import keep_pictures
from mailer.specimen import Specimen, make_specimen
from mailer.trial import send_copies
from subscribers.address import parse_address
from subscribers.db import transaction


@click.group()
def issue() -> None:
    """Bulletins. Example: `jianbao issue import 2023-09.txt`."""


issue.add_command(approve)
issue.add_command(preview)
issue.add_command(export)
issue.add_command(edit)
issue.add_command(diff)
issue.add_command(draft)
issue.add_command(delete)
issue.add_command(correct)


@issue.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--publication", "slug", help="The publication it belongs to, where the masthead does not tell.")
@json_option
def import_(file: Path, slug: str | None, as_json: bool) -> None:
    """Read a bulletin and keep it as an issue; a changed file makes a new revision, the same file nothing.

    FILE is a text, Markdown, HTML, DOCX, PDF or old Word file, or a folder or zip file of such: what is in it tells, not its name.

    Example: `jianbao issue import 2023-09.docx`
    """
    read = read_bulletin(file)
    reading = read.reading
    with services() as opened, transaction(opened.engine) as connection:
        imported = issues.import_issue(
            connection,
            reading.issue,
            slug=slug,
            source_name=file.name,
            source_sha256=read.sha256,
            warnings=reading.warnings,
            doubts=read.doubts,
            created_by=actor(),
        )
        keep_pictures(connection, read.pictures)
        series = issues.series_warnings(connection, imported.stored)
        note_what_is_still_sent(connection, imported.stored)
    for warning in (*reading.warnings, *series):
        note(f"warning: {warning}")
    note(_what_happened(imported))
    if read.doubts:
        note(f"{len(read.doubts)} places are doubtful: `jianbao issue show {imported.stored.issue.ref} --doubts` lists them.")
    if as_json:
        print_json(document(imported.stored) | {"new_revision": imported.new_revision})
    else:
        show_issue(imported.stored)


def _what_happened(imported: Imported) -> str:
    stored = imported.stored
    if imported.new_publication:
        slug = stored.publication.slug
        note(
            f"made publication {slug!r} from the masthead; `jianbao publication update {slug} --from ADDRESS` sets its sender."
        )
    if imported.new_issue:
        return f"issue {stored.issue.ref} is new."
    if imported.new_revision:
        return f"issue {stored.issue.ref} has a new revision, {stored.revision}. Editions that were sent stay as they were."
    return f"issue {stored.issue.ref} is the same as before, revision {stored.revision}; nothing was changed."


@issue.command("list")
@json_option
def list_(as_json: bool) -> None:
    """List all issues, the newest first.

    Example: `jianbao issue list`
    """
    with services() as opened, transaction(opened.engine) as connection:
        found = issues.issues(connection)
    if as_json:
        print_json([_summary(stored) for stored in found])
    elif found:
        rows = [
            (
                s.issue.ref,
                s.issue.numbers,
                s.issue.total_numbers,
                s.issue.date,
                s.publication.slug,
                len(s.issue.articles),
                s.revision,
            )
            for s in found
        ]
        print_table(
            ("ref", "number", "total", "date", "publication", "articles", "revision"),
            rows,
            numbers=frozenset({"number", "total", "articles"}),
        )
    else:
        note("there is no issue yet. `jianbao issue import FILE` reads one.")


@issue.command()
@click.argument("ref")
@click.option("--doubts", is_flag=True, help="Only the places that a person should compare with the file.")
@json_option
def show(ref: str, doubts: bool, as_json: bool) -> None:
    """Show one issue: its masthead, its articles, what to look at.

    Example: `jianbao issue show 2023-09 --doubts`
    """
    with services() as opened, transaction(opened.engine) as connection:
        stored = issues.find_issue(connection, ref)
    if doubts and as_json:
        print_json(list(stored.doubts))
    elif doubts:
        for doubt in stored.doubts:
            click.echo(doubt)
        if not stored.doubts:
            note(f"issue {stored.issue.ref}: nothing is doubtful.")
    elif as_json:
        print_json(document(stored))
    else:
        show_issue(stored)
        for warning in stored.warnings:
            note(f"warning: {warning}")


@issue.command()
@click.argument("ref")
@json_option
def revisions(ref: str, as_json: bool) -> None:
    """List the revisions of an issue: what each came from, who made it, when.

    Example: `jianbao issue revisions 2023-09`
    """
    with services() as opened, transaction(opened.engine) as connection:
        found = issues.revisions(connection, issues.find_issue(connection, ref).id)
    if as_json:
        print_json([asdict(revision) for revision in found])
        return
    zone = opened.settings.zone
    rows = [(r.revision, r.kind.value, r.source, r.created_by, local_time(r.created_at, zone)) for r in found]
    print_table(("revision", "kind", "from", "by", "at"), rows, numbers=frozenset({"revision"}))


_theme_option = click.option("--theme", metavar="NAME", help="Try another theme than the publication's.")


@issue.command()
@click.argument("ref")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), required=True, help="Folder to write into.")
@_theme_option
@json_option
def render(ref: str, out: Path, theme: str | None, as_json: bool) -> None:
    """Write issue.html, issue.txt and issue.eml exactly as a recipient gets them.

    Example: `jianbao issue render 2023-09 --out mail`
    """
    with services() as opened:
        specimen = _specimen(opened, ref, theme)
    paths = specimen.write(out)
    if as_json:
        print_json({name: str(path) for name, path in paths.items()})
    else:
        for path in paths.values():
            click.echo(path)


@issue.command()
@click.argument("ref")
@_theme_option
@click.option("--online", is_flag=True, help="Ask whether the pages that it links to are there, too.")
@json_option
def check(ref: str, theme: str | None, online: bool, as_json: bool) -> None:
    """Check the mail that an issue becomes: headers, size, links, looks, wording, personal data; exit 1 with what must be mended.

    SpamAssassin is asked where it is installed.

    Example: `jianbao issue check 2023-09`
    """
    with services() as opened:
        with transaction(opened.engine) as connection:
            stored = issues.find_issue(connection, ref)
        specimen = make_specimen(stored, opened.settings, theme)
        findings = inspect(stored, specimen, opened.settings)
    findings += inspect_from_outside(stored, specimen, online=online)
    print_findings(findings, as_json=as_json, clean=f"issue {ref}: nothing to mend.")
    sys.exit(exit_code(findings))


@issue.command("test-send")
@click.argument("ref")
@click.option("--to", "addresses", multiple=True, required=True, metavar="ADDRESS", help="Who gets a copy; may be repeated.")
@json_option
def test_send(ref: str, addresses: tuple[str, ...], as_json: bool) -> None:
    """Send one real copy to each address, marked as a test and counted nowhere; exit 1 if one was not accepted.

    Example: `jianbao issue test-send 2023-09 --to me@example.org`
    """
    people = [parse_address(address) for address in addresses]
    with services() as opened, transaction(opened.engine) as connection:
        stored = issues.find_issue(connection, ref)
    outcomes = send_copies(stored, people, opened.settings)
    for outcome in outcomes:
        if as_json:
            print_json(outcome)
        else:
            click.echo(f"{outcome.address}: {'accepted' if outcome.accepted else 'NOT accepted'}: {outcome.answer}")
    sys.exit(0 if all(outcome.accepted for outcome in outcomes) else EXIT_NO)


def _specimen(opened: Services, ref: str, theme: str | None) -> Specimen:
    with transaction(opened.engine) as connection:
        stored = issues.find_issue(connection, ref)
    return make_specimen(stored, opened.settings, theme)


def _summary(stored: StoredIssue) -> dict[str, object]:
    issue = stored.issue
    return issue.last_numbers | {
        "id": stored.id,
        "ref": issue.ref,
        "publication": stored.publication.slug,
        "total_number": issue.total_number,
        "date": issue.date,
        "articles": len(issue.articles),
        "revision": stored.revision,
    }
