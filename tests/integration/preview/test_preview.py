"""The preview page: what it shows, what it lets nobody do, and that it knows when something has changed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine

from mailer import issues
from mailer.block import Picture, image
from mailer.issues import PublicationRecord, StoredIssue
from mailer.preview.shots import take_shots
from mailer.preview.simulations import Scheme, View
from mailer.preview.site import FRAMES, Frame, preview_app
from mailer.preview.sources import Source, issue_in_file
from mailer.render.sample import SAMPLE
from mailer.settings import Settings, read_settings
from tests.integration.web.client import Client, running

PUBLICATION = PublicationRecord(
    1, "bulletin", "信息集锦", "简报", "联谊会", "news@example.org", "ours", {}, needs_approval=False
)
HERE = {"host": "127.0.0.1"}


class Desk:
    """An issue that can be changed under the preview's eyes."""

    def __init__(self, settings: Settings) -> None:
        self.stored = StoredIssue(1, PUBLICATION, 7, 1, SAMPLE, (), (), datetime(2026, 11, 5, tzinfo=UTC), "editor")
        self.source = Source(lambda: self.stored, lambda: str(self.stored.revision), settings)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    folder = tmp_path / "themes" / "ours"
    folder.mkdir(parents=True)
    (folder / "theme.toml").write_text('title = "Ours"\nextends = "digest"\n')
    return Desk(read_settings({"JIANBAO_DATA_DIR": str(tmp_path)}, tmp_path / "none"))


@pytest.fixture
def client(desk: Desk) -> Iterator[Client]:
    with running(preview_app(desk.source)) as speaking:
        yield speaking


def get(client: Client, path: str) -> str:
    answer = client.request("GET", path, HERE)
    assert answer.status == 200, answer.text
    return answer.text


def test_the_page_shows_every_view_the_text_the_headers_and_the_size(client: Client) -> None:
    page = get(client, "/")

    assert page.count("<iframe") == len(FRAMES)
    for words in (
        "(simulated)",
        "caniemail.com",
        "Text part",
        "List-Unsubscribe",
        "message on the wire",
        "cut at its articles",
    ):
        assert words in page
    assert "【信息集锦】2026年第11期" in page


def test_each_view_is_the_mail_and_may_run_and_fetch_nothing(client: Client) -> None:
    for frame in FRAMES:
        answer = client.request("GET", f"/mail?view={frame.view}&scheme={frame.scheme}", HERE)
        assert "示例联谊会召开年度工作会议" in answer.text
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "script-src" not in answer.headers["content-security-policy"]


def test_another_theme_can_be_tried(client: Client) -> None:
    assert "要闻" in get(client, "/mail?theme=official")
    assert '<a href="/?theme=modern" aria-current="page">' in get(client, "/?theme=modern")
    assert client.request("GET", "/mail?theme=gothic", HERE).status == 400
    assert client.request("GET", "/mail?view=lynx", HERE).status == 400


def test_the_version_changes_with_the_issue_and_with_the_theme(client: Client, desk: Desk, tmp_path: Path) -> None:
    first = get(client, "/version")
    assert get(client, "/version") == first
    desk.stored = replace(desk.stored, revision=2)
    second = get(client, "/version")
    (tmp_path / "themes" / "ours" / "style.css").write_text("h1{letter-spacing:1px}")
    assert len({first, second, get(client, "/version")}) == 3


def test_a_faulty_theme_is_shown_as_a_fault_until_it_is_mended(client: Client, tmp_path: Path) -> None:
    template = tmp_path / "themes" / "ours" / "issue.html"
    template.write_text("\n{{ issue.weather }}")
    assert "ours/issue.html:2" in get(client, "/")
    template.unlink()
    assert "ours/issue.html" not in get(client, "/")


def test_what_authors_write_cannot_leave_its_place_on_the_page(client: Client, desk: Desk) -> None:
    article = replace(SAMPLE.articles[0], title="</pre><script>alert(1)</script>")
    desk.stored = replace(
        desk.stored, issue=replace(SAMPLE, title="<script>alert(2)</script>", articles=(article,), contents=())
    )

    assert "<script>alert" not in get(client, "/")


def test_only_this_machine_is_answered(client: Client) -> None:
    assert client.request("GET", "/", {"host": "evil.example"}).status == 400


def test_a_file_is_shown_as_it_would_be_imported_and_is_not_imported(engine: Engine, tmp_path: Path, client: Client) -> None:
    del client
    file = tmp_path / "issue.md"
    file.write_text("# 信息集锦\n\n2026年第3期\n\n## 第一篇\n\n会议在昆明召开，交流了经验。\n", encoding="utf-8")
    source = issue_in_file(engine, file, None, read_settings({"JIANBAO_DATA_DIR": str(tmp_path)}, tmp_path / "none"), "modern")
    before = source.version()
    assert "会议在昆明召开" in source.page()
    file.write_text(file.read_text().replace("昆明", "成都"), encoding="utf-8")

    assert "会议在成都召开" in source.page()
    assert source.version() != before
    with engine.connect() as connection:
        assert issues.issues(connection) == []
        assert issues.publications(connection) == []


def test_a_file_that_is_being_replaced_is_a_fault_until_it_is_there_again(engine: Engine, tmp_path: Path) -> None:
    file = tmp_path / "issue.md"
    file.write_text("# 信息集锦\n\n2026年第3期\n\n## 第一篇\n\n会议在昆明召开，交流了经验。\n", encoding="utf-8")
    settings = read_settings({"JIANBAO_DATA_DIR": str(tmp_path)}, tmp_path / "none")
    with running(preview_app(issue_in_file(engine, file, None, settings, "modern"))) as client:
        version = get(client, "/version")
        file.rename(tmp_path / "aside")
        assert "No such file" in get(client, "/")
        assert get(client, "/version") != version
        assert client.request("GET", "/mail", HERE).status == 400
        (tmp_path / "aside").rename(file)
        back = get(client, "/")
        assert "第一篇" in back
        assert "No such file" not in back


def test_pictures_are_seen_wherever_they_will_be_hosted(desk: Desk) -> None:
    picture = Picture("a.png", "a" * 64, 30, 20)
    article = replace(SAMPLE.articles[0], blocks=(image(picture, "示意图"),))
    desk.stored = replace(desk.stored, issue=replace(SAMPLE, articles=(article,)), pictures={"a" * 64: b"\x89PNG\r\n\x1a\nx"})

    assert 'src="data:image/png;base64,iVBORw0KGgp4"' in desk.source.page("official")


@pytest.mark.debian("chromium")
def test_pictures_are_as_wide_as_their_frame_and_as_high_as_the_mail(desk: Desk, tmp_path: Path) -> None:
    _, specimen = desk.source.specimen()
    (picture,) = take_shots(specimen.html, [Frame(View.AS_SENT, Scheme.DARK, 375)], tmp_path / "shots")
    octets = picture.read_bytes()

    assert picture.name == "as-sent-375-dark.png"
    assert octets.startswith(b"\x89PNG")
    assert int.from_bytes(octets[16:20], "big") == 375
    assert int.from_bytes(octets[20:24], "big") > 1000
