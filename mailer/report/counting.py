"""A mailing's report, read from the rows in two looks: one over its deliveries, from which all sums are made, one over its links."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, RowMapping, text

from mailer.issue import Issue
from mailer.models import DeliveryState, MailingStatus
from mailer.render.links import Link, LinkTable
from mailer.report.tally import Cause, Cell, Group, InstituteOutcome, Recipient, Tally, causes, grouped, institutes
from subscribers.errors import InputError


@dataclass(frozen=True, slots=True)
class LinkClicks:
    """One link of the edition: how many recipients clicked it, and how often. `article` is the title of the first that has it."""

    number: int
    url: str
    article: str | None
    readers: int
    clicks: int


@dataclass(frozen=True, slots=True)
class Unaddressed:
    """A member institute to which nothing was sent: none of its contacts, if it has any, was in the audience."""

    name: str
    province: str | None
    has_contact: bool


@dataclass(frozen=True, slots=True)
class Individual:
    """One recipient who was not plainly reached."""

    address: str
    institute: str | None
    state: DeliveryState
    reason: str | None
    reply: str | None


@dataclass(frozen=True, slots=True)
class Report:
    """What became of a mailing, as of `read_at`. Provinces, providers, and institutes with `elsewhere`, each add up to `total`."""

    mailing_id: int
    publisher: str
    title: str
    year: int
    number: int
    total_number: int | None
    subject: str
    status: MailingStatus
    at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    read_at: datetime
    total: Tally
    provinces: tuple[Group, ...]
    providers: tuple[Group, ...]
    institutes: tuple[InstituteOutcome, ...]
    elsewhere: Tally
    unaddressed: tuple[Unaddressed, ...]
    causes: tuple[Cause, ...]
    individuals: tuple[Individual, ...]
    image_loads: int
    links: tuple[LinkClicks, ...]


def mailing_report(connection: Connection, mailing_id: int) -> Report:
    """The report of a mailing at this moment. InputError where there is no such mailing."""
    mailing = connection.execute(_MAILING, {"mailing": mailing_id}).mappings().one_or_none()
    if mailing is None:
        raise InputError(f"there is no mailing {mailing_id}. `jianbao mailing list` shows those that there are.")
    cells = [_cell(row) for row in connection.execute(_CELLS, {"mailing": mailing_id}).mappings()]
    facts = ("publisher", "title", "year", "number", "total_number", "subject", "at", "started_at", "finished_at", "read_at")
    return Report(
        mailing_id=mailing_id,
        **{fact: mailing[fact] for fact in facts},
        status=MailingStatus(mailing["status"]),
        total=Tally.of(cells),
        provinces=grouped(cells, lambda cell: cell.province),
        providers=grouped(cells, lambda cell: cell.provider),
        institutes=institutes(cells),
        elsewhere=Tally.of(cell for cell in cells if not cell.institute),
        unaddressed=_unaddressed(connection, mailing_id),
        causes=causes(cells),
        individuals=_individuals(cells),
        image_loads=sum(cell.loads for cell in cells),
        links=_links(connection, mailing_id, mailing),
    )


def _cell(row: RowMapping) -> Cell:
    individuals = tuple(Recipient(one["address"], one["reply"]) for one in row["individuals"] or ())
    return Cell(**{**row, "state": DeliveryState(row["state"]), "individuals": individuals})


def _individuals(cells: list[Cell]) -> tuple[Individual, ...]:
    found = [
        Individual(one.address, cell.institute, cell.state, cell.reason, one.reply)
        for cell in cells
        for one in cell.individuals
    ]
    return tuple(sorted(found, key=lambda one: (one.institute or "", one.address)))


def _unaddressed(connection: Connection, mailing_id: int) -> tuple[Unaddressed, ...]:
    return tuple(Unaddressed(**row) for row in connection.execute(_UNADDRESSED, {"mailing": mailing_id}).mappings())


def _links(connection: Connection, mailing_id: int, mailing: RowMapping) -> tuple[LinkClicks, ...]:
    clicks = {row.link: (row.readers, row.clicks) for row in connection.execute(_CLICKS, {"mailing": mailing_id})}
    articles = _articles_of_links(Issue.from_json(mailing["content"]))
    return tuple(
        LinkClicks(number, url, articles.get(url), *clicks.get(number, (0, 0))) for number, url in enumerate(mailing["links"])
    )


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


_MAILING = text("""
    SELECT publication.publisher, publication.title, issue.year, issue.number, issue.total_number,
           edition.content ->> 'subject' AS subject, edition.content -> 'links' AS links, revision.content,
           mailing.status, mailing.at, mailing.started_at, mailing.finished_at, now() AS read_at
    FROM mailing
    JOIN issue ON issue.id = mailing.issue_id
    JOIN publication ON publication.id = issue.publication_id
    JOIN edition ON edition.id = mailing.edition_id
    JOIN revision ON revision.id = edition.revision_id
    WHERE mailing.id = :mailing
