"""The readers' pages in Chromium: by keyboard, without a script, on a phone and a desk, in light and dark, for everybody's eyes.

`.venv/bin/python -m tests.e2e.test_pages_in_browser FOLDER` takes a screenshot of each.
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis
import uvicorn
from playwright.sync_api import Browser, BrowserContext, Page
from sqlalchemy import Engine, text

from mailer.block import Block, BlockKind
from mailer.issue import Article, Issue
from mailer.preferences import set_reading
from mailer.report import mailing_report, render_report_html
from mailer.tokens import Purpose, Tokens
from mailer.web.app import create_app
from subscribers.address import parse_address
from subscribers.db import transaction
from subscribers.models import TrackingMode
from subscribers.sign_ups import Asked, sign_up
from subscribers.store import NewSubscriber, add_subscribers, create_list
from tests.e2e.browsers import AXE, SCHEMES, Scheme, chromium
from tests.integration.web.mailing import NOW, send

WIDTHS = (320, 375, 1280)
TOKENS = Tokens(b"a key for the tests alone")
ISSUE = Issue(
    publisher="中国科学技术院所联谊会",
    title="信息集锦",
    kind="简报",
    year=2023,
    number=9,
    total_number=190,
    date=None,
    articles=tuple(
        Article(number, title, (Block(BlockKind.PARAGRAPH, "开放共享没有捷径。" * 30),))
        for number, title in enumerate(
            (
                "科研院所社团工作会议在昆明召开",
                "完善科技金融服务体系，助力成果转化",
                "通知：www.example.org/Annual_Conference_of_Research_Institutes",
            ),
            1,
        )
    ),
)


@contextmanager
def served(engine: Engine, redis_url: str) -> Iterator[str]:
    """The application on a port of this machine, its clock at the tests' time."""
    app = create_app(engine, redis_url, TOKENS, base_url="http://127.0.0.1", clock=lambda: NOW)
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, lifespan="on"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            thread.join(0.01)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


def prepare(engine: Engine) -> None:
    """A reader on two lists, and a public issue."""
    with transaction(engine) as connection:
        sent = send(connection, ["zhangsan@cas.example.org"])
        connection.execute(text("UPDATE mailing_list SET name = '会员单位通讯录'"))
        other = create_list(connection, "notices", "通知与征文NoticesOfTheAssociationAndCallsForPapers", double_opt_in=True)
        asked = Asked(other, parse_address("lisi@cas.example.org"), "192.0.2.0/24", "2026-11", NOW)
        assert sign_up(connection, asked) == 1
        person = [NewSubscriber(parse_address("zhangsan@cas.example.org"))]
        add_subscribers(connection, person, other, method="import", evidence="test")
        set_reading(connection, sent.list_id, tracking=TrackingMode.INDIVIDUAL, frequencies=[30, 90])
        content = json.dumps(ISSUE.to_json())
        connection.execute(text("UPDATE revision SET content = CAST(:content AS jsonb)"), {"content": content})
        connection.execute(text("UPDATE publication SET archive = 'public', receipt = true"))


def path(purpose: Purpose, tail: str = "") -> str:
    """An address of the first delivery's."""
    return f"/{purpose}/{TOKENS.sign(purpose, 1)}{tail}"


def _fill_in_wrongly(page: Page) -> None:
    page.get_by_label("接任者邮箱").evaluate("field => { field.type = 'text'; field.value = 'nobody' }")
    page.get_by_role("button", name="提交接任者").click()


def _undo(page: Page) -> None:
    page.get_by_role("button", name="确认退订").click()
    page.get_by_role("button", name="点错了").click()


def _undo_in_english(page: Page) -> None:
    page.get_by_role("button", name="Unsubscribe").click()
    page.get_by_role("button", name="That was a mistake").click()


def _join(page: Page) -> None:
    page.get_by_label("邮箱").fill("wangwu@cas.example.org")
    page.get_by_role("button", name="订阅").click()


