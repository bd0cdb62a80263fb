"""What an SMTP server said, as a value, and what it means for the address, the provider and ourselves."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Command(StrEnum):
    """The command a reply answered (RFC 5321 §4.1); DOT is the end of the message's content."""

    CONNECT = "CONNECT"
    EHLO = "EHLO"
    STARTTLS = "STARTTLS"
    AUTH = "AUTH"
    MAIL = "MAIL"
    RCPT = "RCPT"
    DATA = "DATA"
    DOT = "DOT"
    RSET = "RSET"
    QUIT = "QUIT"


@dataclass(frozen=True, slots=True)
class Reply:
    """One whole reply (RFC 5321 §4.2): `text` joins its lines with newlines, codes stripped; `enhanced` is RFC 3463's X.Y.Z."""

    command: Command
    code: int
    enhanced: str | None
    text: str
    host: str
    tls: bool

    def __str__(self) -> str:
        return " ".join(part for part in (str(self.code), self.enhanced, self.text.replace("\n", " ")) if part)


class Meaning(StrEnum):
    """The fine class of a reply (docs/deliverability classes H1 … Z)."""

    ACCEPTED = "accepted"
    UNKNOWN_USER = "unknown_user"  # H1
    DOMAIN_DEAD = "domain_dead"  # H2
    MAILBOX_DISABLED = "mailbox_disabled"  # H3
    MAILBOX_FULL = "mailbox_full"  # S1
    TRANSIENT = "transient"  # S2: greylisting and everything that passes by itself
    CONNECTION_RATE = "connection_rate"  # R1
    SENDER_RATE = "sender_rate"  # R2
    RECIPIENT_RATE = "recipient_rate"  # R3
    CONTENT = "content"  # P1
    REFUSED_BY_RECIPIENT = "refused_by_recipient"  # P2
    REPUTATION = "reputation"  # B1
    AUTHENTICATION = "authentication"  # A1: SPF, DKIM, DMARC, PTR, TLS
    ACCOUNT = "account"  # A2: our own login at the relay
    PROTOCOL = "protocol"  # X1: our message or our client is at fault
    AMBIGUOUS = "ambiguous"  # Z


class VerdictClass(StrEnum):
    """The coarse class, as the command line prints it."""

    ACCEPTED = "accepted"
    HARD = "hard"
    SOFT = "soft"
    RATE = "rate"
    SENDER = "sender"
