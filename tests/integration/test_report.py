"""A mailing's report: counted from rows, adding up in every table, and a page that stands by itself."""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, insert, text

from mailer.deliveries import Wanted, of_mailing
from mailer.edition import Edition
from mailer.events import Hit, record
from mailer.issue import Article, Block, BlockKind, Issue
from mailer.models import Delivery, DeliveryState, EditionRow, EventKind, IssueRow, Mailing, Publication, Revision
from mailer.origin import OriginTable
from mailer.reading import judge_due
from mailer.receipts import acknowledge
from mailer.reply import Meaning
from mailer.report import Report, mailing_report, render_report_html
from mailer.report.page import share, strokes
from mailer.report.tally import Reach, Tally
from mailer.report.timeline import step_for
from mailer.report.wording import STATES, STATUSES, explain
from mailer.smtp.outcomes import Reason
from mailer.terms import Terms
from subscribers.address import parse_address
from subscribers.db import transaction
from subscribers.errors import InputError
from subscribers.models import Institute, Subscriber, SuppressionReason
from tests.factories import LETTERHEAD
from tests.integration.conftest import Jianbao

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


def _institutes(connection: Connection, provinces: dict[str, str | None]) -> None:
    rows = [{"name": name, "province": province, "created_at": NOW} for name, province in provinces.items()]
    connection.execute(insert(Institute), rows)


def _mailing(connection: Connection, deliveries: Sequence[Sent], links: tuple[str, ...] = LINKS) -> list[int]:
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


def _assert_adds_up(report: Report) -> None:
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
        _institutes(connection, PROVINCES | {"没有联系人的研究所": "海南", "没列入的研究所": "海南"})
        people = {
            "address": "x@y.org",
            "canonical": "x@y.org",
            "domain": "y.org",
            "address_hash": parse_address("x@y.org").hash,
        }
        connection.execute(insert(Subscriber).values(people | {"id": 900, "institute_id": 6}))
        ids = _mailing(connection, DELIVERIES)
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


def test_every_table_adds_up_to_the_total(report: Report) -> None:
    assert report.total == Tally(recipients=8, reached=3, open=1, not_reached=4, complained=1, unsubscribed=1, receipts=1)
    _assert_adds_up(report)


def test_an_institute_is_reached_by_one_of_its_addresses(report: Report) -> None:
    found = {one.name: (one.province, one.reach, [cause.reason for cause in one.causes]) for one in report.institutes}
    assert found == {
        "云南省科学技术院": ("云南", Reach.REACHED, []),
        "四川省自然资源科学研究院": ("四川", Reach.NOT_REACHED, ["mailbox_full"]),
        "北京市科学技术研究院": ("北京", Reach.OPEN, ["transient"]),
        "无省份研究所": (None, Reach.NOT_REACHED, ["a reason of tomorrow", "suppressed: unsubscribed"]),
    }


def test_an_institute_that_was_not_written_to_is_named_with_the_reason(report: Report) -> None:
    assert [(one.name, one.has_contact) for one in report.unaddressed] == [
        ("没列入的研究所", True),
        ("没有联系人的研究所", False),
    ]


def test_groups_are_ordered_by_size_with_the_unknown_last(report: Report) -> None:
    assert [line.name for line in report.provinces] == ["云南", "北京", "四川", None]
    assert [(line.name, line.tally.recipients) for line in report.providers] == [
        ("netease", 3),
        ("tencent", 3),
        ("coremail", 2),
    ]


def test_readers_of_a_link_are_counted_once_and_clicks_each(report: Report) -> None:
    assert [(link.article, link.readers, link.clicks) for link in report.links] == [
        ("科研院所社团工作会议", 1, 2),
        ("完善科技金融服务体系", 2, 2),
        (None, 0, 0),
    ]
    assert (report.reading.openers.total, report.reading.loads.total) == (1, 2)
    assert report.reading.clickers.total == 2


def test_those_who_were_not_plainly_reached_are_named_with_the_servers_words(report: Report) -> None:
    assert [(one.address, one.state, one.reply) for one in report.individuals if one.reply] == [
        ("b@yn.example.org", BOUNCED, "550 User not found"),
        ("c@sc.example.org", BOUNCED, "552 <b>full</b>"),
    ]
    assert len(report.individuals) == 5


