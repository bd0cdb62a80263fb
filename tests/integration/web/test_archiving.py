"""The public archive: only what is public, only what was mailed, and nothing of anybody."""

from __future__ import annotations

import json
import re
from datetime import date, timedelta
from email.utils import format_datetime
from xml.etree.ElementTree import fromstring
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine, text

from mailer.archive import Archive, ArchivedIssue
from mailer.block import Block, BlockKind
from mailer.feeds import NEWEST, FeedFormat, feed
from mailer.issue import Article, Issue
from mailer.tokens import Purpose, Tokens
from mailer.web.app import create_app
from subscribers.db import transaction
from tests.integration.web.client import Client, running
from tests.integration.web.mailing import EDITION, NOW, freeze, send

ISSUE = Issue(
    publisher="中国科学技术院所联谊会",
    title="信息集锦",
    kind="简报",
    year=2023,
    number=9,
    total_number=190,
    date=date(2023, 8, 3),
    articles=(Article(1, "昆明会议 <召开>", (Block(BlockKind.PARAGRAPH, "详见 https://www.example.org/kunming 。"),)),),
)
ADDRESS = "/archive/bulletin"


@pytest.fixture
def archive(engine: Engine) -> None:
    """One public issue that was mailed, and one that was not yet."""
    with transaction(engine) as connection:
        send(connection, ["zhangsan@cas.example.org"])
        publication = connection.execute(text("SELECT id FROM publication")).scalar_one()
        freeze(connection, publication, 10, EDITION)
        connection.execute(
            text("UPDATE revision SET content = CAST(:content AS jsonb)"), {"content": json.dumps(ISSUE.to_json())}
        )
        connection.execute(text("UPDATE publication SET archive = 'public'"))


PLACES = ("", "/2023-09", "/feed.rss", "/feed.atom", "/feed.json")


@pytest.mark.usefixtures("archive")
def test_a_private_archive_is_answered_as_one_that_there_is_not(client: Client, engine: Engine) -> None:
    with transaction(engine) as connection:
        connection.execute(text("UPDATE publication SET archive = 'private'"))
    for place in PLACES:
        private, unknown = client.get(f"{ADDRESS}{place}"), client.get(f"/archive/nothing{place}")
        assert private.status == 404
        assert (private.body, private.headers) == (unknown.body, unknown.headers)


@pytest.mark.usefixtures("archive")
def test_it_lists_what_was_mailed_and_nothing_else(client: Client, engine: Engine) -> None:
    answer = client.get(ADDRESS)
    assert "信息集锦 2023年第9期（总第190期）" in answer.text
    assert "昆明会议 &lt;召开&gt;" in answer.text
    assert "第10期" not in answer.text
    assert '<time datetime="2023-08-03">2023年8月3日</time>' in answer.text
    assert '<time datetime="2023-08-03">3 August 2023</time>' in client.get(f"{ADDRESS}?lang=en").text
    assert client.get(f"{ADDRESS}/2023-10").status == client.get(f"{ADDRESS}/../u").status == 404
    with transaction(engine) as connection:
        connection.execute(text("UPDATE mailing SET status = 'cancelled'"))
    assert "第9期" not in client.get(ADDRESS).text


@pytest.mark.usefixtures("archive")
def test_an_issue_of_a_double_number_is_called_so_and_found_by_either(client: Client, engine: Engine) -> None:
    with transaction(engine) as connection:
        connection.execute(text("UPDATE issue SET last_number = 10, last_total_number = 191"))
    for place in ("", "/feed.rss", "/feed.atom", "/feed.json"):
        assert "2023年第9-10期（总第190-191期）" in client.get(f"{ADDRESS}{place}").text
    assert [client.get(f"{ADDRESS}/2023-{number}").status for number in ("08", "09", "10", "11")] == [404, 200, 200, 404]