# Every page a reader may see: its address, and what is done there first.
PAGES: dict[str, tuple[str, Callable[[Page], None] | None]] = {
    "leave": (path(Purpose.UNSUBSCRIBE), None),
    "leave in English": (path(Purpose.UNSUBSCRIBE, "?lang=en"), None),
    "goodbye": (path(Purpose.UNSUBSCRIBE), lambda page: page.get_by_role("button", name="确认退订").click()),
    "goodbye in English": (
        path(Purpose.UNSUBSCRIBE, "?lang=en"),
        lambda page: page.get_by_role("button", name="Unsubscribe").click(),
    ),
    "restored": (path(Purpose.UNSUBSCRIBE), _undo),
    "restored in English": (path(Purpose.UNSUBSCRIBE, "?lang=en"), _undo_in_english),
    "preferences": (path(Purpose.PREFERENCES), None),
    "preferences in English": (path(Purpose.PREFERENCES, "?lang=en"), None),
    "saved": (path(Purpose.PREFERENCES), lambda page: page.get_by_role("button", name="保存").click()),
    "at fault": (path(Purpose.PREFERENCES), _fill_in_wrongly),
    "receipt": (path(Purpose.VIEW, "/receipt"), None),
    "received": (path(Purpose.VIEW, "/receipt"), lambda page: page.get_by_role("button", name="确认收到").click()),
    "receipt in English": (path(Purpose.VIEW, "/receipt?lang=en"), None),
    "received in English": (path(Purpose.VIEW, "/receipt?lang=en"), lambda page: page.get_by_role("button").first.click()),
    "join": ("/join/notices", None),
    "join in English": ("/join/notices?lang=en", None),
    "join too quickly": ("/join/notices", _join),
    "confirm": (path(Purpose.CONFIRM), None),
    "confirmed": (path(Purpose.CONFIRM), lambda page: page.get_by_role("button", name="确认订阅").click()),
    "archive": ("/archive/bulletin", None),
    "archive in English": ("/archive/bulletin?lang=en", None),
    "no such page": ("/nothing", None),
}


@pytest.fixture
def site(engine: Engine, redis_client: redis.Redis, redis_url: str) -> Iterator[str]:
    prepare(engine)
    with served(engine, redis_url) as url:
        yield url


@contextmanager
def context(browser: Browser, width: int = 1280, scheme: Scheme = "light", *, script: bool = True) -> Iterator[BrowserContext]:
    """A browser of that width."""
    made = browser.new_context(
        viewport={"width": width, "height": 800}, color_scheme=scheme, java_script_enabled=script, locale="zh-CN"
    )
    yield made
    made.close()


def opened(within: BrowserContext, site: str, name: str) -> Page:
    """One of PAGES."""
    address, first = PAGES[name]
    page = within.new_page()
    page.goto(site + address)
    if first:
        first(page)
        page.wait_for_load_state()
    return page


SMALL_TARGETS = """() => [...document.querySelectorAll("button, select, input, label.choice")]
  .filter(e => e.checkVisibility()).map(e => [e, e.getBoundingClientRect()])
  .filter(([e, box]) => Math.min(box.width, box.height) < (e.closest("label.choice input") ? 22 : 24))
  .map(([e, box]) => e.outerHTML)"""


def test_axe_finds_nothing_and_everything_can_be_reached_at_any_width_in_light_and_dark(browser: Browser, site: str) -> None:
    if not AXE.is_file():
        pytest.skip("needs axe-core: `npm install axe-core`, or its axe.min.js in JIANBAO_AXE")
    axe = AXE.read_text()
    faults = {}
    for name in PAGES:
        with context(browser) as within:
            page = opened(within, site, name)
            page.evaluate(axe)
            for scheme in SCHEMES:
                page.emulate_media(color_scheme=scheme)
                result = page.evaluate("axe.run({resultTypes: ['violations']})")
                assert len(result["passes"]) > 5, name
                if result["violations"]:
                    faults[name, scheme] = [(one["id"], one["nodes"][0]["html"]) for one in result["violations"]]
            for width in WIDTHS:
                page.set_viewport_size({"width": width, "height": 800})
                if page.evaluate("document.documentElement.scrollWidth") > width or page.evaluate(SMALL_TARGETS):
                    faults[name, str(width)] = page.evaluate(SMALL_TARGETS)
    assert faults == {}


def test_axe_finds_nothing_in_a_report(browser: Browser, engine: Engine) -> None:
    if not AXE.is_file():
        pytest.skip("needs axe-core: `npm install axe-core`, or its axe.min.js in JIANBAO_AXE")
    prepare(engine)
    with transaction(engine) as connection:
        connection.execute(text("UPDATE delivery SET settled_at = now(), reason = 'unknown_user', state = 'bounced'"))
        report = render_report_html(mailing_report(connection, 1))
    with context(browser, 375) as within:
        page = within.new_page()
        page.set_content(report)
        page.evaluate(AXE.read_text())
        result = page.evaluate("axe.run({resultTypes: ['violations']})")
        assert [(one["id"], one["nodes"][0]["html"]) for one in result["violations"]] == []
        assert page.evaluate("document.documentElement.scrollWidth") <= 375