""")
# The institute is named as it was then; its province is looked up by that name, or through the subscriber where it was renamed since.
_CELLS = text("""
    WITH seen AS (
        SELECT event.visitor, count(*) FILTER (WHERE event.kind = 'open') AS loads, bool_or(event.kind = 'open') AS opened,
               bool_or(event.kind = 'click') AS clicked
        FROM event WHERE event.mailing_id = :mailing AND event.kind IN ('open', 'click') GROUP BY event.visitor),
    gone AS (SELECT DISTINCT delivery_id FROM event WHERE event.mailing_id = :mailing AND event.kind = 'unsubscribe')
    SELECT NULLIF(delivery.institute, '') AS institute, NULLIF(COALESCE(named.province, own.province), '') AS province,
           delivery.provider, delivery.state, delivery.reason, count(*) AS recipients,
           count(*) FILTER (WHERE seen.opened) AS opened, count(*) FILTER (WHERE seen.clicked) AS clicked,
           count(gone.delivery_id) AS unsubscribed, CAST(COALESCE(sum(seen.loads), 0) AS bigint) AS loads,
           jsonb_agg(jsonb_build_object('address', delivery.address, 'reply', delivery.reply))
               FILTER (WHERE delivery.state IN ('bounced', 'complained', 'failed', 'skipped', 'in_doubt')
                       AND delivery.reason IS DISTINCT FROM 'cancelled') AS individuals
    FROM delivery JOIN mailing ON mailing.id = delivery.mailing_id
    LEFT JOIN seen ON seen.visitor
              = CAST(CAST('x' || left(encode(sha256(mailing.salt || int8send(delivery.id)), 'hex'), 16) AS bit(64)) AS bigint)
    LEFT JOIN gone ON gone.delivery_id = delivery.id
    LEFT JOIN institute AS named ON named.name = delivery.institute
    LEFT JOIN subscriber ON subscriber.id = delivery.subscriber_id
    LEFT JOIN institute AS own ON own.id = subscriber.institute_id
    WHERE delivery.mailing_id = :mailing
    GROUP BY 1, 2, 3, 4, 5
""")
_CLICKS = text("""
    SELECT event.link, count(*) AS clicks, count(DISTINCT event.visitor) AS readers
    FROM event WHERE event.mailing_id = :mailing AND event.kind = 'click' GROUP BY event.link
""")
_UNADDRESSED = text("""
    SELECT institute.name, NULLIF(institute.province, '') AS province,
           EXISTS (SELECT FROM subscriber WHERE subscriber.institute_id = institute.id) AS has_contact
    FROM institute JOIN mailing ON mailing.id = :mailing
    WHERE institute.created_at <= COALESCE(mailing.started_at, now())
      AND NOT EXISTS (SELECT FROM delivery WHERE delivery.mailing_id = mailing.id AND delivery.institute = institute.name)
      AND NOT EXISTS (SELECT FROM delivery JOIN subscriber ON subscriber.id = delivery.subscriber_id
                      WHERE delivery.mailing_id = mailing.id AND subscriber.institute_id = institute.id)
    ORDER BY institute.province NULLS LAST, institute.name
""")
