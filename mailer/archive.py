"""Issues that everybody may read on the web: those of publications whose archive is public, once they were mailed.

Nothing here comes from a recipient. A page is rendered anew from the issue, without tracking, and whatever a theme would fill with a
person's data is filled with nothing.
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path

from sqlalchemy import Connection, RowMapping, text

from mailer.edition import Field, Imprint, fill
from mailer.issue import Issue
from mailer.render import render
from mailer.salutation import EVERYBODY

_REMEMBERED_PAGES = 64  # some 100 KB each


@dataclass(frozen=True, slots=True)
class ArchivedIssue:
    """One issue as it was mailed last. `ref` names it within its publication for ever."""

    revision_id: int
    ref: str
    total_number: int | None
    published_at: datetime
    issue: Issue

    @property
    def day(self) -> date:
        """The date that is printed on it, else the day when it was mailed."""
        return self.issue.date or self.published_at.date()

    @property
    def headlines(self) -> tuple[str, ...]:
        """The titles of its articles."""
        return tuple(article.title for article in self.issue.articles)


@dataclass(frozen=True, slots=True)
class Archive:
    """A publication's public issues, or those that were asked for, the newest first; `changed_at` is when one of all was mailed last."""

    slug: str
    title: str
    kind: str
    publisher: str
    theme: str
    fields: Mapping[str, str]
    changed_at: datetime | None
    issues: tuple[ArchivedIssue, ...]


def public_archive(connection: Connection, slug: str, *, ref: str | None = None, newest: int | None = None) -> Archive | None:
    """The archive of a publication; None where there is none of that name, and just so where it is private.

    It comes with all its issues, with so many of the newest, or with the one of that `ref`, if there is one: only what is asked for is
    read and parsed, which is nearly all that it costs.
    """
    publication = connection.execute(_PUBLICATION, {"slug": slug}).mappings().one_or_none()
    if publication is None:
        return None
    rows: Sequence[RowMapping] = connection.execute(_ISSUES, {"publication": publication["id"]}).mappings().all()
    wanted = [row for row in rows if ref in (None, _ref(row))][:newest]
    facts = {name: publication[name] for name in ("slug", "title", "kind", "publisher", "theme", "fields")}
    changed_at = max((row["published_at"] for row in rows), default=None)
    return Archive(**facts, changed_at=changed_at, issues=_read(connection, wanted))


def _ref(row: RowMapping) -> str:
    return f"{row['year']}-{row['number']:02d}"


def _read(connection: Connection, rows: Sequence[RowMapping]) -> tuple[ArchivedIssue, ...]:
    contents = connection.execute(_CONTENTS, {"revisions": [row["revision_id"] for row in rows]})
    issues = {row.id: Issue.from_json(row.content) for row in contents}
    return tuple(
        ArchivedIssue(row["revision_id"], _ref(row), row["total_number"], row["published_at"], issues[row["revision_id"]])
        for row in rows
    )


def public_page(archive: Archive, one: ArchivedIssue, folders: tuple[Path, ...]) -> str:
    """The issue as a page for everybody, in its publication's theme out of `folders`. It is kept: the same revision looks the same."""
    return _page(one.issue, archive.theme, archive.publisher, tuple(sorted(archive.fields.items())), folders)


@lru_cache(_REMEMBERED_PAGES)
def _page(issue: Issue, theme: str, publisher: str, fields: tuple[tuple[str, str], ...], folders: tuple[Path, ...]) -> str:
    imprint = Imprint(sender=publisher)
    edition = render(
        issue,
        theme=theme,
        tracking=False,
        imprint=imprint,
        folders=folders,
        fields=dict(fields),
        limit=0,
        public=True,
        pictures="../../i/",
    )
    return fill(edition.browser, _NOBODYS, escape=html.escape)


_NOBODYS = {field: EVERYBODY if field is Field.SALUTATION else "" for field in Field}
_PUBLICATION = text("""
    SELECT id, slug, title, kind, publisher, theme, fields FROM publication WHERE slug = :slug AND archive = 'public'
""")
_ISSUES = text("""
    SELECT DISTINCT ON (issue.year, issue.number) issue.year, issue.number, issue.total_number, edition.revision_id,
           mailing.started_at AS published_at
    FROM mailing JOIN issue ON issue.id = mailing.issue_id
    JOIN edition ON edition.id = mailing.edition_id
    WHERE issue.publication_id = :publication AND mailing.started_at IS NOT NULL AND mailing.status <> 'cancelled'
    ORDER BY issue.year DESC, issue.number DESC, mailing.started_at DESC
""")
_CONTENTS = text("SELECT id, content FROM revision WHERE id = ANY(:revisions)")
