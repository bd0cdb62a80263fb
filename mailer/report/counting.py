"""A mailing's report, read from the rows: one look over its deliveries, from which all sums are made, and some over what was counted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, RowMapping, text

from mailer.issue import Issue
from mailer.models import DeliveryState, MailingStatus
from mailer.report.reading import LinkClicks, Reading, read_links, read_reading
from mailer.report.tally import Cause, Cell, Group, InstituteOutcome, Recipient, Tally, causes, grouped, institutes
from mailer.report.timeline import IssueBefore, Timeline, read_issues_before, read_timeline
from subscribers.errors import InputError
from subscribers.institutes import INSTITUTE_OF_NAME
from subscribers.models import TrackingMode


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
class Departed:
    """One recipient who left by this mailing, and whether they are back on one of its lists."""

    address: str
    institute: str | None
    at: datetime
    back: bool


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
    departed: tuple[Departed, ...]
    reading: Reading
    timeline: Timeline
    issues: tuple[IssueBefore, ...]
    links: tuple[LinkClicks, ...]


def mailing_report(connection: Connection, mailing_id: int) -> Report:
    """The report of a mailing at this moment. InputError where there is no such mailing."""
    mailing = connection.execute(_MAILING, {"mailing": mailing_id}).mappings().one_or_none()
    if mailing is None:
        raise InputError(f"there is no mailing {mailing_id}. `jianbao mailing list` shows those that there are.")
    cells = [_cell(row) for row in connection.execute(_CELLS, {"mailing": mailing_id}).mappings()]
    reading = read_reading(connection, mailing_id, TrackingMode(mailing["tracking"]), tied=mailing["tied"])
    facts = ("publisher", "title", "year", "number", "total_number", "subject", "at", "started_at", "finished_at", "read_at")
    return Report(
        mailing_id=mailing_id,
        **{fact: mailing[fact] for fact in facts},
        status=MailingStatus(mailing["status"]),
        total=Tally.of(cells),
        provinces=grouped(cells, lambda cell: cell.province, seen=reading.by_group),
        providers=grouped(cells, lambda cell: cell.provider, seen=reading.by_group),
        institutes=institutes(cells),
        elsewhere=Tally.of(cell for cell in cells if not cell.institute),
        unaddressed=_unaddressed(connection, mailing_id),
        causes=causes(cells),
        individuals=_individuals(cells),
        departed=tuple(Departed(**row) for row in connection.execute(_DEPARTED, {"mailing": mailing_id}).mappings()),
        reading=reading,
        timeline=read_timeline(connection, mailing_id),
        issues=read_issues_before(connection, mailing_id),
        links=read_links(connection, mailing_id, Issue.from_json(mailing["content"]), tuple(mailing["links"])),
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


_MAILING = text("""
    SELECT publication.publisher, publication.title, issue.year, issue.number, issue.total_number,
           edition.content ->> 'subject' AS subject, edition.content -> 'links' AS links, revision.content, mailing.status,
           mailing.tracking, mailing.salt IS NOT NULL AS tied, mailing.at, mailing.started_at, mailing.finished_at, now() AS read_at
    FROM mailing
    JOIN issue ON issue.id = mailing.issue_id
    JOIN publication ON publication.id = issue.publication_id
    JOIN edition ON edition.id = mailing.edition_id
    JOIN revision ON revision.id = edition.revision_id
    WHERE mailing.id = :mailing