def test_a_renamed_institute_keeps_the_name_it_had_and_its_province(engine: Engine) -> None:
    with transaction(engine) as connection:
        _institutes(connection, {"新名研究院": "云南"})
        people = {
            "address": "x@y.org",
            "canonical": "x@y.org",
            "domain": "y.org",
            "address_hash": parse_address("x@y.org").hash,
        }
        connection.execute(insert(Subscriber).values(people | {"institute_id": 1}))
        _mailing(connection, [Sent("x@y.org", "旧名研究院")])
        found = mailing_report(connection, 1)
    assert [(one.name, one.province) for one in found.institutes] == [("旧名研究院", "云南")]
    assert found.unaddressed == ()


def test_other_mailings_are_not_counted(engine: Engine, report: Report) -> None:
    with transaction(engine) as connection:
        connection.execute(
            text("""INSERT INTO mailing (issue_id, edition_id, list_ids, excluded_list_ids, terms, status, at, created_by)
                    SELECT issue_id, edition_id, list_ids, excluded_list_ids, terms, 'sending', at, created_by FROM mailing""")
        )
        connection.execute(
            text("""INSERT INTO delivery (mailing_id, subscriber_id, address, provider, state)
                    VALUES (2, 1, 'other@x.org', 'other', 'accepted')""")
        )
        record(connection, [Hit(9, EventKind.CLICK, NOW, 0)])
        again, other = mailing_report(connection, 1), mailing_report(connection, 2)
    assert (again.total, again.links) == (report.total, report.links)
    assert other.total == Tally(recipients=1, reached=1, open=0, not_reached=0, complained=0, unsubscribed=0, receipts=0)
    assert (other.reading.clickers.total, again.reading) == (1, report.reading)


def test_a_mailing_that_is_not_there_is_said_with_the_cure(engine: Engine) -> None:
    with transaction(engine) as connection, pytest.raises(InputError, match=r"no mailing 7.*mailing list"):
        mailing_report(connection, 7)


_ANY = st.builds(
    Sent,
    address=st.sampled_from([f"{name}@x.org" for name in "abcde"]),
    institute=st.sampled_from([*PROVINCES, "不在表中的研究所", "", None]),
    state=st.sampled_from(DeliveryState),
    reason=st.sampled_from([None, "unknown_user", "suppressed: staff", "cancelled", "whatever"]),
    provider=st.sampled_from(["tencent", "netease", "nobody", "other"]),
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    deliveries=st.lists(_ANY, max_size=30),
    seen=st.lists(st.tuples(st.integers(0, 29), st.sampled_from(EventKind)), max_size=20),
)
def test_whatever_is_in_the_rows_every_table_adds_up(
    engine: Engine, deliveries: list[Sent], seen: list[tuple[int, EventKind]]
) -> None:
    with engine.connect() as connection, connection.begin() as rolled_back:
        _institutes(connection, PROVINCES)
        ids = _mailing(connection, deliveries) if deliveries else _mailing(connection, [Sent("a@x.org", None)])
        hits = [Hit(ids[place], kind, NOW, 0 if kind is EventKind.CLICK else None) for place, kind in seen if place < len(ids)]
        record(connection, hits)
        mailing_id = connection.execute(text("SELECT max(id) FROM mailing")).scalar_one()
        found = mailing_report(connection, mailing_id)
        rolled_back.rollback()
    assert found.total.recipients == max(len(deliveries), 1)
    _assert_adds_up(found)
    assert found.reading.loads.total == sum(hit.kind is EventKind.OPEN for hit in hits)
    assert found.reading.clicks.total == sum(link.clicks for link in found.links)
    assert sum(link.clicks for link in found.links) == sum(hit.kind is EventKind.CLICK for hit in hits)
    _parse(render_report_html(found))


class _Tables(HTMLParser):
    """The cells of every table, and a complaint about any element that is not closed where it should be."""

    VOID = frozenset({"meta", "br"})

    def __init__(self) -> None:
        super().__init__()
        self.stack: list[str] = []
        self.tables: list[list[list[str]]] = []

    def handle_starttag(self, tag: str, attributes: object) -> None:
        if tag not in self.VOID:
            self.stack.append(tag)
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in {"td", "th"}:
            self.tables[-1][-1].append("")

    def handle_startendtag(self, tag: str, attributes: object) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.stack.pop() == tag

    def handle_data(self, data: str) -> None:
        if {"td", "th"} & set(self.stack):
            self.tables[-1][-1][-1] += data


def _parse(page: str) -> list[list[list[str]]]:
    parser = _Tables()
    parser.feed(page)
    parser.close()
    assert parser.stack == []
    return parser.tables