@pytest.mark.usefixtures("archive", "redis_client")
def test_an_issue_without_a_date_is_of_the_day_on_which_it_was_mailed_here(
    engine: Engine, redis_url: str, tokens: Tokens
) -> None:
    with transaction(engine) as connection:
        connection.execute(text("UPDATE revision SET content = jsonb_set(content, '{date}', 'null')"))
        connection.execute(text("UPDATE mailing SET started_at = '2023-08-02T23:30:00Z'"))
    with running(create_app(engine, redis_url, tokens, zone=ZoneInfo("Asia/Shanghai"))) as client:
        assert '<time datetime="2023-08-03">2023年8月3日</time>' in client.get(ADDRESS).text


@pytest.mark.usefixtures("archive")
def test_nothing_in_it_is_of_anybody(client: Client, tokens: Tokens) -> None:
    kinds = "".join(client.get(f"{ADDRESS}{place}").text for place in PLACES)
    for word in ("zhangsan", "cas.example.org", "王老师", "云南省科学技术院", "退订", "寄送", "/o/", "/c/", "/u/", "/v/"):
        assert word not in kinds, word
    for purpose in Purpose:
        assert tokens.sign(purpose, 1) not in kinds
    assert not re.search(r'(?:href|src)="[^"]*[a-z2-7]{32}', kinds)


@pytest.mark.usefixtures("archive")
def test_the_issue_is_there_whole_with_its_links_as_they_are(client: Client) -> None:
    answer = client.get(f"{ADDRESS}/2023-09")
    assert answer.status == 200
    assert 'href="https://www.example.org/kunming"' in answer.text
    assert 'href="#article-1"' in answer.text
    assert "各位同仁" in answer.text or "昆明会议" in answer.text
    assert "sandbox" in answer.headers["content-security-policy"]


@pytest.mark.usefixtures("archive")
def test_what_is_public_may_be_kept_and_found(client: Client) -> None:
    for place in PLACES:
        headers = client.get(f"{ADDRESS}{place}").headers
        assert headers["cache-control"] == "public, max-age=300"
        assert headers["x-robots-tag"] == "all"
        assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.usefixtures("archive")
def test_a_cache_gives_no_reader_the_list_in_the_language_of_another(client: Client) -> None:
    answers = [client.request("GET", ADDRESS, {"accept-language": language}) for language in ("en", "zh-CN")]
    assert [answer.headers["content-language"] for answer in answers] == ["en", "zh-CN"]
    assert {answer.headers["vary"] for answer in answers} == {"Accept-Language"}


@pytest.mark.usefixtures("archive")
def test_each_feed_names_the_issue_and_where_it_is(client: Client) -> None:
    link = "https://bulletin.example.org/archive/bulletin/2023-09"
    rss = client.get(f"{ADDRESS}/feed.rss")
    assert rss.headers["content-type"].startswith("application/rss+xml")
    assert [item.text for item in fromstring(rss.body).findall("channel/item/link")] == [link]
    assert "昆明会议 &lt;召开&gt;" in str(fromstring(rss.body).findtext("channel/item/description"))  # of HTML
    atom = fromstring(client.get(f"{ADDRESS}/feed.atom").body)
    assert [entry.text for entry in atom.findall("{*}entry/{*}id")] == [link]
    document = json.loads(client.get(f"{ADDRESS}/feed.json").body)
    assert document["version"] == "https://jsonfeed.org/version/1.1"
    assert [item["url"] for item in document["items"]] == [link]
    assert document["items"][0]["title"] == "信息集锦 2023年第9期（总第190期）"


