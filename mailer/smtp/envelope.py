"""The MAIL and RCPT commands of a message, and whether this server can carry it at all."""

from __future__ import annotations

import re

from mailer.smtp.capabilities import Capabilities
from mailer.smtp.feed import Sendable
from mailer.smtp.outcomes import NotSent, Reason

DATA = b"DATA\r\n"
DOT = b".\r\n"
RSET = b"RSET\r\n"
QUIT = b"QUIT\r\n"

_LONGEST_ENVELOPE_ID = 100  # RFC 3461 §4.4
# Whatever could end the command or the path in it. Address syntax is the business of those who took the address in.
_BREAKS_A_PATH = re.compile(r"[\x00-\x1f\x7f<>\ud800-\udfff]")
_NOT_XTEXT = re.compile(r"[^!-*,-<>-~]")  # RFC 3461 §4: xchar is "!" to "~" without "+" and "="
_NOT_UTF8_XTEXT = re.compile(r"[^!-*,-<>-\[\]-~]")  # RFC 6533 §3: also without the backslash


def obstacle(message: Sendable, capabilities: Capabilities) -> NotSent | None:
    """Why this server cannot be given this message, or None. Found here, it costs neither the server nor the address."""
    content = message.content
    if _BREAKS_A_PATH.search(message.sender) or _BREAKS_A_PATH.search(message.recipient) or not message.recipient:
        return NotSent(Reason.MALFORMED, "a control character, < or > in the sender or recipient, or no recipient")
    if not content.endswith(b"\r\n"):
        return NotSent(Reason.MALFORMED, "the content does not end with CRLF")
    if _needs_smtputf8(message) and not capabilities.smtputf8:
        return NotSent(Reason.NEEDS_SMTPUTF8, "an address is not ASCII and the server does not offer SMTPUTF8")
    if message.eight_bit and not capabilities.eight_bit_mime:
        return NotSent(Reason.NEEDS_8BITMIME, "the content is not ASCII and the server does not offer 8BITMIME")
    if capabilities.size_limit is not None and len(content) > capabilities.size_limit:
        return NotSent(Reason.TOO_BIG, f"{len(content)} octets, and the server takes at most {capabilities.size_limit}")
    return None


def mail(message: Sendable, capabilities: Capabilities) -> bytes:
    """The MAIL command, with what the server announced of SIZE, 8BITMIME, SMTPUTF8 and DSN."""
    command = f"MAIL FROM:<{message.sender}>"
    if capabilities.size:
        command += f" SIZE={len(message.content)}"
    if message.eight_bit and capabilities.eight_bit_mime:
        command += " BODY=8BITMIME"
    if _needs_smtputf8(message):
        command += " SMTPUTF8"
    if capabilities.dsn:
        command += " RET=HDRS"
        if message.envelope_id and len(identifier := xtext(message.envelope_id)) <= _LONGEST_ENVELOPE_ID:
            command += f" ENVID={identifier}"
    return f"{command}\r\n".encode()


def rcpt(message: Sendable, capabilities: Capabilities) -> bytes:
    """The RCPT command; with DSN it asks for failures and delays and never for successes (RFC 3461 §4.1, §4.2)."""
    if not capabilities.dsn:
        return f"RCPT TO:<{message.recipient}>\r\n".encode()
    return f"RCPT TO:<{message.recipient}> NOTIFY=FAILURE,DELAY ORCPT={_original(message.recipient)}\r\n".encode()


def xtext(text: str) -> str:
    """ASCII text as RFC 3461 §4 wants it in a parameter: `+`, `=` and all that is not printable as `+2B`."""
    return _NOT_XTEXT.sub(lambda found: "".join(f"+{octet:02X}" for octet in found[0].encode()), text)


def _original(recipient: str) -> str:
    if recipient.isascii():
        return f"rfc822;{xtext(recipient)}"
    return "utf-8;" + _NOT_UTF8_XTEXT.sub(lambda found: f"\\x{{{ord(found[0]):02X}}}", recipient)


def _needs_smtputf8(message: Sendable) -> bool:
    return message.smtputf8 or not (message.sender.isascii() and message.recipient.isascii())
