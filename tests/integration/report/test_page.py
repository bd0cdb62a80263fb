"""A mailing's report as a page: it stands by itself, and says what happened in plain Chinese."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, text

from mailer.events import Hit, record
from mailer.models import DeliveryState, EventKind
from mailer.reply import Meaning
from mailer.report import Report, mailing_report, render_report_html
from mailer.report.page import share, strokes
from mailer.report.tally import Tally
from mailer.report.wording import STATES, STATUSES, explain
from mailer.smtp.outcomes import Reason
from subscribers.db import transaction
from subscribers.models import SuppressionReason
from tests.integration.conftest import Jianbao
from tests.integration.report.conftest import (
    BOUNCED,
    BROWSER,
    NOW,
    PROVINCES,
    Sent,
    assert_adds_up,
    make_institutes,
    make_mailing,
    read_by,
)

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
        make_institutes(connection, PROVINCES)
        ids = make_mailing(connection, deliveries) if deliveries else make_mailing(connection, [Sent("a@x.org", None)])
        hits = [Hit(ids[place], kind, NOW, 0 if kind is EventKind.CLICK else None) for place, kind in seen if place < len(ids)]
        record(connection, hits)
        mailing_id = connection.execute(text("SELECT max(id) FROM mailing")).scalar_one()
        found = mailing_report(connection, mailing_id)
        rolled_back.rollback()
    assert found.total.recipients == max(len(deliveries), 1)
    assert_adds_up(found)
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
    assert re.search(r"涉及单位 4 家，寄到 1 家，未寄到 2 家，尚无结果 1 家。", page)
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


_OWN_PROVIDER = """
[[provider]]
key = "cas"
name_zh = "中国科学院邮件系统"
domains = ["cas.example"]
mx_suffixes = []
connections = [1, 2]
messages = 10
pace = [1, 1]
source = "a test"
"""


def test_a_provider_of_ones_own_is_called_by_its_name_and_one_that_is_known_no_more_by_its_key(
    engine: Engine, jianbao: Jianbao, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "providers.toml").write_text(_OWN_PROVIDER, encoding="utf-8")
    monkeypatch.setenv("JIANBAO_PROVIDERS_FILE", str(tmp_path / "providers.toml"))
    with transaction(engine) as connection:
        make_mailing(connection, [Sent(f"a@{key}.example", None, provider=key) for key in ("cas", "gone", "other")])
    made = jianbao("mailing", "report", "1", "--html", str(tmp_path / "report.html"))
    assert made.exit_code == 0, made.stderr
    tables = _parse((tmp_path / "report.html").read_text(encoding="utf-8"))
    (by_provider,) = (table for table in tables if table[0][0] == "服务商")
    assert sorted(row[0] for row in by_provider[1:-1]) == sorted(["中国科学院邮件系统", "gone", "其他"])


def test_the_page_stands_by_itself_and_what_servers_and_people_wrote_stays_text(report: Report) -> None:
    page = render_report_html(report)
    assert "552 &lt;b&gt;full&lt;/b&gt;" in page
    assert not re.search(r"<script|<link|<img|<iframe|\bon\w+=|url\(|@import|\b(?:src|href)=", page)


def test_a_finished_mailing_that_reached_everybody_has_no_list_of_failures(engine: Engine) -> None:
    with transaction(engine) as connection:
        make_institutes(connection, PROVINCES)
        make_mailing(connection, [Sent(f"{number}@x.org", name) for number, name in enumerate(PROVINCES)], links=())
        page = render_report_html(mailing_report(connection, 1))
    assert "其中 4 位的邮件服务器已经接收（100%）。" in page
    assert "涉及单位 4 家，全部寄到。" in page
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


def test_of_many_who_left_it_is_said_that_there_are_more_than_are_listed(engine: Engine) -> None:
    with transaction(engine) as connection:
        ids = make_mailing(connection, [Sent(f"{number}@x.org", None) for number in range(301)])
        record(connection, [Hit(delivery_id, EventKind.UNSUBSCRIBE, NOW) for delivery_id in ids])
        page = render_report_html(mailing_report(connection, 1))
    assert "这里列出前 300 位，共 301 位；其余见表格文件。" in page


def test_people_machines_and_the_unknown_add_up_and_the_page_shows_each(engine: Engine) -> None:
    with transaction(engine) as connection:
        ids = make_mailing(connection, [Sent(f"{number}@x.org", "一院") for number in range(6)])
        read_by(connection, ids, [BROWSER, BROWSER, BROWSER, "curl/8", "curl/8", "Thing/1"])
        found = mailing_report(connection, 1)
    clickers = found.reading.clickers
    assert (clickers.people, clickers.machines, clickers.unknown, clickers.total) == (3, 2, 1, 6)
    assert (found.links[0].people, found.links[0].readers) == (3, 6)
    page = render_report_html(found)
    assert '<tr><th scope="row">点过链接</th><td class="n">3</td><td class="n">2</td><td class="n">1</td>' in page


def test_where_nothing_is_counted_the_page_says_so_and_shows_no_numbers(engine: Engine) -> None:
    with transaction(engine) as connection:
        make_mailing(connection, [Sent(f"{number}@x.org", None) for number in range(6)])
        connection.execute(text("UPDATE mailing SET tracking = 'off'"))
        page = render_report_html(mailing_report(connection, 1))
    assert "不做阅读统计" in page
    assert "加载过图片" not in page
    counted = [table for table in _parse(page) if "点过链接的人" in table[0]]
    assert {row[table[0].index("点过链接的人")] for table in counted for row in table[1:]} == {"–"}


def test_the_page_tells_times_in_the_configured_zone(
    report: Report, jianbao: Jianbao, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del report
    monkeypatch.setenv("JIANBAO_TIME_ZONE", "Asia/Urumqi")
    assert jianbao("mailing", "report", "1", "--html", str(tmp_path / "report.html")).exit_code == 0
    assert "开始 2023年8月3日 07:00" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_a_double_number_is_named_whole(engine: Engine) -> None:
    with transaction(engine) as connection:
        make_mailing(connection, [Sent("a@x.org", None)])
        connection.execute(text("UPDATE issue SET last_number = 10"))
        page = render_report_html(mailing_report(connection, 1))
    assert "2023年第9-10期发送报告" in page