@pytest.mark.usefixtures("archive")
def test_a_feed_reads_the_issues_that_it_tells_and_a_page_the_one_that_it_shows(client: Client, engine: Engine) -> None:
    later = NOW + timedelta(days=1)
    with transaction(engine) as connection:
        for number in range(11, 11 + NEWEST):
            send(connection, [f"reader{number}@cas.example.org"], slug=f"list{number}", number=number)
        content = {"content": json.dumps(ISSUE.to_json())}
        connection.execute(text("UPDATE revision SET content = CAST(:content AS jsonb) WHERE content = '{}'"), content)
        # The oldest issue, the first one, can no longer be read, and was mailed once more.
        connection.execute(text("UPDATE revision SET content = '{}' WHERE id = 1"))
        connection.execute(text("UPDATE mailing SET started_at = :later WHERE id = 1"), {"later": later})
    assert client.get(f"{ADDRESS}/2023-11").status == 200
    refs = [f"2023-{number}" for number in reversed(range(11, 11 + NEWEST))]
    channel = fromstring(client.get(f"{ADDRESS}/feed.rss").body)
    assert [str(link.text).rpartition("/")[2] for link in channel.findall("channel/item/link")] == refs
    assert channel.findtext("channel/lastBuildDate") == format_datetime(later)
    assert fromstring(client.get(f"{ADDRESS}/feed.atom").body).findtext("{*}updated") == later.isoformat()


@pytest.mark.usefixtures("archive")
def test_an_issue_is_as_old_as_its_first_mailing_and_changed_with_its_last_revision(client: Client, engine: Engine) -> None:
    def dates() -> list[str | None]:
        item = fromstring(client.get(f"{ADDRESS}/feed.rss").body).findtext("channel/item/pubDate")
        entry = fromstring(client.get(f"{ADDRESS}/feed.atom").body)
        return [item, *(entry.findtext(f"{{*}}entry/{{*}}{name}") for name in ("published", "updated"))]

    first, later = NOW.isoformat(), NOW + timedelta(days=30)
    assert dates() == [format_datetime(NOW), first, first]
    again = text("""
        INSERT INTO mailing (issue_id, edition_id, list_ids, excluded_list_ids, terms, status, at, started_at, created_by)
        SELECT issue_id, :edition, list_ids, excluded_list_ids, terms, status, :later, :later, created_by FROM mailing LIMIT 1""")
    with transaction(engine) as connection:
        connection.execute(again, {"edition": 1, "later": later})  # to those who joined since
    assert dates() == [format_datetime(NOW), first, first]
    with transaction(engine) as connection:
        connection.execute(text("UPDATE revision SET issue_id = 1, number = 2 WHERE id = 2"))
        connection.execute(again, {"edition": 2, "later": later + timedelta(days=1)})
    assert dates() == [format_datetime(NOW), first, (later + timedelta(days=1)).isoformat()]


@pytest.mark.usefixtures("archive")
def test_lists_read_of_an_issue_its_date_and_headlines_alone(client: Client, engine: Engine) -> None:
    told = {place: client.get(f"{ADDRESS}{place}").body for place in PLACES if place != "/2023-09"}
    assert "昆明会议 &lt;召开&gt;" in told[""].decode()
    assert '<time datetime="2023-08-03">' in told[""].decode()
    heads = {"date": "2023-08-03", "articles": [{"title": "昆明会议 <召开>"}]}
    with transaction(engine) as connection:
        connection.execute(text("UPDATE revision SET content = CAST(:heads AS jsonb)"), {"heads": json.dumps(heads)})
    assert {place: client.get(f"{ADDRESS}{place}").body for place in told} == told


@pytest.mark.parametrize("kind", FeedFormat)
def test_a_feed_can_be_read_whatever_its_issues_are_called(kind: FeedFormat) -> None:
    title = "]]> & <b> \x00\x0b\x1f \ufffe 乱 \N{OCTOPUS}"
    empty = Archive("slug", title, title, title, "official", {}, None, ())
    full = Archive(
        "slug", title, title, title, "official", {}, NOW, (ArchivedIssue(1, 2023, 9, None, NOW, NOW, None, (title,)),)
    )
    for archive in (empty, full):
        content = feed(archive, kind, "https://x.example")
        if kind is FeedFormat.JSON:
            json.loads(content)
        else:
            fromstring(content)
