"""Mail as a reader sees it, in every theme: on phones and desks, in light and dark, with and without its style sheet.

`.venv/bin/python -m tests.e2e.theme_pictures` takes the pictures of the documentation anew.
"""

import html
import itertools
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from mailer.block import BlockKind, Cell, Inline, table, text_block
from mailer.edition import fill
from mailer.importers.text import read_text_issue
from mailer.issue import Issue
from mailer.notice_mail import Confirmation, Probe, compose_confirmation, compose_probe
from mailer.render import SHIPPED, render, theme_names
from mailer.render.sample import SAMPLE as RICH
from tests.e2e.browsers import AXE, Scheme
from tests.paths import BULLETINS, PROJECT
from tests.unit.message.composing import DATE, LETTERHEAD, Read
from tests.unit.render.issues import IMPRINT, SAMPLE, VALUES, article, issue, item, paragraph

JAR = Path(os.environ.get("JIANBAO_VNU_JAR") or PROJECT / "node_modules/vnu-jar/build/dist/vnu.jar")
THEMES = theme_names([SHIPPED])
# A mail stands inside the program's own page, whose landmarks these two rules look for; one of its own would be a second.
EXPLAINED = {"landmark-one-main", "region"}

WIDE = table(
    [
        tuple(
            Cell(head, header=True)
            for head in ("序号", "项目名称", "承担单位", "负责人", "经费（万元）", "起止", "结论", "备注")
        ),
        tuple(
            map(
                Cell,
                (
                    "1",
                    "高原特色农业种质资源精准评价与创新利用",
                    "云南省农业科学院生物技术与种质资源研究所",
                    "李明",
                    "1,250.00",
                    "2021.01—2023.12",
                    "优秀",
                    f"见https://www.example.cn/{'a' * 60}",
                ),
            )
        ),
    ]
)
CROWDED = table(
    [
        tuple(map(Cell, ("项目名称", "承担单位", "金额", "起止"))),
        tuple(
            map(Cell, ("仪器共享平台的建设与运行维护", "lizhongguo@institute.example.cn", "12,345,678.90", "2021.01—2023.12"))
        ),
        tuple(map(Cell, ("Intelligent microscopy", "云南省农业科学院", "010-12345678", "2023年10月12日"))),
    ]
)
DEEP = text_block(BlockKind.ITEM, [Inline("在许多层之下的条目，是从网页上来的。")], level=40)
EDGES = issue(
    article(1, "关于开展2024年度科研院所科技成果转化示范单位申报工作的通知", paragraph("A" * 200), item("1. 甲"), item("乙")),
    article(2, "短题", paragraph(f"见http://www.example.cn/{'a' * 120}，谢谢"), WIDE, CROWDED, DEEP),
    title="科研院所信息集锦与动态",
    kind="",
    publisher="中国科学技术院所联谊会　中国科学技术发展战略研究院",
    date=None,
)
ISSUES = {"sample": SAMPLE, "edges": EDGES, "rich": RICH}
if BULLETINS:
    ISSUES["bulletin"] = read_text_issue((BULLETINS / "2023-09.txt").read_bytes(), "2023-09.txt").issue

# Every element with text of its own, seen by the reader: its words, its size, and how its colour stands out (WCAG 2.2 §1.4.3).
SEEN_TEXTS = """() => {
  const channel = v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const luminance = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const numbers = colour => colour.match(/[\\d.]+/g).map(Number);
  const background = element => {
    for (let e = element; e; e = e.parentElement) {
      const colour = numbers(getComputedStyle(e).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  return [...document.body.querySelectorAll("*")].filter(e =>
    e.checkVisibility() && !e.closest("[aria-hidden]") && [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim())
  ).map(e => {
    const style = getComputedStyle(e), pair = [luminance(numbers(style.color)), luminance(background(e))].sort((a, b) => b - a);
    return {words: e.textContent.trim(), tag: e.tagName, size: parseFloat(style.fontSize), height: parseFloat(style.lineHeight),
            contrast: (pair[0] + 0.05) / (pair[1] + 0.05)};
  });
}"""
# Whether 〔打开网页〕 is on one line, and on it what stands behind it.
STOP_IS_BESIDE_LINK = """() => {
  const link = document.querySelector(".link.brief"), [box, ...others] = link.getClientRects(), words = document.createRange();
  words.setStart(link.nextSibling, 0);
  words.setEnd(link.nextSibling, 1);
  return !others.length && words.getBoundingClientRect().top < box.bottom;
}"""
INNER_WIDTH = "() => document.documentElement.scrollWidth"


