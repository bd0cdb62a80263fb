"""Fields of a form, as browsers and some mail services send them: urlencoded, or in parts (RFC 7578)."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl

from mailer.feedback.charset import decode
from mailer.feedback.mime import content_type, parse_fields
from mailer.feedback.webhooks.payload import MalformedError
from mailer.feedback.webhooks.request import WebhookRequest

_MOST_FIELDS = 1_000
_NAME = re.compile(r'\bname="([^"]{0,200})"')


def parse_form(request: WebhookRequest) -> list[tuple[str, str]]:
    """The fields in the order of the form, a name as often as it came. MalformedError for a body that is no form."""
    type_, parameters = content_type(request.headers.get("content-type", ""), "application/x-www-form-urlencoded")
    if type_ == "multipart/form-data":
        return _of_parts(request.body, parameters.get("boundary", ""))
    try:
        return parse_qsl(decode(request.body), keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError as error:
        raise MalformedError("no form, or one with too many fields") from error


def _of_parts(body: bytes, boundary: str) -> list[tuple[str, str]]:
    if not boundary:
        raise MalformedError("a form without a boundary")
    fields = []
    pieces = body.split(b"--" + boundary.encode("utf-8", "replace"), _MOST_FIELDS + 1)
    for piece in pieces[1:]:
        header, _, content = piece.partition(b"\r\n\r\n")
        name = _NAME.search(parse_fields(header.lstrip(b"\r\n")).get("content-disposition"))
        if name is not None:
            fields.append((name[1], decode(content.removesuffix(b"\r\n"))))
    return fields
