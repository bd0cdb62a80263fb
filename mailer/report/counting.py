"""A mailing's report, read from the rows: one look over its deliveries, from which all sums are made, and some over what was counted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, RowMapping, text

from mailer.issue import Issue
from mailer.models import DeliveryState, MailingStatus
from mailer.report.reading import LinkClicks, Reading, read_links, read_reading
from mailer.report.tally import Cause, Cell, Group, InstituteOutcome, Tally, causes, grouped, institutes
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
    last_number: int | None
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
    for setting in _ROOM:
        connection.execute(setting)
    cells = [_cell(row) for row in connection.execute(_CELLS, {"mailing": mailing_id}).mappings()]
    reading = read_reading(connection, mailing_id, TrackingMode(mailing["tracking"]), tied=mailing["tied"])
    facts = (
        "publisher",
        "title",
        "year",
        "number",
        "total_number",
        "last_number",
        "subject",
        "at",
        "started_at",
        "finished_at",
        "read_at",
    )
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
        individuals=tuple(_individual(row) for row in connection.execute(_INDIVIDUALS, {"mailing": mailing_id}).mappings()),
        departed=tuple(Departed(**row) for row in connection.execute(_DEPARTED, {"mailing": mailing_id}).mappings()),
        reading=reading,
        timeline=read_timeline(connection, mailing_id),
        issues=read_issues_before(connection, mailing_id),
        links=read_links(connection, mailing_id, Issue.from_json(mailing["content"]), tuple(mailing["links"])),
    )


def _cell(row: RowMapping) -> Cell:
    return Cell(**{**row, "state": DeliveryState(row["state"])})


def _individual(row: RowMapping) -> Individual:
    return Individual(**{**row, "state": DeliveryState(row["state"])})


def _unaddressed(connection: Connection, mailing_id: int) -> tuple[Unaddressed, ...]:
    return tuple(Unaddressed(**row) for row in connection.execute(_UNADDRESSED, {"mailing": mailing_id}).mappings())


# Of a million recipients a sum has that many places, which by the server's own measure would go to disk and back several times over. One
# processor does it: each of several would take that room, and make the same sums once more. Until the transaction ends.
_ROOM = (text("SET LOCAL work_mem = '64MB'"), text("SET LOCAL max_parallel_workers_per_gather = 0"))
_MAILING = text("""
    SELECT publication.publisher, publication.title, issue.year, issue.number, issue.total_number, issue.last_number,
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
           count(*) FILTER (WHERE agreed.opened) AS agreed_openers, count(*) FILTER (WHERE agreed.clicked) AS agreed_clickers
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
_INDIVIDUALS = text("""
    SELECT address, NULLIF(institute, '') AS institute, state, reason, reply FROM delivery
    WHERE mailing_id = :mailing AND state IN ('bounced', 'complained', 'failed', 'skipped', 'in_doubt')
      AND reason IS DISTINCT FROM 'cancelled'
    ORDER BY COALESCE(institute, '') COLLATE "C", address COLLATE "C", id
""")
# Who left is found first: joined with the deliveries in one go, all events of these would be gone through.
_DEPARTED = text("""
    WITH gone AS MATERIALIZED (
        SELECT delivery_id, min(at) AS at FROM event WHERE mailing_id = :mailing AND kind = 'unsubscribe' GROUP BY delivery_id)
    SELECT delivery.address, NULLIF(delivery.institute, '') AS institute, gone.at,
           EXISTS (SELECT FROM subscription JOIN mailing ON mailing.id = delivery.mailing_id
                   WHERE subscription.subscriber_id = delivery.subscriber_id AND subscription.list_id = ANY(mailing.list_ids)
                     AND subscription.state = 'confirmed') AS back
    FROM gone JOIN delivery ON delivery.id = gone.delivery_id ORDER BY gone.at, delivery.id
""")
# Of the members of today, as in the coverage. Before a mailing begins nobody is left out of it.
_UNADDRESSED = text(f"""
    WITH named AS ({INSTITUTE_OF_NAME}),
    addressed AS (SELECT DISTINCT institute.id FROM delivery {_OF_INSTITUTE} WHERE delivery.mailing_id = :mailing)
    SELECT institute.name, NULLIF(institute.province, '') AS province,
           EXISTS (SELECT FROM subscriber WHERE subscriber.institute_id = institute.id AND subscriber.state <> 'merged') AS has_contact
    FROM institute JOIN mailing ON mailing.id = :mailing
    WHERE institute.status = 'member' AND institute.created_at <= mailing.started_at
      AND NOT EXISTS (SELECT FROM addressed WHERE addressed.id = institute.id)
    ORDER BY institute.province NULLS LAST, institute.name
""")  # noqa: S608 - of constants of ours
