"""A publication's public issues as feeds: RSS 2.0, Atom (RFC 4287), JSON Feed 1.1. Readers' programs ask for them by the hour."""

from __future__ import annotations

import html
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from enum import StrEnum
from types import MappingProxyType
from xml.etree.ElementTree import Element, SubElement, register_namespace, tostring

from mailer.archive import Archive, ArchivedIssue
from mailer.issue import kind_below

_ATOM = "http://www.w3.org/2005/Atom"
_LANGUAGE = "zh-CN"
NEWEST = 50  # How many issues a feed tells.
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)  # when a feed without issues was last changed
# XML 1.0 §2.2
_NO_CONTROLS = dict.fromkeys(number for number in (*range(0x20), 0xFFFE, 0xFFFF) if number not in (9, 10, 13))

register_namespace("atom", _ATOM)


class FeedFormat(StrEnum):
    """The formats; the values end the feeds' addresses."""

    RSS = "rss"
    ATOM = "atom"
    JSON = "json"


MEDIA_TYPES: Mapping[FeedFormat, str] = MappingProxyType(
    {
        FeedFormat.RSS: "application/rss+xml",
        FeedFormat.ATOM: "application/atom+xml",
        FeedFormat.JSON: "application/feed+json",
    }
)


def feed(archive: Archive, kind: FeedFormat, base_url: str) -> bytes:
    """The newest issues as a feed; `base_url` is where the pages are, without a slash at its end."""
    home = f"{base_url}/archive/{archive.slug}"
    return _WRITERS[kind](archive, home)


def issue_title(archive: Archive, one: ArchivedIssue) -> str:
    """What an issue is called: 信息集锦 2023年第9期（总第190期）."""
    return f"{archive.title or archive.kind} {one.number_line}"


def _rss(archive: Archive, home: str) -> bytes:
    """RSS 2.0, whose descriptions are HTML to every reader: in plain text a <通知> would be a tag."""
    root = Element("rss", version="2.0")
    channel = SubElement(root, "channel")
    _texts(channel, title=_name(archive), link=home, description=html.escape(_about(archive)), language=_LANGUAGE)
    SubElement(channel, f"{{{_ATOM}}}link", rel="self", type=MEDIA_TYPES[FeedFormat.RSS], href=f"{home}/feed.rss")
    SubElement(channel, "lastBuildDate").text = format_datetime(_changed(archive))
    for one in archive.issues[:NEWEST]:
        item = SubElement(channel, "item")
        link = f"{home}/{one.ref}"
        _texts(item, title=issue_title(archive, one), link=link, description=html.escape(_summary(one)), guid=link)
        SubElement(item, "pubDate").text = format_datetime(one.published_at.astimezone(UTC))
    return _document(root)


def _atom(archive: Archive, home: str) -> bytes:
    root = Element("feed", {"xmlns": _ATOM, "xml:lang": _LANGUAGE})
    _texts(root, id=home, title=_name(archive), subtitle=_about(archive), updated=_changed(archive).isoformat())
    SubElement(root, "link", rel="self", type=MEDIA_TYPES[FeedFormat.ATOM], href=f"{home}/feed.atom")
    SubElement(root, "link", rel="alternate", type="text/html", href=home)
    SubElement(SubElement(root, "author"), "name").text = _clean(archive.publisher or archive.title)
    for one in archive.issues[:NEWEST]:
        entry = SubElement(root, "entry")
        link = f"{home}/{one.ref}"
        published, updated = (moment.astimezone(UTC).isoformat() for moment in (one.published_at, one.changed_at))
        _texts(entry, id=link, title=issue_title(archive, one), updated=updated, published=published, summary=_summary(one))
        SubElement(entry, "link", rel="alternate", type="text/html", href=link)
    return _document(root)


def _json(archive: Archive, home: str) -> bytes:
    document = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": _name(archive),
        "home_page_url": home,
        "feed_url": f"{home}/feed.json",
        "description": _about(archive),
        "language": _LANGUAGE,
        "authors": [{"name": archive.publisher}],
        "items": [
            {
                "id": f"{home}/{one.ref}",
                "url": f"{home}/{one.ref}",
                "title": issue_title(archive, one),
                "content_text": _summary(one),
                "date_published": one.published_at.astimezone(UTC).isoformat(),
            }
            for one in archive.issues[:NEWEST]
        ],
    }
    return json.dumps(document, ensure_ascii=False).encode()


_WRITERS: Mapping[FeedFormat, Callable[[Archive, str], bytes]] = MappingProxyType(
    {FeedFormat.RSS: _rss, FeedFormat.ATOM: _atom, FeedFormat.JSON: _json}
)


def _name(archive: Archive) -> str:
    return " ".join(filter(None, (archive.title or archive.kind, kind_below(archive.title, archive.kind))))


def _about(archive: Archive) -> str:
    return f"{archive.publisher}{'的' if archive.publisher else ''}《{archive.title or archive.kind}》"


def _summary(one: ArchivedIssue) -> str:
    return "；".join(one.headlines)


def _changed(archive: Archive) -> datetime:
    return (archive.changed_at or _EPOCH).astimezone(UTC)


def _texts(parent: Element, **texts: str) -> None:
    for name, text in texts.items():
        SubElement(parent, name).text = _clean(text)


def _clean(text: str) -> str:
    """Text without what XML cannot say."""
    return text.translate(_NO_CONTROLS)


def _document(root: Element) -> bytes:
    content: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return content
