"""An issue becomes an edition: rendered once for everybody, with holes where recipients differ."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from mailer.edition import Edition, Field, Imprint, split_at_markers
from mailer.issue import Issue
from mailer.render.links import LinkTable
from mailer.render.page import PREHEADER_CHARACTERS, entries, phrases, preheader, sections
from mailer.render.theme import TEMPLATES, fill_theme, themes
from mailer.text_part import date_line, number_line, printable, reason, sender_lines, text_edition

__all__ = ["TEMPLATES", "render", "themes"]


def render(
    issue: Issue,
    *,
    theme: str = "official",
    tracking: bool = True,
    imprint: Imprint | None = None,
    base: Path = TEMPLATES,
) -> Edition:
    """Make the edition that every recipient of `issue` gets; the same input gives the same bytes.

    `base` is the folder whose `themes/` holds the theme. Without `tracking` there is neither a pixel nor a counted link.
    Raises InputError where the theme is missing or faulty.
    """
    imprint = imprint or Imprint()
    markers = _markers(issue, imprint)
    table = LinkTable(tracking=tracking)
    context = _context(issue, imprint, table)
    context |= {"tracking": tracking, "hole": {field.value: marker for marker, field in markers.items()}}
    html = fill_theme(base, theme, context)
    return Edition(
        subject=printable(issue.subject),
        html=split_at_markers(html, markers),
        text=text_edition(issue, imprint),
        links=table.links,
        preheader=preheader(issue),
    )


def _context(issue: Issue, imprint: Imprint, table: LinkTable) -> dict[str, object]:
    first_words = preheader(issue)
    return {
        "issue": issue,
        "publisher": phrases(issue.publisher),
        "preheader": first_words,
        "filler": PREHEADER_CHARACTERS - len(first_words),
        "number_line": number_line(issue),
        "date_line": date_line(issue),
        "entries": entries(issue),
        "sections": sections(issue, table),
        "colophon": tuple(table.pieces(line) for line in issue.colophon),
        "reason": reason(issue, imprint),
        "sender": imprint.sender or issue.publisher,
        "sender_lines": sender_lines(issue, imprint),
    }


def _markers(issue: Issue, imprint: Imprint) -> Mapping[str, Field]:
    """A word for each field that no text of this issue can contain: it would have to contain its own hash."""
    digest = hashlib.sha256(repr((issue, imprint)).encode("utf-8", "surrogatepass")).hexdigest()[:32]
    return {f"hole{digest}{field.value.replace('_', '')}end": field for field in Field}
