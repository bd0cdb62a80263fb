"""What stands on every message of a mailing: who sends it, which list it belongs to, and how to leave that list."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from mailer.headers import addr_spec, mailbox_field, structured_field, unstructured_field
from mailer.tokens import Purpose
from subscribers.errors import InputError

_BASE_URL = re.compile(r"https?://[!-~]+")
_LIST_ID = re.compile(r"[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")  # RFC 2919 §2
_FOR_EVERYBODY = (
    structured_field("MIME-Version", "1.0"),
    structured_field("List-Post", "NO"),
    structured_field("Precedence", "bulk"),
    # Asks automatic replies to stay away, and not Exchange's bounces, as "All" would (MS-OXCMAIL).
    structured_field("X-Auto-Response-Suppress", "OOF, AutoReply"),
)


@dataclass(frozen=True, slots=True)
class Letterhead:
    """The letterhead as it was frozen with the mailing. Whatever is read from it raises InputError where it is unusable.

    `list_id` is the list's name for ever, like bulletin.example.org (RFC 2919). `base_url` is where the tracking pages are.
    `bounce_domain` is where the return paths of single deliveries live, None where only `from_address` may send.
    `unsubscribe_mailto` is the address of a mailbox that takes unsubscriptions.
    """

    from_name: str
    from_address: str
    list_name: str
    list_id: str
    base_url: str
    reply_to: str | None = None
    bounce_domain: str | None = None
    unsubscribe_mailto: str | None = None
    organisation: str = ""
    language: str = "zh-CN"

    @property
    def sender(self) -> str:
        """`from_address` with its domain in ASCII."""
        return _ascii_address("from_address", self.from_address)

    @property
    def domain(self) -> str:
        """The domain of the sender, in ASCII."""
        return self.sender.rpartition("@")[2]

    @property
    def web(self) -> str:
        """`base_url` without a slash at its end."""
        if not _BASE_URL.fullmatch(self.base_url):
            raise InputError(f"base_url: {self.base_url!r} is no web address. Give one like https://bulletin.example.org.")
        return self.base_url.rstrip("/")

    def return_path(self, token: str) -> str:
        """The envelope sender of the delivery with this token, so that a bounce names it whatever else it says (VERP)."""
        if not self.bounce_domain:
            return self.sender
        return _ascii_address("bounce_domain", f"{Purpose.BOUNCE}-{token}@{self.bounce_domain}")

    def probe_path(self, token: str) -> str:
        """The envelope sender of the mail that asks whether an address works, as `return_path` is of a delivery."""
        if not self.bounce_domain:
            return self.sender
        return _ascii_address("bounce_domain", f"{Purpose.PROBE}-{token}@{self.bounce_domain}")

    def fields(self) -> list[bytes]:
        """The header fields that are the same in every message, List-Unsubscribe left out."""
        if not _LIST_ID.fullmatch(self.list_id):
            raise InputError(f"list_id: {self.list_id!r} names no list. Give a name like bulletin.example.org (RFC 2919 §2).")
        fields = [
            mailbox_field("From", self.from_name, self.sender),
            *_FOR_EVERYBODY,
            structured_field("Content-Language", self.language),
            mailbox_field("List-Id", self.list_name, self.list_id),
        ]
        if self.reply_to:
            fields.append(mailbox_field("Reply-To", "", _ascii_address("reply_to", self.reply_to)))
        if self.organisation:
            fields.append(unstructured_field("Organization", self.organisation))
        if self._one_click:
            fields.append(structured_field("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"))
        return fields

    def unsubscribe_field(self, token: str) -> bytes:
        """List-Unsubscribe for one delivery (RFC 2369 §3.2), the web address first; by mail the token is the subject."""
        uris = [f"<{self.web}/{Purpose.UNSUBSCRIBE}/{token}>"]
        if self.unsubscribe_mailto:
            mailbox = quote(_ascii_address("unsubscribe_mailto", self.unsubscribe_mailto), safe="@+")
            uris.append(f"<mailto:{mailbox}?subject={Purpose.UNSUBSCRIBE}-{token}>")
        return structured_field("List-Unsubscribe", ", ".join(uris))

    def feedback_field(self, mailing_id: int, kind: str) -> bytes:
        """Google's Feedback-ID: three names to count complaints by, then the sender's own, 5 to 15 characters that never change."""
        sender = re.sub(r"[^a-z0-9]", "", self.domain.lower())[:15].ljust(5, "0")
        return structured_field("Feedback-ID", f"{mailing_id}:{self.list_id}:{kind}:{sender}")

    @property
    def _one_click(self) -> bool:
        """Whether One-Click may be promised: over HTTPS (RFC 8058 §3.1), or on this very machine, where nobody else listens."""
        url = urlsplit(self.web)
        if url.scheme == "https" or url.hostname == "localhost":
            return True
        try:
            return ipaddress.ip_address(url.hostname or "").is_loopback
        except ValueError:
            return False


def _ascii_address(setting: str, text: str) -> str:
    try:
        address = addr_spec(text)
    except InputError as error:
        raise InputError(f"{setting}: {error}") from error
    if not address.isascii():
        raise InputError(f"{setting}: {text!r} has letters before the '@' that not every server takes. Give an ASCII address.")
    return address
