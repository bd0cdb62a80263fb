"""Issues that everybody may read on the web: those of publications whose archive is public, once they were mailed.

Nothing here comes from a recipient. A page is rendered anew from the issue, without tracking, and whatever a theme would fill with a
person's data is filled with nothing.
"""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from functools import lru_cache
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row, RowMapping, text

from mailer.edition import Field, Imprint, fill
from mailer.issue import Issue, number_line, ref_of, up_to
from mailer.render import render
from mailer.salutation import EVERYBODY

_REMEMBERED_PAGES = 64  # some 100 KB each


@dataclass(frozen=True, slots=True)
class ArchivedIssue:
    """What a list tells of one issue as it was mailed last: published when it was first mailed, changed when this revision was. `printed`
    is the date on it; `headlines` are its articles' titles.
    """

    revision_id: int
    year: int
    number: int
    total_number: int | None
    published_at: datetime
    changed_at: datetime
    printed: date | None
    headlines: tuple[str, ...]
    last_number: int | None = None
    last_total_number: int | None = None

    @property
    def ref(self) -> str:
        """Its name within its publication for ever."""
        return ref_of(self.year, self.number)

    @property
    def number_line(self) -> str:
        """Its number as it is printed."""
        total = None if self.total_number is None else up_to(self.total_number, self.last_total_number)
        return number_line(self.year, up_to(self.number, self.last_number), total)

    def day(self, zone: tzinfo) -> date:
        """The date that is printed on it, else the day when it was mailed."""
        return self.printed or self.published_at.astimezone(zone).date()


@dataclass(frozen=True, slots=True)
class Archive:
    """A publication's public issues, or those that were asked for, the newest first; `changed_at` is when one of all last changed."""

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

    It comes with all its issues, with so many of the newest, or with the one of that `ref`, if there is one. What is in them is not read:
    that would be nearly all that a list of them costs.
    """
    publication = connection.execute(_PUBLICATION, {"slug": slug}).mappings().one_or_none()
    if publication is None:
        return None
    rows: Sequence[RowMapping] = connection.execute(_ISSUES, {"publication": publication["id"]}).mappings().all()
    wanted = [row for row in rows if ref is None or ref in _refs(row)][:newest]
    heads = {head.id: head for head in connection.execute(_HEADS, {"revisions": [row["revision_id"] for row in wanted]})}
    issues = tuple(_archived(row, heads[row["revision_id"]]) for row in wanted)
    facts = {name: publication[name] for name in ("slug", "title", "kind", "publisher", "theme", "fields")}
    changed_at = max((row["changed_at"] for row in rows), default=None)
    return Archive(**facts, changed_at=changed_at, issues=issues)


def _refs(row: RowMapping) -> Iterator[str]:
    """What an issue may be asked for by: a double one by either number."""
    return (ref_of(row["year"], number) for number in range(row["number"], (row["last_number"] or row["number"]) + 1))


def _archived(row: RowMapping, head: Row[Any]) -> ArchivedIssue:
    printed = None if head.printed is None else date.fromisoformat(head.printed)
    return ArchivedIssue(**row, printed=printed, headlines=tuple(head.headlines))


def read_issue(connection: Connection, one: ArchivedIssue) -> Issue:
    """An issue of the archive with all that is in it."""
    return Issue.from_json(connection.execute(_CONTENT, {"revision": one.revision_id}).scalar_one())


def public_page(archive: Archive, issue: Issue, folders: tuple[Path, ...]) -> str:
    """The issue as a page for everybody, in its publication's theme out of `folders`. It is kept: the same revision looks the same."""
    return _page(issue, archive.theme, archive.publisher, tuple(sorted(archive.fields.items())), folders)


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
    SELECT DISTINCT ON (issue.year, issue.number) edition.revision_id, issue.year, issue.number, issue.total_number,
           issue.last_number, issue.last_total_number,
           min(mailing.started_at) OVER (PARTITION BY issue.id) AS published_at,
           min(mailing.started_at) OVER (PARTITION BY edition.revision_id) AS changed_at
    FROM mailing JOIN issue ON issue.id = mailing.issue_id
    JOIN edition ON edition.id = mailing.edition_id
    WHERE issue.publication_id = :publication AND mailing.started_at IS NOT NULL AND mailing.status <> 'cancelled'
    ORDER BY issue.year DESC, issue.number DESC, mailing.started_at DESC
""")
_HEADS = text("""
    SELECT id, content ->> 'date' AS printed, jsonb_path_query_array(content, '$.articles[*].title') AS headlines
    FROM revision WHERE id = ANY(:revisions)
""")
_CONTENT = text("SELECT content FROM revision WHERE id = :revision")
