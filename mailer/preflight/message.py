"""The message under check, read once for all rules."""

from __future__ import annotations

from dataclasses import dataclass

from mailer.preflight.html_page import Page, read_page
from mailer.preflight.wire import Part, parse


@dataclass(frozen=True, slots=True)
class Message:
    """The octets, the structure in them, and the first text part and the first HTML part, where there are any."""

    octets: bytes
    root: Part
    text: Part | None
    html: Part | None
    page: Page


def read_message(octets: bytes) -> Message:
    """Read the octets as they would go over the wire."""
    root = parse(octets)
    text, html = _first(root, "text/plain"), _first(root, "text/html")
    return Message(octets, root, text, html, read_page(html.text) if html else Page())


def _first(root: Part, media_type: str) -> Part | None:
    leaves = (part for part in root.walk() if not part.media_type.startswith("multipart/"))
    wanted = (part for part in leaves if part.media_type == media_type)
    return next((part for part in wanted if not part.value("content-disposition").lower().startswith("attachment")), None)