def test_leaving_and_coming_back_takes_no_script_and_no_mouse(browser: Browser, site: str, engine: Engine) -> None:
    def state() -> str:
        with transaction(engine) as connection:
            return str(connection.execute(text("SELECT state FROM subscription WHERE list_id = 1")).scalar_one())

    with context(browser, 375, script=False) as within:
        page = within.new_page()
        page.goto(site + path(Purpose.UNSUBSCRIBE))
        page.keyboard.press("Tab")
        with page.expect_navigation():
            page.keyboard.press("Enter")
        assert page.title() == "已经退订"
        assert state() == "unsubscribed"
        page.keyboard.press("Tab")
        with page.expect_navigation():
            page.keyboard.press("Space")
        assert page.title() == "已经恢复订阅"
        assert state() == "confirmed"
        assert within.cookies() == []


def test_preferences_are_changed_without_a_script_by_keyboard_alone(browser: Browser, site: str, engine: Engine) -> None:
    with context(browser, script=False) as within:
        page = within.new_page()
        page.goto(site + path(Purpose.PREFERENCES))
        page.keyboard.press("Tab")  # the first list
        page.keyboard.press("Space")
        with page.expect_navigation():
            page.keyboard.press("Enter")
        assert page.get_by_role("status").inner_text() == "设置已保存，立即生效。"
        page.get_by_label("姓名", exact=True).fill("张三")
        with page.expect_navigation():
            page.get_by_role("button", name="提交修改").press("Enter")
        assert "核对后更新" in page.get_by_role("status").inner_text()
        assert within.cookies() == []
    with transaction(engine) as connection:
        assert connection.execute(text("SELECT list_id FROM subscription WHERE state = 'unsubscribed'")).scalars().all() == [1]
        assert connection.execute(text("SELECT fields FROM proposal")).scalars().all() == [{"name": "张三"}]


def test_an_address_with_a_chinese_name_is_taken_which_browsers_would_refuse(browser: Browser, site: str) -> None:
    with context(browser, script=False) as within:
        page = within.new_page()
        page.goto(site + path(Purpose.PREFERENCES))
        page.get_by_label("接任者邮箱").fill("张三@例子.中国")
        page.get_by_role("button", name="提交接任者").click()
        assert page.get_by_role("status").inner_text().startswith("已转给编辑")
        page.goto(f"{site}/join/notices")
        page.get_by_label("邮箱").fill("张三@例子.中国")
        page.get_by_role("button", name="订阅").click()
        assert "提交得太快" in page.get_by_role("alert").inner_text()  # by the clock of the tests, which stands still


def test_the_other_language_is_one_step_away_and_stays_through_the_act(browser: Browser, site: str) -> None:
    with context(browser, script=False) as within:
        page = within.new_page()
        page.goto(site + path(Purpose.UNSUBSCRIBE))
        page.get_by_role("link", name="English").click()
        page.get_by_role("button", name="Unsubscribe").click()
        page.get_by_role("button", name="That was a mistake").click()
        assert page.title() == "You are subscribed again"


def test_from_the_issue_a_reader_gives_a_receipt(browser: Browser, site: str, engine: Engine) -> None:
    with context(browser, 375, script=False) as within:
        page = within.new_page()
        page.goto(site + path(Purpose.VIEW, "/receipt"))
        page.get_by_role("button", name="确认收到").click()
        assert page.title() == "回执已收到"
    with transaction(engine) as connection:
        assert connection.execute(text("SELECT delivery_id FROM receipt")).scalars().all() == [1]


def test_the_archive_leads_to_the_issue(browser: Browser, site: str) -> None:
    with context(browser, 375, script=False) as within:
        page = within.new_page()
        page.goto(f"{site}/archive/bulletin")
        assert page.evaluate("document.documentElement.scrollWidth") <= 375, "also with words longer than a line"
        page.get_by_role("link", name="信息集锦 2023年第9期").click()
        assert page.get_by_role("heading", name="科研院所社团工作会议在昆明召开").is_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= 375


def take_screenshots(folder: Path, engine: Engine, redis_url: str) -> None:
    """Photograph every page, as a phone and a desk show it."""
    folder.mkdir(parents=True, exist_ok=True)
    with served(engine, redis_url) as site, chromium() as started:
        for name in PAGES:
            for width in (375, 1280):
                for scheme in SCHEMES:
                    with context(started, width, scheme) as within:
                        page = opened(within, site, name)
                        page.screenshot(path=folder / f"{name.replace(' ', '-')}-{width}-{scheme}.png", full_page=True)


if __name__ == "__main__":
    from mailer import migrations
    from mailer.embedded import embedded_services
    from subscribers.db import make_engine

    target = Path(sys.argv[1])
    with embedded_services(target / "services") as urls:
        made = make_engine(urls.database)
        with made.begin() as schema:
            migrations.upgrade(schema)
        prepare(made)
        take_screenshots(target, made, urls.redis)
        made.dispose()
