"""The holes of an edition, and what fills them for one recipient."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping, Sequence

from mailer.edition import Edition, Field, Hole, Segments
from mailer.encoding.base64_form import Slot
from mailer.tokens import MAILED, TOKEN_LENGTH, Purpose

_LINKS = {
    Field.PIXEL_URL: (Purpose.OPEN, ".gif"),
    Field.CLICK_URL: (Purpose.CLICK, ""),
    Field.UNSUBSCRIBE_URL: (Purpose.UNSUBSCRIBE, ""),
    Field.VIEW_URL: (Purpose.VIEW, ""),
}
_LINE_END = re.compile(r"\r\n?|\n")


class Holes:
    """The two bodies of an edition as octets and slots, and the values for those slots.

    Of a URL the token alone is a slot: all of them have one width, and what stands before and after is literal. The values
    are the tokens, then the fields that the text contains, then the fields that the HTML contains, escaped.
    """

    def __init__(self, edition: Edition, base_url: str) -> None:
        self._text_fields = _fields(edition.text)
        self._html_fields = _fields(edition.html)
        html_start = len(MAILED) + len(self._text_fields)
        self.text = tuple(_pieces(edition.text, base_url, _slots(self._text_fields, len(MAILED))))
        self.html = tuple(_pieces(edition.html, html.escape(base_url), _slots(self._html_fields, html_start)))

    def values(self, tokens: Sequence[str], fields: Mapping[Field, str]) -> list[bytes]:
        """What fills the slots, given the tokens in the order of MAILED and the fields that are not URLs."""
        return [
            *map(str.encode, tokens),
            *[fields[field].encode() for field in self._text_fields],
            *[html.escape(fields[field]).encode() for field in self._html_fields],
        ]


def _fields(segments: Segments) -> tuple[Field, ...]:
    return tuple(field for field in Field if field not in _LINKS and Hole(field) in segments)


def _slots(fields: Sequence[Field], start: int) -> dict[Field, Slot]:
    return {field: Slot(index) for index, field in enumerate(fields, start)}


def _pieces(segments: Segments, base_url: str, slots: Mapping[Field, Slot]) -> Iterator[bytes | Slot]:
    for segment in segments:
        match segment:
            case str():
                yield _LINE_END.sub("\r\n", segment).encode()  # Text is in its CRLF form before base64 (RFC 2045 §6.8).
            case Hole(field) if field in _LINKS:
                purpose, ending = _LINKS[field]
                yield f"{base_url}/{purpose}/".encode()
                yield Slot(MAILED.index(purpose), TOKEN_LENGTH)
                yield ending.encode()
            case Hole(field):
                yield slots[field]