def mail(shown: Issue, *, styled: bool = True, tracking: bool = True, theme: str = "official") -> str:
    """The HTML of one recipient's mail; not `styled` is what webmail leaves that takes style sheets out."""
    page = fill(render(shown, imprint=IMPRINT, tracking=tracking, theme=theme).html, VALUES, escape=html.escape)
    return page if styled else re.sub(r"<style.*?</style>|\sclass=\"[^\"]*\"", "", page, flags=re.DOTALL)


def opened(browser: Browser, content: str, width: int, scheme: Scheme = "light") -> Page:
    """The mail in a window; nothing is fetched from anywhere."""
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page.route("**/*", lambda route: route.abort())
    page.set_content(content, wait_until="domcontentloaded")
    return page


@pytest.mark.parametrize("styled", [True, False])
@pytest.mark.parametrize(
    ("theme", "name"), [("official", "edges"), ("digest", "edges"), *((theme, "rich") for theme in THEMES)]
)
def test_nobody_has_to_scroll_sideways(browser: Browser, theme: str, name: str, styled: bool) -> None:
    content = mail(ISSUES[name], styled=styled, theme=theme)
    for width in (320, 600, 1000):
        page = opened(browser, content, width)
        assert page.evaluate(INNER_WIDTH) <= width
        page.close()


@pytest.mark.parametrize("styled", [True, False])
def test_a_wide_table_breaks_no_number_and_slides_on_a_phone(browser: Browser, styled: bool) -> None:
    lines = """() => Object.fromEntries([...document.querySelectorAll("td")].filter(e => !e.children.length).map(e => {
      const range = document.createRange();
      range.selectNodeContents(e);
      return [e.textContent.trim(), new Set([...range.getClientRects()].map(r => r.top)).size];
    }))"""
    slides = "() => (e => e.scrollWidth - e.clientWidth)(document.querySelector('div[tabindex]'))"
    whole = ("1", "李明", "1,250.00", "优秀", "12,345,678.90")
    sliding = {}
    for width in (360, 1000):
        page = opened(browser, mail(EDGES, styled=styled), width)
        counted = page.evaluate(lines)
        assert [counted[text] for text in whole] == [1] * len(whole)
        assert counted["云南省农业科学院生物技术与种质资源研究所"] <= 7
        sliding[width] = page.evaluate(slides)
        page.close()
    assert sliding[1000] == 0 < sliding[360]


@pytest.mark.parametrize("theme", THEMES)
def test_the_link_behind_an_address_is_not_broken_and_the_full_stop_after_it_begins_no_line(
    browser: Browser, theme: str
) -> None:
    shown = issue(article(1, "学术月通知", paragraph("各会员单位可在网上查阅，详见 https://www.example.cn/a。请转告。")))
    page = browser.new_page()
    page.set_content(mail(shown, theme=theme))
    for width in range(320, 720, 5):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate(STOP_IS_BESIDE_LINK), width
    page.close()


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_notice_is_as_wide_as_the_phone_and_says_its_language_without_its_head(browser: Browser, language: str) -> None:
    confirmation = Confirmation(1, "zhang@iphy.example.cn", "c" * 32, "信息集锦", language, 7, DATE)
    probe = Probe(1, "zhang@iphy.example.cn", "p" * 32, language, DATE)
    for message in (compose_confirmation(confirmation, LETTERHEAD, ()), compose_probe(probe, LETTERHEAD, ())):
        page = browser.new_page(viewport={"width": 360, "height": 800}, is_mobile=True)
        page.set_content(Read.from_octets(message.content).html, wait_until="domcontentloaded")
        assert page.evaluate("[innerWidth, document.documentElement.scrollWidth]") == [360, 360]
        assert page.evaluate("document.body.firstElementChild.lang") == {"zh": "zh-CN", "en": "en"}[language]
        page.close()


