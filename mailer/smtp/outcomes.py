"""What became of one message: the server answered, it was certainly not sent, or nobody can say."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from mailer.reply import Reply
from subscribers.errors import ServiceError


class Reason(StrEnum):
    """Why a server gave no answer for a message."""

    CONNECT = "connect"  # no connection: refused, unreachable, name unknown
    BUSY = "busy"  # the host's connections were taken by other mail of ours for too long
    GREETING = "greeting"  # the server refused us at its greeting, EHLO or HELO
    TLS = "tls"  # not offered, not trusted, or the handshake failed
    AUTH = "auth"  # our login was refused, or could not be made
    CLOSING = "closing"  # 421: the server ends the session
    CLOSED = "closed"  # the connection broke
    TIMEOUT = "timeout"  # a deadline passed
    GARBAGE = "garbage"  # what came was no SMTP reply, or an answer to nothing
    TOO_BIG = "too_big"  # over the SIZE the server announced
    NEEDS_SMTPUTF8 = "needs_smtputf8"  # an address is not ASCII and the server cannot carry it
    NEEDS_8BITMIME = "needs_8bitmime"  # the content is not ASCII and the server cannot carry it
    MALFORMED = "malformed"  # an address or the content would break the dialogue
    STOPPED = "stopped"  # we were told to stop before its turn came


@dataclass(frozen=True, slots=True)
class Replied:
    """The server answered for this recipient: accepted (2xx after the dot), or refused at MAIL, RCPT, DATA or the dot."""

    reply: Reply


@dataclass(frozen=True, slots=True)
class NotSent:
    """The message was certainly not accepted and may be tried again; `reply` is the server's word where there was one.

    `kept_out`: no connection could be had for it, and so it was not attempted.
    """

    reason: Reason
    detail: str
    reply: Reply | None = None
    kept_out: bool = False


@dataclass(frozen=True, slots=True)
class InDoubt:
    """The final dot had left and no reply came: the server may have taken the message, or not (RFC 1047)."""

    reason: Reason
    detail: str


Outcome = Replied | NotSent | InDoubt


_NOBODY_THERE = "Check that a mail server runs there, and lets this machine's address in."
_CURES = {
    Reason.CONNECT: "Check its host name and port, and that a firewall lets us out to it.",
    Reason.GREETING: "Its reply says why; the host name we greet with is set by helo=.",
    Reason.TLS: "Check that the host name is the one in its certificate, and the starttls option.",
    Reason.AUTH: "Check user and password; mailbox providers want the authorisation code made for SMTP, not the login password.",
    Reason.CLOSED: _NOBODY_THERE,
    Reason.TIMEOUT: _NOBODY_THERE,
    Reason.GARBAGE: "Check that the port is one for SMTP; port 465 needs smtps://.",
}


class RelayDown(ServiceError):
    """No connection to the relay can be had now. `reply` is the server's word where there was one, `cure` what to do."""

    def __init__(self, relay: str, reason: Reason, detail: str, reply: Reply | None = None) -> None:
        said = f" ({reply})" if reply is not None else ""
        self.cure = _CURES.get(reason, "It may have us later.")
        super().__init__(f"{relay}: {detail}{said}. {self.cure}")
        self.relay = relay
        self.reason = reason
        self.detail = detail
        self.reply = reply

    def for_message(self) -> NotSent:
        """The outcome of a message that waited for the connection."""
        return NotSent(self.reason, self.detail, self.reply, kept_out=True)
