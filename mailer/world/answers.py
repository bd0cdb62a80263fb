"""What the server answers: codes and text, and how they stand on the wire."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Answer:
    """One reply (RFC 5321 §4.2); several lines of `text` are separated by newlines, `enhanced` is RFC 3463's X.Y.Z."""

    code: int
    enhanced: str | None
    text: str

    def __str__(self) -> str:
        return " ".join(part for part in (str(self.code), self.enhanced, self.text.replace("\n", " ")) if part)

    def on_the_wire(self, *, enhanced_codes: bool) -> bytes:
        """The reply's octets; without `enhanced_codes` as a server sends it that does not know RFC 2034."""
        prefix = f"{self.enhanced} " if self.enhanced and enhanced_codes else ""
        above, newline, last = self.text.rpartition("\n")
        lines = [f"{self.code}-{prefix}{line}\r\n" for line in above.split("\n")] if newline else ()
        return f"{''.join(lines)}{self.code} {prefix}{last}\r\n".encode()


GOODBYE = Answer(221, "2.0.0", "Bye")
DONE = Answer(250, "2.0.0", "Ok")
SENDER_TAKEN = Answer(250, "2.1.0", "Ok")
RECIPIENT_TAKEN = Answer(250, "2.1.5", "Ok")
NOT_TELLING = Answer(252, "2.0.0", "Not saying; send the message and see")
GO_AHEAD = Answer(354, None, "End data with <CR><LF>.<CR><LF>")
UNKNOWN_COMMAND = Answer(500, "5.5.1", "Command not recognized")
NOT_TEXT = Answer(500, "5.5.2", "The line is not UTF-8, or longer than allowed")
NEEDS_NAME = Answer(501, "5.5.4", "Give your name")
BAD_PATH = Answer(501, "5.5.4", "Syntax: one <path>, then its parameters")
NEEDS_HELLO = Answer(503, "5.5.1", "Say EHLO first")
NEEDS_MAIL = Answer(503, "5.5.1", "MAIL first")
NESTED_MAIL = Answer(503, "5.5.1", "A mail transaction is open already")
NO_RECIPIENTS = Answer(554, "5.5.1", "No valid recipients")
OUT_OF_STEP = Answer(554, "5.5.0", "SMTP synchronization error: data were sent before the reply that they depend on")
TOO_BIG = Answer(552, "5.3.4", "The message is bigger than allowed")
NOT_SEVEN_BIT = Answer(554, "5.6.1", "8-bit content was not declared with BODY=8BITMIME")
NEEDS_SMTPUTF8 = Answer(553, "5.6.7", "The address needs SMTPUTF8")
