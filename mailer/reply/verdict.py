"""What a reply can mean, finely for us and coarsely for people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


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


class Confidence(StrEnum):
    """Whether the words leave another reading open: then one reply alone ends no address."""

    EXPLICIT = "explicit"
    LOW = "low"


CLASS_OF: Mapping[Meaning, VerdictClass] = MappingProxyType(
    {
        Meaning.ACCEPTED: VerdictClass.ACCEPTED,
        Meaning.UNKNOWN_USER: VerdictClass.HARD,
        Meaning.DOMAIN_DEAD: VerdictClass.HARD,
        Meaning.MAILBOX_DISABLED: VerdictClass.HARD,
        Meaning.MAILBOX_FULL: VerdictClass.SOFT,
        Meaning.TRANSIENT: VerdictClass.SOFT,
        Meaning.REFUSED_BY_RECIPIENT: VerdictClass.SOFT,
        Meaning.AMBIGUOUS: VerdictClass.SOFT,
        Meaning.CONNECTION_RATE: VerdictClass.RATE,
        Meaning.SENDER_RATE: VerdictClass.RATE,
        Meaning.RECIPIENT_RATE: VerdictClass.RATE,
        Meaning.CONTENT: VerdictClass.SENDER,
        Meaning.REPUTATION: VerdictClass.SENDER,
        Meaning.AUTHENTICATION: VerdictClass.SENDER,
        Meaning.ACCOUNT: VerdictClass.SENDER,
        Meaning.PROTOCOL: VerdictClass.SENDER,
    }
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a reply means. `rule` names what decided: a row of the table, `enhanced:5.1.1` or `basic:550`.

    `known` is false where the code alone decided: staff should look at such a text. `temporary` repeats that the code's
    class was 4; `until_tomorrow` that the server closes for the rest of its day; `alone` that the words need no code beside
    them to be believed in a report, `at_home` that they need none in a report of the recipient's own server.
    """

    meaning: Meaning
    class_: VerdictClass
    confidence: Confidence
    rule: str
    known: bool
    temporary: bool = False
    until_tomorrow: bool = False
    alone: bool = False
    at_home: bool = False

    @property
    def by_words(self) -> bool:
        """Whether a row of the table decided, and not a code by itself."""
        return not self.rule.startswith(("enhanced:", "basic:"))

    @property
    def class_in_report(self) -> VerdictClass:
        """The class where the reply is quoted in a bounce message: hard, soft or accepted.

        A bounce is the claim of a stranger, so what takes two strikes in our own session is soft there.
        """
        match self.meaning:
            case Meaning.ACCEPTED:
                return VerdictClass.ACCEPTED
            case Meaning.UNKNOWN_USER | Meaning.DOMAIN_DEAD:
                return VerdictClass.HARD
            case _:
                return VerdictClass.SOFT
