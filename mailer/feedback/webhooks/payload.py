"""Looking into what a stranger sent: whatever is not there, or not of the kind, reads as empty."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from email.utils import parseaddr

from mailer.feedback.charset import storable

_MILLISECONDS_SINCE = 100_000_000_000  # An epoch above this is in milliseconds: in seconds it would be the year 5138.
_PLAIN = re.compile(r"[\w.+=\-]+@[\w.\-]+", re.ASCII)
_COMMENTS = 20  # in one address, at most
_NANOSECONDS = re.compile(r"(\.\d{6})\d+")


class MalformedError(ValueError):
    """The body is not of the form that the service documents."""


def refuse_inbound(is_inbound: object) -> None:
    """MalformedError where the service passes on what somebody wrote to us: that is no event of what we sent."""
    if is_inbound:
        raise MalformedError("a mail to us, and no event of ours. Give the service another address for mail that it takes in")


def parse_json(body: bytes | str) -> object:
    """The document in `body`. MalformedError for anything else, however deep or large its numbers."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise MalformedError(f"no JSON ({type(error).__name__})") from error


def objects(document: object) -> Iterator[Mapping[str, object]]:
    """The document if it is an object, or those in it if it is a list. MalformedError for any other document."""
    items = document if isinstance(document, list) else [document]
    for item in items:
        if not isinstance(item, dict):
            raise MalformedError("no object where an event should be")
        yield item


def at(value: object, *path: str) -> object:
    """What lies at the path of keys; None where a step of it is missing."""
    for key in path:
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value


def text(value: object, *path: str) -> str:
    """The text or number at the path, as text; "" for anything else."""
    found = at(value, *path)
    return storable(str(found)) if isinstance(found, str | int | float) and not isinstance(found, bool) else ""


def texts(value: object, *path: str) -> tuple[str, ...]:
    """The texts at the path: of a list, or the one text that is there."""
    found = at(value, *path)
    items = found if isinstance(found, list) else [found]
    return tuple(storable(str(item)) for item in items if isinstance(item, str | int | float) and not isinstance(item, bool))


def strings(value: object) -> dict[str, str]:
    """An object as words to words; what is nested stays JSON."""
    if not isinstance(value, dict):
        return {}
    return {
        storable(key): storable(item if isinstance(item, str) else json.dumps(item, ensure_ascii=False))
        for key, item in value.items()
    }


def moment(value: object, *path: str, zone: tzinfo = UTC) -> datetime | None:
    """The time at the path: seconds or milliseconds since 1970, or ISO 8601, in `zone` where it names none. None for no time."""
    written = text(value, *path)
    try:
        if re.fullmatch(r"\d+(\.\d+)?", written):
            seconds = float(written)
            return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(
                seconds=seconds / 1000 if seconds > _MILLISECONDS_SINCE else seconds
            )
        parsed = datetime.fromisoformat(_NANOSECONDS.sub(r"\1", written))
        return parsed if parsed.tzinfo else parsed.replace(tzinfo=zone)
    except (ValueError, OverflowError):
        return None


def address(value: object, *path: str) -> str:
    """The address at the path, without a display name; the first where there is a list."""
    found = texts(value, *path)
    if not found or found[0].count("(") > _COMMENTS:  # The parser calls itself for each comment within a comment.
        return ""
    if _PLAIN.fullmatch(found[0]):  # As nearly all are: the parser of RFC 5322 takes longer than all the rest of an event.
        return found[0]
    return (parseaddr(found[0])[1] or found[0]).strip()
