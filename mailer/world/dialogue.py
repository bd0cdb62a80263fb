"""The server's side of an SMTP dialogue (RFC 5321), without a socket: a command line or a content in, an outcome out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from mailer.world import answers
from mailer.world.answers import Answer
from mailer.world.grammar import MAIL_PARAMETERS, RCPT_PARAMETERS, Extension, parse_path, refusal_of_recipient
from mailer.world.mailboxes import Mailboxes, Outcome

_LAST_IN_GROUP = frozenset({"EHLO", "HELO", "DATA", "VRFY", "NOOP", "QUIT"})  # RFC 2920 §3.1


@dataclass(frozen=True, slots=True)
class Offer:
    """What the server says of itself after EHLO; `max_octets` bounds the content."""

    name: str
    extensions: frozenset[Extension]
    max_octets: int

    def ehlo_answer(self) -> Answer:
        """The reply to EHLO (RFC 5321 §4.1.1.1), its extensions in a fixed order."""
        offered = [extension for extension in Extension if extension in self.extensions]
        lines = [f"{extension} {self.max_octets}" if extension is Extension.SIZE else extension.value for extension in offered]
        return Answer(250, None, "\n".join([self.name, *lines]))


@dataclass(slots=True)
class Transaction:
    """What MAIL opened, and the recipients taken since."""

    sender: str
    smtputf8: bool
    eight_bit: bool
    recipients: list[str] = field(default_factory=list)


class Dialogue:
    """What one client has said so far. `awaits_content` is true from the 354 to the content's end."""

    def __init__(self, offer: Offer, mailboxes: Mailboxes) -> None:
        self.awaits_content = False
        self._offer = offer
        self._mailboxes = mailboxes
        self._extensions: frozenset[Extension] | None = None  # None until the client has greeted.
        self._transaction: Transaction | None = None
        self._commands: dict[str, Callable[[str], Outcome | Answer]] = {
            "EHLO": self._ehlo,
            "HELO": self._helo,
            "MAIL": self._mail,
            "RCPT": self._rcpt,
            "DATA": self._data,
            "RSET": self._rset,
            "NOOP": lambda _: answers.DONE,
            "VRFY": lambda _: answers.NOT_TELLING,
            "QUIT": lambda _: Outcome(answers.GOODBYE, close=True),
        }

    def greeting(self) -> Answer:
        """What is said first (RFC 5321 §3.1)."""
        return Answer(220, None, f"{self._offer.name} ESMTP")

    def command(self, line: bytes, *, more_follows: bool) -> Outcome:
        """Act on a command line without its CRLF. `more_follows`: the client sent more before it can have seen the reply."""
        try:
            verb, _, argument = line.decode().partition(" ")
        except UnicodeDecodeError:
            return Outcome(answers.NOT_TEXT)
        verb = verb.upper()
        if more_follows and (verb in _LAST_IN_GROUP or Extension.PIPELINING not in (self._extensions or ())):
            return Outcome(answers.OUT_OF_STEP, close=True)
        command = self._commands.get(verb)
        result = command(argument) if command else answers.UNKNOWN_COMMAND
        return Outcome(result) if isinstance(result, Answer) else result

    def content(self, stuffed: bytes) -> Outcome:
        """Act on a whole content, as it was sent but for the line that ends it."""
        transaction, self._transaction = self._transaction, None
        assert transaction is not None
        self.awaits_content = False
        if len(stuffed) > self._offer.max_octets:
            return Outcome(answers.TOO_BIG)
        if not transaction.eight_bit and not stuffed.isascii():
            return Outcome(answers.NOT_SEVEN_BIT)
        return self._mailboxes.at_dot(transaction.sender, transaction.recipients, stuffed)

    def _ehlo(self, argument: str) -> Answer:
        refusal = self._helo(argument)
        if refusal is answers.NEEDS_NAME:
            return refusal
        self._extensions = self._offer.extensions
        return self._offer.ehlo_answer()

    def _helo(self, argument: str) -> Answer:
        if not argument.strip():
            return answers.NEEDS_NAME
        self._transaction = None
        self._extensions = frozenset()
        return Answer(250, None, self._offer.name)

    def _mail(self, argument: str) -> Answer:
        if self._extensions is None:
            return answers.NEEDS_HELLO
        if self._transaction is not None:
            return answers.NESTED_MAIL
        path = parse_path(argument, "FROM:", MAIL_PARAMETERS, self._extensions)
        if isinstance(path, Answer):
            return path
        smtputf8 = "SMTPUTF8" in path.parameters
        if not path.address.isascii() and not smtputf8:
            return answers.NEEDS_SMTPUTF8
        if int(path.parameters.get("SIZE", 0)) > self._offer.max_octets:
            return answers.TOO_BIG
        self._transaction = Transaction(path.address, smtputf8, path.parameters.get("BODY", "").upper() == "8BITMIME")
        return answers.SENDER_TAKEN

    def _rcpt(self, argument: str) -> Outcome | Answer:
        if self._transaction is None:
            return answers.NEEDS_MAIL
        path = parse_path(argument, "TO:", RCPT_PARAMETERS, self._extensions or frozenset())
        if isinstance(path, Answer):
            return path
        refusal = refusal_of_recipient(path.address, smtputf8=self._transaction.smtputf8)
        if refusal is not None:
            return refusal
        outcome = self._mailboxes.at_rcpt(path.address)
        if outcome.answer is answers.RECIPIENT_TAKEN:
            self._transaction.recipients.append(path.address)
        return outcome

    def _data(self, argument: str) -> Answer:
        if argument:
            return Answer(501, "5.5.4", "DATA takes no argument")
        if self._transaction is None:
            return answers.NEEDS_MAIL
        if not self._transaction.recipients:
            return answers.NO_RECIPIENTS
        self.awaits_content = True
        return answers.GO_AHEAD

    def _rset(self, _argument: str) -> Answer:
        self._transaction = None
        return answers.DONE
