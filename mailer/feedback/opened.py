"""A message on its way to becoming facts: its tree, its words, and what it returns of ours."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from mailer.feedback.address import addr_spec
from mailer.feedback.mime import Fields, Part, parse, parse_fields
from mailer.feedback.notice import report_text
from mailer.feedback.returned import returned_header

_LONGEST_BRIEF = 600


@dataclass(frozen=True, slots=True)
class Opened:
    """A message, read as far as its form: `text` is what the reporter says, `returned` the header of the returned message, and
    `below` what stands from there on in the reporter's own part."""

    message: Part
    subject: str
    text: str
    returned: Fields
    below: str

    @property
    def domain_of_author(self) -> str:
        """The domain that the message comes from, by its own word."""
        return addr_spec(self.message.fields.get("from")).rpartition("@")[2]


def open_message(content: bytes | str) -> Opened:
    """The message's tree and words. Never raises."""
    message = parse(content)
    text, below = report_text(message)
    returned = returned_header(message)
    return Opened(message, message.fields.words("subject"), text, returned if len(returned) else parse_fields(below), below)


def brief(words: str) -> str:
    """Words for people, on one line and not too many."""
    return " ".join(words[:4_000].split())[:_LONGEST_BRIEF]


def moment(written: str) -> datetime | None:
    """The time in a date field (RFC 5322 §3.3); None where it is none."""
    try:
        parsed = parsedate_to_datetime(written)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
