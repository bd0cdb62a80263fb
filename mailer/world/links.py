"""The links of a received message that lead back to its sender: what a reader can load, click or leave by."""

from __future__ import annotations

import re
from binascii import a2b_base64
from dataclasses import dataclass
from email import message_from_bytes
from html import unescape
from quopri import decodestring
from urllib.parse import urlsplit

_HTML_PART = re.compile(rb"^content-type:\s*text/html", re.IGNORECASE | re.MULTILINE)
_TARGET = re.compile(r"""<(a|img)\b[^>]*?\s(?:href|src)\s*=\s*["']([^"']+)["']""", re.IGNORECASE)
_URI = re.compile(r"<(https?://[^>]+)>")


@dataclass(frozen=True, slots=True)
class Links:
    """`pixel` and `clicks` are tracked, `pages` are other pages of the sender's; `one_click` is RFC 8058's address."""

    pixel: str | None
    clicks: tuple[str, ...]
    pages: tuple[str, ...]
    one_click: str | None


def links(content: bytes) -> Links:
    """The sender's own links in a message: those on the host that its List-Unsubscribe header names."""
    header = message_from_bytes(content[: content.find(b"\r\n\r\n") + 4])
    uris = _URI.findall("".join(str(header.get("List-Unsubscribe", "")).split()))
    home = {urlsplit(uri).netloc for uri in uris}
    targets = dict.fromkeys((tag.lower(), unescape(url)) for tag, url in _TARGET.findall(html_of(content)))
    own = [(tag, url, urlsplit(url).path) for tag, url in targets if urlsplit(url).netloc in home]
    one_click = str(header.get("List-Unsubscribe-Post", "")).strip() == "List-Unsubscribe=One-Click"
    return Links(
        pixel=next((url for tag, url, path in own if tag == "img" and "/o/" in path), None),
        clicks=tuple(url for tag, url, path in own if tag == "a" and "/c/" in path),
        pages=tuple(url for tag, url, path in own if tag == "a" and "/c/" not in path),
        one_click=uris[0] if uris and one_click else None,
    )


def html_of(content: bytes) -> str:
    """The first HTML part of a message, decoded; empty if there is none.

    Parsing the whole message with the standard library takes ten times as long, for it looks at every line. A part begins
    after its boundary line and ends at the next line that begins with that boundary (RFC 2046 §5.1.1).
    """
    found = _HTML_PART.search(content)
    if found is None:
        return ""
    start = content.rfind(b"\r\n--", 0, found.start()) + 2
    boundary = content[start : content.find(b"\r\n", start)] if start >= 2 else None
    end = content.find(b"\r\n" + boundary, found.end()) if boundary else len(content)
    head, _, body = content[start if boundary else 0 : end].partition(b"\r\n\r\n")
    part = message_from_bytes(head.removeprefix(boundary or b"").lstrip() + b"\r\n\r\n")
    try:
        octets = _decoded(body, str(part.get("Content-Transfer-Encoding", "")))
        return octets.decode(part.get_content_charset("utf-8"), "replace")
    except (ValueError, LookupError):  # Broken base64, or a charset that nobody knows: its reader sees nothing.
        return ""


def _decoded(body: bytes, encoding: str) -> bytes:
    match encoding.strip().lower():
        case "base64":
            return a2b_base64(body)
        case "quoted-printable":
            return decodestring(body)
        case _:
            return body
