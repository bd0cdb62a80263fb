"""What the tests of reports share: a mailing of any deliveries, and its report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection, Engine, insert, text

from mailer.block import Block, BlockKind
from mailer.edition import Edition
from mailer.events import Hit, record
from mailer.issue import Article, Issue
from mailer.models import Delivery, DeliveryState, EditionRow, EventKind, IssueRow, Mailing, Publication, Revision
from mailer.origin import OriginTable
from mailer.reading import judge_due
from mailer.receipts import acknowledge
from mailer.report import Report, mailing_report
from mailer.report.tally import Tally
from mailer.terms import Terms
from subscribers.address import parse_address
from subscribers.db import transaction
from subscribers.institutes import key_of
from subscribers.models import Institute, InstituteName, Subscriber
from tests.factories import LETTERHEAD

NOW = datetime(2023, 8, 3, 1, 0, tzinfo=UTC)


LINKS = ("https://www.example.org/kunming", "https://www.example.org/finance?a=1&b=2", "https://www.example.org/contact")


def _article(position: int, title: str, words: str) -> Article:
    return Article(position, title, (Block(BlockKind.PARAGRAPH, words),))


ISSUE = Issue(
    publisher="中国科学技术院所联谊会",
    title="信息集锦",
    kind="简报",
    year=2023,
    number=9,
    total_number=190,
    date=None,
    articles=(
        _article(1, "科研院所社团工作会议", f"详见{LINKS[0]}。"),
        _article(2, "完善科技金融服务体系", f"详见{LINKS[1]}，另见{LINKS[0]}。"),
    ),
)


@dataclass(frozen=True, slots=True)
class Sent:
    """One delivery as a test wants it."""

    address: str
    institute: str | None
    state: DeliveryState = DeliveryState.ACCEPTED
    reason: str | None = None
    provider: str = "coremail"
    reply: str | None = None


def make_institutes(connection: Connection, provinces: dict[str, str | None]) -> None:
    """Institutes by name, each with its province."""
    rows = [{"name": name, "province": province, "created_at": NOW} for name, province in provinces.items()]
    made = connection.execute(insert(Institute).returning(Institute.id, Institute.name), rows)
    names = [{"institute_id": one.id, "name": one.name, "key": key_of(one.name), "kind": "current"} for one in made]
    connection.execute(insert(InstituteName), names)


def make_mailing(connection: Connection, deliveries: Sequence[Sent], links: tuple[str, ...] = LINKS) -> list[int]:
    """A mailing of these deliveries; their ids in the same order."""
    series = {"slug": "bulletin", "title": "信息集锦", "kind": "简报", "publisher": "中国科学技术院所联谊会"}
    publication_id = connection.execute(insert(Publication).values(series).returning(Publication.id)).scalar_one()
    issue = {"publication_id": publication_id, "year": 2023, "number": 9, "total_number": 190}
    issue_id = connection.execute(insert(IssueRow).values(issue).returning(IssueRow.id)).scalar_one()
    revision = {"issue_id": issue_id, "number": 1, "source_name": "a", "source_sha256": "0", "content": ISSUE.to_json()}
    revision |= {"warnings": [], "created_by": "test"}
    revision_id = connection.execute(insert(Revision).values(revision).returning(Revision.id)).scalar_one()
    edition = Edition(ISSUE.subject, (), (), links)
    row = {"revision_id": revision_id, "sha256": edition.sha256, "content": edition.to_json()}
    edition_id = connection.execute(insert(EditionRow).values(row).returning(EditionRow.id)).scalar_one()
    mailing = {"issue_id": issue_id, "edition_id": edition_id, "list_ids": [1], "excluded_list_ids": []}
    mailing |= {
        "terms": Terms(LETTERHEAD).to_json(),
        "status": "finished",
        "at": NOW,
        "started_at": NOW,
        "finished_at": NOW + timedelta(minutes=7),
        "created_by": "t",
    }
    mailing_id = connection.execute(insert(Mailing).values(mailing).returning(Mailing.id)).scalar_one()
    rows = [
        {
            "mailing_id": mailing_id,
            "subscriber_id": number,
            "address": one.address,
            "institute": one.institute,
            "provider": one.provider,
            "state": one.state.value,
            "reason": one.reason,
            "reply": one.reply,
        }
        for number, one in enumerate(deliveries, 1)
    ]
    return list(connection.execute(insert(Delivery).returning(Delivery.id, sort_by_parameter_order=True), rows).scalars())


def assert_adds_up(report: Report) -> None:
    """Every table of the report has the total for its sum."""
    total = report.total
    assert total.recipients == total.reached + total.open + total.not_reached
    for group in (report.provinces, report.providers):
        assert _sum([line.tally for line in group]) == total
    assert _sum([*(one.tally for one in report.institutes), report.elsewhere]) == total
    assert sum(cause.recipients for cause in report.causes) == total.open + total.not_reached


def _sum(tallies: Sequence[Tally]) -> Tally:
    return Tally(**{field.name: sum(getattr(tally, field.name) for tally in tallies) for field in fields(Tally)})


BOUNCED, FAILED, SKIPPED = DeliveryState.BOUNCED, DeliveryState.FAILED, DeliveryState.SKIPPED


PROVINCES = {
    "云南省科学技术院": "云南",
    "四川省自然资源科学研究院": "四川",
    "北京市科学技术研究院": "北京",
    "无省份研究所": None,
}


DELIVERIES = (
    Sent("a@yn.example.org", "云南省科学技术院"),
    Sent("b@yn.example.org", "云南省科学技术院", BOUNCED, "unknown_user", reply="550 User not found"),
    Sent("c@sc.example.org", "四川省自然资源科学研究院", BOUNCED, "mailbox_full", "tencent", "552 <b>full</b>"),
    Sent("d@bj.example.org", "北京市科学技术研究院", DeliveryState.DEFERRED, "transient", "netease"),
    Sent("e@none.example.org", "无省份研究所", SKIPPED, "suppressed: unsubscribed", "netease"),
    Sent("f@none.example.org", "无省份研究所", FAILED, "a reason of tomorrow", "netease"),
    Sent("g@single.example.org", None, DeliveryState.COMPLAINED, None, "tencent"),
    Sent("h@single.example.org", None, provider="tencent"),
)


@pytest.fixture
def report(engine: Engine) -> Report:
    with transaction(engine) as connection:
        make_institutes(connection, PROVINCES | {"没有联系人的研究所": "海南", "没列入的研究所": "海南"})
        people = {
            "address": "x@y.org",
            "canonical": "x@y.org",
            "domain": "y.org",
            "address_hash": parse_address("x@y.org").hash,
        }
        connection.execute(insert(Subscriber).values(people | {"id": 900, "institute_id": 6}))
        ids = make_mailing(connection, DELIVERIES)
        hits = [(0, EventKind.OPEN, None), (0, EventKind.OPEN, None), (0, EventKind.CLICK, 0), (0, EventKind.CLICK, 0)]
        hits += [
            (0, EventKind.CLICK, 1),
            (7, EventKind.CLICK, 1),
            (7, EventKind.UNSUBSCRIBE, None),
            (7, EventKind.UNSUBSCRIBE, None),
        ]
        record(connection, [Hit(ids[place], kind, NOW, link) for place, kind, link in hits])
        acknowledge(connection, ids[7], now=NOW)
        return mailing_report(connection, 1)


BROWSER = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/138.0.0.0 Safari/537.36"


def read_by(connection: Connection, ids: list[int], agents: Sequence[str], kind: EventKind = EventKind.CLICK) -> None:
    """Each delivery's reader does it once, with the program of the same place."""
    connection.execute(text("UPDATE delivery SET settled_at = :at WHERE state = 'accepted'"), {"at": NOW})
    later = NOW + timedelta(hours=2)
    hits = [Hit(each, kind, later, 0, None, agent, None, speaks=True) for each, agent in zip(ids, agents, strict=True)]
    record(connection, hits)
    judge_due(connection, OriginTable.load(), later + timedelta(days=1))


def make_mailing_read_by_all(connection: Connection) -> None:
    """Six deliveries, each of whose readers followed a link."""
    ids = make_mailing(connection, [Sent(f"{number}@x.org", "一院") for number in range(6)])
    read_by(connection, ids, [BROWSER] * 6)


def make_mailing_with_one_who_agreed(connection: Connection) -> list[int]:
    """Two deliveries to one institute; the first one's reader lets opens and clicks be counted by name."""
    row = {"address": "a@x.org", "canonical": "a@x.org", "domain": "x.org", "address_hash": parse_address("a@x.org").hash}
    connection.execute(insert(Subscriber).values(row))
    ids = make_mailing(connection, [Sent("a@x.org", "一院"), Sent("b@x.org", "一院")])
    connection.execute(text("UPDATE mailing SET tracking = 'individual'"))
    connection.execute(text("INSERT INTO reader_tracking (subscriber_id, wish) VALUES (1, 'individual')"))
    return ids
