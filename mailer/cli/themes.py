"""`jianbao theme`: how issues look."""

from __future__ import annotations

import sys

import rich_click as click

from mailer.cli.findings import exit_code, print_findings
from mailer.cli.output import json_option, note, print_json, print_table, settings
from mailer.issues import PublicationRecord
from mailer.publishing import own_themes, theme_folders
from mailer.render import Theme, find_theme, render, theme_names
from mailer.render.sample import SAMPLE
from mailer.specimen import check_specimen, specimen_of
from subscribers.errors import InputError

_TRIED = PublicationRecord(0, "sample", SAMPLE.title, SAMPLE.kind, SAMPLE.publisher, None, "", {}, needs_approval=False)


@click.group()
def theme() -> None:
    """How issues look. Example: `jianbao theme list`."""


@theme.command("list")
@json_option
def list_(as_json: bool) -> None:
    """List the themes: those that are shipped, then your own.

    Example: `jianbao theme list`
    """
    folders = theme_folders(settings())
    found = [find_theme(name, folders) for name in theme_names(folders)]
    if as_json:
        print_json([_document(each) for each in found])
    else:
        print_table(("theme", "title", "what it is"), [(each.name, each.title, each.about) for each in found])


@theme.command()
@click.argument("name")
@click.option("--from", "parent", default="official", show_default=True, metavar="THEME", help="The theme it inherits from.")
@json_option
def new(name: str, parent: str, as_json: bool) -> None:
    """Begin a theme of your own: a folder that inherits everything, to be changed where you want it other.

    Example: `jianbao theme new ours --from official`
    """
    read = settings()
    inherited = find_theme(parent, theme_folders(read))
    folder = own_themes(read) / name
    if name in theme_names(theme_folders(read)) or folder.exists():
        raise InputError(f"there is a theme {name!r} already. Give another name.")
    files = {"theme.toml": _description(name, inherited), "issue.html": _template(inherited), "style.css": _STYLE}
    folder.mkdir(parents=True)
    try:
        for file, content in files.items():
            (folder / file).write_text(content, encoding="utf-8")
        find_theme(name, theme_folders(read))
    except InputError:
        for file in files:
            (folder / file).unlink(missing_ok=True)
        folder.rmdir()
        raise InputError(f"{name!r} names no theme. Give a name of small letters, digits and hyphens.") from None
    if as_json:
        print_json({"theme": name, "folder": str(folder)})
    else:
        click.echo(folder)
        note(f"Change its files, and look at it: `jianbao issue preview REF --theme {name}` shows every change at once.")


@theme.command()
@click.argument("name")
@json_option
def check(name: str, as_json: bool) -> None:
    """Try a theme on an issue that has everything in it, and look at the mail as `issue check` does; exit 1 with errors.

    Example: `jianbao theme check modern`
    """
    read = settings()
    look = find_theme(name, theme_folders(read))
    edition = render(SAMPLE, theme=look, folders=theme_folders(read), limit=read.number("HTML_LIMIT"))
    findings = check_specimen(specimen_of(edition, _TRIED, read, look))
    print_findings(findings, as_json=as_json, clean=f"theme {name}: nothing to mend.")
    sys.exit(exit_code(findings))


def _document(look: Theme) -> dict[str, object]:
    return {
        "theme": look.name,
        "title": look.title,
        "about": look.about,
        "inherits": [folder.name for folder in look.folders[1:]],
        "fields": dict(look.fields),
        "folder": str(look.folders[0]),
        "picture": str(picture) if (picture := look.folders[0] / "preview.png").is_file() else None,
    }


_STYLE = """/* Rules here come after those that are inherited. Plain rules go into the elements, which every mail program shows;
   @media and @enhance { … } only some read, @outlook { … } Word alone. Colours: {{ colour.accent }}; the dark ones follow. */
"""


def _template(inherited: Theme) -> str:
    return (
        f'{{% extends "{inherited.folders[0].name}/issue.html" %}}\n'
        "{# Override a block to change it, such as {% block masthead %}…{% endblock %}; `docs/themes.md` lists what there is. #}\n"
    )


def _description(name: str, inherited: Theme) -> str:
    """A theme.toml that changes nothing, and shows what could be changed."""
    tables = {"colours": inherited.colours, "dark": {**inherited.colours, **inherited.dark}, "words": inherited.words}
    lines = [
        f'title = "{name}"',
        'about = ""',
        f'extends = "{inherited.name}"',
        "",
        "# Take a # away to change what stands there.",
    ]
    for table, values in tables.items():
        lines += ["", f"[{table}]", *(f'# {key} = "{text}"' for key, text in values.items())]
    return "\n".join(lines) + "\n"
