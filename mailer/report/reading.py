"""What readers did with an issue: people, machines and what is unknown told apart, and never whose it was."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, text

from mailer.issue import Issue
from mailer.models import EventKind
from mailer.render.links import Link, LinkTable
from subscribers.models import TrackingMode


@dataclass(frozen=True, slots=True)
class Counted:
    """A number by who was behind it; the three add up to `total`."""

    people: int
    machines: int
    unknown: int

    @property
    def total(self) -> int:
        """All of them."""
        return self.people + self.machines + self.unknown


NOBODY = Counted(0, 0, 0)


@dataclass(frozen=True, slots=True)
class Reading:
    """How far a mailing was counted, how many readers' mail loaded pictures or led to a page, and how often that happened.

    A reader of whom a person was seen once counts among the people, whatever machines did beside. `by_group` says whether it is known to
    which provider and province they belong: not where nothing was counted, nor once what ties them to deliveries is forgotten.
    """

    tracking: TrackingMode
    by_group: bool
    openers: Counted
    loads: Counted
    clickers: Counted
    clicks: Counted


@dataclass(frozen=True, slots=True)
class LinkClicks:
    """One link of the edition: how many readers followed it, how many of them people, and how often.

    `article` is the title of the first that has it.
    """

    number: int
    url: str
    article: str | None
    readers: int
    people: int
    clicks: int


def read_reading(connection: Connection, mailing_id: int, tracking: TrackingMode, *, tied: bool) -> Reading:
    """What was counted of a mailing, whose hits are still `tied` to its deliveries or not."""
    readers: dict[str, Counted] = {}
    hits: dict[str, Counted] = {}
    for row in connection.execute(_READERS, {"mailing": mailing_id}):
        readers[row.kind] = Counted(row.people, row.machines, row.unknown)
        hits[row.kind] = Counted(row.people_hits, row.machine_hits, row.unknown_hits)
    return Reading(
        tracking=tracking,
        by_group=tied and tracking is not TrackingMode.OFF,
        openers=readers.get(EventKind.OPEN, NOBODY),
        loads=hits.get(EventKind.OPEN, NOBODY),
        clickers=readers.get(EventKind.CLICK, NOBODY),
        clicks=hits.get(EventKind.CLICK, NOBODY),
    )


def read_links(connection: Connection, mailing_id: int, issue: Issue, urls: tuple[str, ...]) -> tuple[LinkClicks, ...]:
    """Every link of the edition, in its order, with what was counted of it."""
    clicks = {row.link: (row.readers, row.people, row.clicks) for row in connection.execute(_LINKS, {"mailing": mailing_id})}
    articles = _articles_of_links(issue)
    return tuple(LinkClicks(number, url, articles.get(url), *clicks.get(number, (0, 0, 0))) for number, url in enumerate(urls))


def _articles_of_links(issue: Issue) -> Mapping[str, str]:
    """The title of the first article that has each link, found as rendering found them."""
    table = LinkTable(tracking=False)
    titles: dict[str, str] = {}
    for article in issue.articles:
        for words in (article.source_line or "", *(block.text for block in article.blocks)):
            for piece in table.pieces(words):
                if isinstance(piece, Link):
                    titles.setdefault(piece.url, article.title)
    return titles


_READERS = text("""
    SELECT kind, count(*) FILTER (WHERE people > 0) AS people, count(*) FILTER (WHERE people = 0 AND unknown > 0) AS unknown,
           count(*) FILTER (WHERE people = 0 AND unknown = 0) AS machines, CAST(sum(people) AS bigint) AS people_hits,
           CAST(sum(machines) AS bigint) AS machine_hits, CAST(sum(unknown) AS bigint) AS unknown_hits
    FROM (
        SELECT kind, visitor, count(*) FILTER (WHERE origin = 'person') AS people,
               count(*) FILTER (WHERE origin = 'machine') AS machines,
               count(*) FILTER (WHERE COALESCE(origin, 'unknown') = 'unknown') AS unknown
        FROM event WHERE mailing_id = :mailing AND kind IN ('open', 'click') GROUP BY kind, visitor) each_reader
    GROUP BY kind
""")
_LINKS = text("""
    SELECT link, CAST(sum(clicks) AS bigint) AS clicks, count(visitor) AS readers, count(visitor) FILTER (WHERE people) AS people
    FROM (
        SELECT link, visitor, count(*) AS clicks, COALESCE(bool_or(origin = 'person'), false) AS people
        FROM event WHERE mailing_id = :mailing AND kind = 'click' GROUP BY link, visitor) each_reader
    GROUP BY link
""")