""")
# The institute is named as it was then. That name leads to it, whatever it is called today and wherever the person went since; only where
# it leads to none, the person does.
_OF_INSTITUTE = """
    LEFT JOIN subscriber ON subscriber.id = delivery.subscriber_id
    LEFT JOIN named ON named.name = delivery.institute
    LEFT JOIN institute ON institute.id = COALESCE(named.institute_id, subscriber.institute_id)"""
_CELLS = text(f"""
    WITH named AS ({INSTITUTE_OF_NAME}),
    seen AS (
        SELECT visitor, bool_or(kind = 'open') AS opened, bool_or(kind = 'click') AS clicked
        FROM event WHERE mailing_id = :mailing AND kind IN ('open', 'click') AND origin = 'person' GROUP BY visitor),
    agreed AS (
        SELECT delivery_id, bool_or(kind = 'open') AS opened, bool_or(kind = 'click') AS clicked
        FROM event WHERE mailing_id = :mailing AND kind IN ('open', 'click') AND origin = 'person' AND delivery_id IS NOT NULL
        GROUP BY delivery_id),
    gone AS (SELECT DISTINCT delivery_id FROM event WHERE event.mailing_id = :mailing AND event.kind = 'unsubscribe')
    SELECT NULLIF(delivery.institute, '') AS institute, NULLIF(institute.province, '') AS province,
           delivery.provider, delivery.state, delivery.reason, count(*) AS recipients, count(gone.delivery_id) AS unsubscribed,
           count(receipt.delivery_id) AS receipts,
           count(*) FILTER (WHERE seen.opened) AS openers, count(*) FILTER (WHERE seen.clicked) AS clickers,
           count(*) FILTER (WHERE agreed.opened) AS agreed_openers, count(*) FILTER (WHERE agreed.clicked) AS agreed_clickers,
           jsonb_agg(jsonb_build_object('address', delivery.address, 'reply', delivery.reply))
               FILTER (WHERE delivery.state IN ('bounced', 'complained', 'failed', 'skipped', 'in_doubt')
                       AND delivery.reason IS DISTINCT FROM 'cancelled') AS individuals
    FROM delivery JOIN mailing ON mailing.id = delivery.mailing_id
    LEFT JOIN seen ON seen.visitor
              = CAST(CAST('x' || left(encode(sha256(mailing.salt || int8send(delivery.id)), 'hex'), 16) AS bit(64)) AS bigint)
    LEFT JOIN agreed ON agreed.delivery_id = delivery.id
    LEFT JOIN gone ON gone.delivery_id = delivery.id
    LEFT JOIN receipt ON receipt.delivery_id = delivery.id
    {_OF_INSTITUTE}
    WHERE delivery.mailing_id = :mailing
    GROUP BY 1, 2, 3, 4, 5
""")  # noqa: S608 - of constants of ours
_DEPARTED = text("""
    SELECT delivery.address, NULLIF(delivery.institute, '') AS institute, min(event.at) AS at,
           EXISTS (SELECT FROM subscription JOIN mailing ON mailing.id = delivery.mailing_id
                   WHERE subscription.subscriber_id = delivery.subscriber_id AND subscription.list_id = ANY(mailing.list_ids)
                     AND subscription.state = 'confirmed') AS back
    FROM event JOIN delivery ON delivery.id = event.delivery_id
    WHERE event.mailing_id = :mailing AND event.kind = 'unsubscribe' GROUP BY delivery.id ORDER BY min(event.at), delivery.id
""")
# Of the members of today, as in the coverage.
_UNADDRESSED = text(f"""
    WITH named AS ({INSTITUTE_OF_NAME}),
    addressed AS (SELECT DISTINCT institute.id FROM delivery {_OF_INSTITUTE} WHERE delivery.mailing_id = :mailing)
    SELECT institute.name, NULLIF(institute.province, '') AS province,
           EXISTS (SELECT FROM subscriber WHERE subscriber.institute_id = institute.id AND subscriber.state <> 'merged') AS has_contact
    FROM institute JOIN mailing ON mailing.id = :mailing
    WHERE institute.status = 'member' AND institute.created_at <= COALESCE(mailing.started_at, now())
      AND NOT EXISTS (SELECT FROM addressed WHERE addressed.id = institute.id)
    ORDER BY institute.province NULLS LAST, institute.name
""")  # noqa: S608 - of constants of ours