def test_the_page_says_what_happened_in_plain_chinese(report: Report) -> None:
    page = render_report_html(report)
    assert "《信息集锦》2023年第9期发送报告" in page
    assert "本期寄给 8 位收件人，其中 3 位的邮件服务器已经接收（37.5%），4 位没有寄到，1 位尚无结果。" in page
    assert re.search(r"涉及会员单位 4 家，寄到 1 家，未寄到 2 家，尚无结果 1 家。", page)
    assert "开始 2023年8月3日 09:00" in page
    assert "1 位收件人收到后投诉" in page
    for words in ("地址不存在", "邮箱已满", "已退订", "a reason of tomorrow", "没有登记联系人", "腾讯（QQ邮箱、企业邮箱）"):
        assert words in page


def test_the_tables_of_the_page_add_up_as_printed(report: Report) -> None:
    tables = [table for table in _parse(render_report_html(report)) if table[-1][0] == "合计"]
    assert len(tables) == 4
    for head, *rows, total in tables:
        for column, title in enumerate(head):
            if title in {"收件人", "寄到", "尚无结果", "未寄到", "退订", "次数"}:
                place = column - len(head)  # The total's first cell may span several columns.
                assert sum(int(row[place]) for row in rows) == int(total[place]), title


def test_the_page_stands_by_itself_and_what_servers_and_people_wrote_stays_text(report: Report) -> None:
    page = render_report_html(report)
    assert "552 &lt;b&gt;full&lt;/b&gt;" in page
    assert not re.search(r"<script|<link|<img|<iframe|\bon\w+=|url\(|@import|\b(?:src|href)=", page)


def test_a_finished_mailing_that_reached_everybody_has_no_list_of_failures(engine: Engine) -> None:
    with transaction(engine) as connection:
        _institutes(connection, PROVINCES)
        _mailing(connection, [Sent(f"{number}@x.org", name) for number, name in enumerate(PROVINCES)], links=())
        page = render_report_html(mailing_report(connection, 1))
    assert "其中 4 位的邮件服务器已经接收（100%）。" in page
    assert "涉及会员单位 4 家，全部寄到。" in page
    assert "没有寄到的原因" not in page


def test_every_word_that_a_row_can_hold_has_a_chinese_one() -> None:
    reasons = {*Reason, *Meaning, *(f"suppressed: {reason}" for reason in SuppressionReason)} - {
        Meaning.ACCEPTED,
        Reason.STOPPED,
    }
    assert [reason for reason in reasons if explain(BOUNCED, reason).label == reason] == []
    assert set(STATES) == set(DeliveryState)
    assert all(explain(state, None).label for state in DeliveryState)
    assert len(STATUSES) == 6


@pytest.mark.parametrize(
    ("part", "whole", "said"),
    [(0, 0, "–"), (0, 9, "0%"), (9, 9, "100%"), (1, 3, "33.3%"), (99_999, 100_000, "99.9%"), (1, 100_000, "0.1%")],
)
def test_a_share_says_all_or_nothing_only_of_all_or_nothing(part: int, whole: int, said: str) -> None:
    assert share(part, whole) == said


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**6))
def test_a_bar_is_filled_end_to_end(reached: int, waiting: int, lost: int) -> None:
    parts = strokes(Tally(reached + waiting + lost, reached, waiting, lost, 0, 0, 0))
    assert sum(part.length for part in parts) == pytest.approx(100 if parts else 0)
    for before, after in pairwise(parts):
        assert before.start + before.length == pytest.approx(after.start)


BROWSER = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/138.0.0.0 Safari/537.36"


def _read_by(connection: Connection, ids: list[int], agents: Sequence[str], kind: EventKind = EventKind.CLICK) -> None:
    """Each delivery's reader does it once, with the program of the same place."""
    connection.execute(text("UPDATE delivery SET settled_at = :at WHERE state = 'accepted'"), {"at": NOW})
    later = NOW + timedelta(hours=2)
    hits = [Hit(each, kind, later, 0, None, agent, None, speaks=True) for each, agent in zip(ids, agents, strict=True)]
    record(connection, hits)
    judge_due(connection, OriginTable.load(), later + timedelta(days=1))


def test_people_machines_and_the_unknown_add_up_and_the_page_shows_each(engine: Engine) -> None:
    with transaction(engine) as connection:
        ids = _mailing(connection, [Sent(f"{number}@x.org", "一院") for number in range(6)])
        _read_by(connection, ids, [BROWSER, BROWSER, BROWSER, "curl/8", "curl/8", "Thing/1"])
        found = mailing_report(connection, 1)
    clickers = found.reading.clickers
    assert (clickers.people, clickers.machines, clickers.unknown, clickers.total) == (3, 2, 1, 6)
    assert (found.links[0].people, found.links[0].readers) == (3, 6)
    page = render_report_html(found)
    assert '<tr><th scope="row">点过链接</th><td class="n">3</td><td class="n">2</td><td class="n">1</td>' in page