@pytest.mark.parametrize(("styled", "scheme"), [(True, "light"), (True, "dark"), (False, "light")])
@pytest.mark.parametrize("theme", THEMES)
def test_every_word_stands_out_from_its_ground(browser: Browser, theme: str, styled: bool, scheme: Scheme) -> None:
    page = opened(browser, mail(RICH, styled=styled, tracking=False, theme=theme), 680, scheme)
    texts = page.evaluate(SEEN_TEXTS)
    page.close()

    assert len(texts) > 20
    assert not [text for text in texts if text["contrast"] < 4.5]


@pytest.mark.parametrize("styled", [True, False])
def test_articles_are_set_large_and_wide_enough_to_read(browser: Browser, styled: bool) -> None:
    for width in (320, 680):
        page = opened(browser, mail(SAMPLE, styled=styled), width)
        bodies = [block.text[:20] for each in SAMPLE.articles for block in each.blocks]
        texts = [text for text in page.evaluate(SEEN_TEXTS) if text["words"][:20] in bodies]
        page.close()

        assert len(texts) == len(bodies)
        assert all(text["size"] >= 16 and text["height"] / text["size"] > 1.59 for text in texts)


@pytest.mark.parametrize("theme", THEMES)
def test_the_dark_scheme_darkens_the_whole_page(browser: Browser, theme: str) -> None:
    light, dark = (opened(browser, mail(RICH, theme=theme), 680, scheme) for scheme in ("light", "dark"))
    grounds = "() => [...document.querySelectorAll('body, td')].map(e => getComputedStyle(e).backgroundColor)"

    assert not set(light.evaluate(grounds)) & set(dark.evaluate(grounds)) - {"rgba(0, 0, 0, 0)"}
    light.close()
    dark.close()


def test_the_preheader_is_not_seen_and_no_image_but_the_pixel_is_asked_for(browser: Browser) -> None:
    page = browser.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.route("**/*", lambda route: route.abort())
    page.set_content(mail(SAMPLE), wait_until="domcontentloaded")

    assert not page.locator(".first").is_visible()
    assert page.locator("h1").is_visible()
    page.close()
    assert [url for url in asked if url.startswith("http")] == [url for url in VALUES.values() if url.endswith(".gif")]


@pytest.mark.parametrize("name", ISSUES)
def test_a_mail_is_light_enough_to_arrive_whole(name: str) -> None:
    assert len(mail(ISSUES[name]).encode()) < 55_000  # Gmail cuts at about 102 KB, and in base64 this is three quarters of it


def test_the_nu_html_checker_finds_no_error(tmp_path: Path) -> None:
    java = shutil.which("java")
    if not java or not JAR.is_file():
        pytest.skip("needs java and the Nu HTML checker: `npm install vnu-jar`, or its jar in JIANBAO_VNU_JAR")
    files = []
    wanted = [*itertools.product(ISSUES, ["official"], (True, False)), *itertools.product(["edges", "rich"], THEMES, [True])]
    for name, theme, tracking in wanted:
        files.append(tmp_path / f"{name}-{theme}-{tracking}.html")
        files[-1].write_text(mail(ISSUES[name], tracking=tracking, theme=theme), encoding="utf-8")
    done = subprocess.run([java, "-jar", JAR, "--errors-only", *files], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("theme", THEMES)
def test_axe_finds_nothing_that_is_not_explained(browser: Browser, theme: str, scheme: Scheme) -> None:
    if not AXE.is_file():
        pytest.skip("needs axe-core: `npm install axe-core`, or its axe.min.js in JIANBAO_AXE")
    page = opened(browser, mail(RICH, theme=theme), 680, scheme)
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run().then(result => result.violations.map(each => [each.id, each.nodes[0].html]))")
    page.close()

    assert [each for each in found if each[0] not in EXPLAINED] == []
