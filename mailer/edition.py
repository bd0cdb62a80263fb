"""An issue rendered once and frozen: literal text with named holes, one for each thing that depends on the recipient."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from mailer.json_values import as_list, as_text, as_texts


class Field(StrEnum):
    """The closed set of what may differ from one recipient to the next."""

    SALUTATION = "salutation"  # "王老师" or the institute's name
    INSTITUTE = "institute"  # the institute's name, or empty
    ADDRESS = "address"  # the recipient's address
    UNSUBSCRIBE_URL = "unsubscribe_url"  # page that shows a button; never acts on GET
    VIEW_URL = "view_url"  # the issue in a browser
    PIXEL_URL = "pixel_url"  # ends in .gif; empty tracking leaves the whole image out at render time
    CLICK_URL = "click_url"  # what stands before a link's number: {CLICK_URL}.{number}, number counted from 0


_ATTACHED = re.compile(r'\bsrc="cid:([0-9a-f]{64})"')


@dataclass(frozen=True, slots=True)
class Hole:
    """A place that is filled for each recipient."""

    field: Field


Segments = tuple[str | Hole, ...]


@dataclass(frozen=True, slots=True)
class Imprint:
    """Who answers for the mail, as its footer says; what is empty is taken from the issue or left out.

    `contact` is where a person answers: China's rules for mail ask for an address that takes refusals and is valid for
    at least 30 days (MII Order 38 of 2006, art. 14).
    """

    sender: str = ""
    contact: str = ""
    postal_address: str = ""
    reason: str = ""  # why the recipient gets this mail, one sentence


@dataclass(frozen=True, slots=True)
class Edition:
    """One issue as it will be mailed. `links` are the targets behind CLICK_URL, by number. `sha256` covers all of it.

    `page` is the whole issue for the browser, where the mail holds less than that; else it is empty, and `html` is the whole.
    """

    subject: str
    html: Segments
    text: Segments
    links: tuple[str, ...]
    preheader: str = ""
    page: Segments = ()

    @property
    def browser(self) -> Segments:
        """What a browser shows: the whole issue."""
        return self.page or self.html

    @property
    def attached(self) -> tuple[str, ...]:
        """The hashes of the pictures that are sent along, in the order in which they are shown."""
        found = (_ATTACHED.findall(segment) for segment in self.html if isinstance(segment, str))
        return tuple(dict.fromkeys(name for names in found for name in names))

    @property
    def sha256(self) -> str:
        """The hash of the content, as 64 hexadecimal digits; equal content gives equal hashes on every machine."""
        return hashlib.sha256(json.dumps(self.to_json(), ensure_ascii=False, sort_keys=True).encode()).hexdigest()

    def to_json(self) -> dict[str, object]:
        """The edition as plain JSON values, as the database keeps it."""
        document: dict[str, object] = {
            "subject": self.subject,
            "preheader": self.preheader,
            "html": _segments_to_json(self.html),
            "text": _segments_to_json(self.text),
            "links": list(self.links),
        }
        return document | ({"page": _segments_to_json(self.page)} if self.page else {})

    @classmethod
    def from_json(cls, document: dict[str, object]) -> Edition:
        """The edition that `to_json` wrote."""
        return cls(
            subject=as_text(document["subject"]),
            preheader=as_text(document["preheader"]),
            page=_segments_from_json(document.get("page", [])),
            html=_segments_from_json(document["html"]),
            text=_segments_from_json(document["text"]),
            links=as_texts(document["links"]),
        )


def split_at_markers(content: str, markers: Mapping[str, Field]) -> Segments:
    """`content` cut at every marker, each replaced by the hole it stands for; no empty text is left between."""
    pattern = re.compile("(" + "|".join(map(re.escape, markers)) + ")")
    return tuple(Hole(markers[part]) if part in markers else part for part in pattern.split(content) if part)


def joined(*parts: str | Hole) -> Segments:
    """Segments in their normal form: neighbouring texts are one text, and none is empty."""
    segments: list[str | Hole] = []
    for part in parts:
        if isinstance(part, str) and segments and isinstance(segments[-1], str):
            segments[-1] += part
        elif part:
            segments.append(part)
    return tuple(segments)


def fill(segments: Segments, values: Mapping[Field, str], *, escape: Callable[[str], str] = str) -> str:
    """The content with every hole filled; give `html.escape` for HTML, where a value may stand inside an attribute."""
    return "".join(part if isinstance(part, str) else escape(values[part.field]) for part in segments)


def _segments_to_json(segments: Segments) -> list[object]:
    return [part if isinstance(part, str) else {"hole": part.field.value} for part in segments]


def _segments_from_json(value: object) -> Segments:
    return tuple(part if isinstance(part, str) else _hole_from_json(part) for part in as_list(value))


def _hole_from_json(value: object) -> Hole:
    if not isinstance(value, dict):
        raise TypeError(f"text or a hole was stored here, not {type(value).__name__}")
    return Hole(Field(value["hole"]))