def test_whose_clicks_they_were_is_told_of_no_institute_and_of_no_small_group(engine: Engine) -> None:
    with transaction(engine) as connection:
        few = [Sent(f"few{number}@x.org", "一院", provider="netease") for number in range(4)]
        many = [Sent(f"many{number}@x.org", "二院", provider="tencent") for number in range(5)]
        ids = _mailing(connection, [*few, *many])
        _read_by(connection, ids, [BROWSER] * 9)
        found = mailing_report(connection, 1)
    assert {group.name: group.seen and group.seen.clickers for group in found.providers} == {"tencent": 5, "netease": None}
    assert [one.agreed.clickers for one in found.institutes] == [0, 0]
    assert found.reading.clickers.people == 9


def test_who_agreed_counts_for_the_institute(engine: Engine) -> None:
    with transaction(engine) as connection:
        address = parse_address("a@x.org")
        row = {"address": "a@x.org", "canonical": "a@x.org", "domain": "x.org", "address_hash": address.hash}
        connection.execute(insert(Subscriber).values(row))
        ids = _mailing(connection, [Sent("a@x.org", "一院"), Sent("b@x.org", "一院")])
        connection.execute(text("UPDATE mailing SET tracking = 'individual'"))
        connection.execute(text("INSERT INTO reader_tracking (subscriber_id, wish) VALUES (1, 'individual')"))
        _read_by(connection, ids, [BROWSER, BROWSER])
        found = mailing_report(connection, 1)
    assert found.institutes[0].agreed.clickers == 1


def test_the_timeline_has_every_delivery_and_no_gap(engine: Engine) -> None:
    with transaction(engine) as connection:
        _mailing(connection, [Sent(f"{number}@x.org", None) for number in range(20)])
        connection.execute(
            text("UPDATE delivery SET settled_at = CAST(:at AS timestamptz) + id * id * interval '7 minutes'"), {"at": NOW}
        )
        found = mailing_report(connection, 1)
    steps = found.timeline.steps
    assert sum(step.reached for step in steps) == found.total.reached == 20
    assert {later.at - earlier.at for earlier, later in pairwise(steps)} == {found.timeline.step}
    assert len(steps) <= 37
    page = render_report_html(found)
    assert page.count("<title>") == 1 + sum(step.reached > 0 for step in steps)


@given(st.timedeltas(timedelta(0), timedelta(days=3000)))
def test_a_length_of_time_is_told_in_a_few_dozen_steps(span: timedelta) -> None:
    assert span < step_for(span) * 36


def test_issues_before_are_set_beside_this_one(engine: Engine) -> None:
    with transaction(engine) as connection:
        _mailing(connection, [Sent("a@x.org", None), Sent("b@x.org", None, BOUNCED, "unknown_user")])
        connection.execute(
            text("""INSERT INTO mailing (issue_id, edition_id, list_ids, excluded_list_ids, terms, status, at, started_at, created_by)
                    SELECT issue_id, edition_id, list_ids, excluded_list_ids, terms, 'finished', at,
                           started_at - number * interval '30 days', created_by FROM mailing, generate_series(1, 8) AS number""")
        )
        connection.execute(
            text("""INSERT INTO delivery (mailing_id, subscriber_id, address, provider, state)
                    SELECT mailing.id, 1, 'c@x.org', 'other', 'accepted' FROM mailing WHERE mailing.id > 1""")
        )
        found = mailing_report(connection, 1)
        oldest = mailing_report(connection, 9)
    assert [one.mailing_id for one in found.issues] == [6, 5, 4, 3, 2, 1]
    assert (found.issues[-1].recipients, found.issues[-1].reached, found.issues[-1].not_reached) == (2, 1, 1)
    assert [one.mailing_id for one in oldest.issues] == [9]
    assert "（本期）" in render_report_html(found)
    assert "与前几期比较" not in render_report_html(oldest)


def test_where_nothing_is_counted_the_page_says_so_and_shows_no_numbers(engine: Engine) -> None:
    with transaction(engine) as connection:
        _mailing(connection, [Sent("a@x.org", None)])
        connection.execute(text("UPDATE mailing SET tracking = 'off'"))
        page = render_report_html(mailing_report(connection, 1))
    assert "不做阅读统计" in page
    assert "加载过图片" not in page


def test_who_left_is_named_and_who_came_back_too(engine: Engine) -> None:
    with transaction(engine) as connection:
        ids = _mailing(connection, [Sent("a@x.org", "一院"), Sent("b@x.org", None)])
        record(connection, [Hit(ids[0], EventKind.UNSUBSCRIBE, NOW)])
        found = mailing_report(connection, 1)
    assert [(one.address, one.institute, one.back) for one in found.departed] == [("a@x.org", "一院", False)]


def test_every_number_of_the_report_can_be_listed(engine: Engine, report: Report) -> None:
    with transaction(engine) as connection:

        def listed(**wanted: object) -> int:
            return len(list(of_mailing(connection, 1, Wanted(**wanted))))  # type: ignore[arg-type]

        assert listed() == report.total.recipients
        assert listed(unsubscribed=True) == report.total.unsubscribed == len(report.departed) == 1
        assert listed(receipt=True) == report.total.receipts == 1
        for reach in Reach:
            states = frozenset(state for state in DeliveryState if Reach.of(state) is reach)
            assert listed(states=states) == getattr(report.total, reach.value)
        assert listed(states=frozenset({DeliveryState.COMPLAINED})) == report.total.complained
        for cause in report.causes:
            assert listed(states=frozenset({cause.state}), reason=cause.reason or "") == cause.recipients
        for group in report.providers:
            assert listed(provider=group.name) == group.tally.recipients
        for group in report.provinces:
            assert listed(province=group.name or "") == group.tally.recipients
        for one in report.institutes:
            assert listed(institute=one.name) == one.tally.recipients
        assert listed(institute="") == report.elsewhere.recipients


def test_those_who_agreed_can_be_listed_and_nobody_else(engine: Engine) -> None:
    with transaction(engine) as connection:
        address = parse_address("a@x.org")
        row = {"address": "a@x.org", "canonical": "a@x.org", "domain": "x.org", "address_hash": address.hash}
        connection.execute(insert(Subscriber).values(row))
        ids = _mailing(connection, [Sent("a@x.org", "一院"), Sent("b@x.org", "一院")])
        connection.execute(text("UPDATE mailing SET tracking = 'individual'"))
        connection.execute(text("INSERT INTO reader_tracking (subscriber_id, wish) VALUES (1, 'individual')"))
        _read_by(connection, ids, [BROWSER, BROWSER], EventKind.OPEN)
        found = mailing_report(connection, 1)
        named = list(of_mailing(connection, 1, Wanted(opened=True)))
        assert list(of_mailing(connection, 1, Wanted(clicked=True))) == []
    assert [(one.address, one.opened_at) for one in named] == [("a@x.org", NOW + timedelta(hours=2))]
    assert len(named) == found.institutes[0].agreed.openers < found.reading.openers.people == 2


def test_the_sheet_has_a_line_for_each_recipient_and_its_columns_add_up_to_the_report(
    report: Report, jianbao: Jianbao, tmp_path: Path
) -> None:
    sheet = tmp_path / "report.csv"
    assert jianbao("mailing", "report", "1", "--csv", str(sheet)).exit_code == 0
    with sheet.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == report.total.recipients
    assert Counter(row["reach"] for row in rows) == {reach.value: getattr(report.total, reach.value) for reach in Reach}
    assert Counter(row["province"] or None for row in rows) == {g.name: g.tally.recipients for g in report.provinces}
    assert Counter(row["provider"] for row in rows) == {g.name: g.tally.recipients for g in report.providers}
    assert sum(bool(row["receipt_at"]) for row in rows) == report.total.receipts == 1
    assert sum(bool(row["unsubscribed_at"]) for row in rows) == report.total.unsubscribed == 1
    causes = Counter((row["state"], row["reason"] or None) for row in rows if row["reach"] != "reached")
    assert causes == {(cause.state, cause.reason): cause.recipients for cause in report.causes}
    (full,) = (row for row in rows if row["reason"] == "mailbox_full")
    assert (full["cause"], full["reply"], full["attempts"]) == ("邮箱已满", "552 <b>full</b>", "0")
    assert {row["cause"] for row in rows if row["reach"] == "reached"} == {""}


@pytest.mark.parametrize(
    ("words", "addresses"),
    [
        (("--reach", "open"), ["d@bj.example.org"]),
        (("--reach", "reached", "--state", "complained"), ["g@single.example.org"]),
        (("--province", "云南", "--state", "bounced"), ["b@yn.example.org"]),
        (("--reach", "open", "--state", "bounced"), []),
    ],
)
def test_numbers_are_listed_from_the_command_line(
    report: Report, jianbao: Jianbao, words: Sequence[str], addresses: list[str]
) -> None:
    del report
    listed = jianbao("mailing", "deliveries", "1", *words, "--json").output.splitlines()
    assert [json.loads(line)["address"] for line in listed] == addresses
