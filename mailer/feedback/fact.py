"""What came back, as a fact: what happened to whose mail, who says so, and what shows that it was ours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from mailer.reply import Meaning

_NOTHING: Mapping[str, str] = MappingProxyType({})


class Form(StrEnum):
    """The form in which a fact arrived; the first is worth most, the last nothing."""

    WEBHOOK = "webhook"  # a request whose signature or password was right
    DSN = "dsn"  # RFC 3464, fields made for programs
    NOTICE = "notice"  # a bounce in words alone
    ARF = "arf"  # RFC 5965
    MDN = "mdn"  # RFC 8098
    AUTOREPLY = "autoreply"  # RFC 3834
    AGGREGATE = "aggregate"  # DMARC (RFC 9990) and TLS (RFC 8460) reports, about no single message
    OTHER = "other"  # a person's letter, or what nobody could read


class Happening(StrEnum):
    """What happened, in the words that the mail services share."""

    QUEUED = "queued"
    SENT = "sent"
    REJECTED = "rejected"  # the service did not try
    FAILED = "failed"  # the service could not make the message
    BOUNCED = "bounced"
    DEFERRED = "deferred"
    DELIVERED = "delivered"
    AUTORESPONDED = "autoresponded"
    ANSWERED = "answered"  # somebody wrote back to a mail that had asked for it
    DISPLAYED = "displayed"  # an MDN: shown, deleted, dispatched
    OPENED = "opened"
    CLICKED = "clicked"
    COMPLAINED = "complained"
    UNSUBSCRIBED = "unsubscribed"
    SUBSCRIBED = "subscribed"
    REPORTED = "reported"  # a report about mail that asks nothing of the address: not-spam, auth-failure, virus
    UNKNOWN = "unknown"


class FactClass(StrEnum):
    """What a fact asks for, as `bounce classify` prints it."""

    HARD = "hard"
    SOFT = "soft"
    COMPLAINT = "complaint"
    AUTOREPLY = "autoreply"
    DELIVERED = "delivered"
    REPORT = "report"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a fact gives to find our delivery by, and to judge who speaks. Nothing of it has been verified here.

    `tokens` has the shape of ours and was found in the report's own recipients (VERP), ENVID or the returned header, in this
    order; `message_ids` are of the returned message, without brackets, and of the service. `reporter` is the server or the
    address that speaks, `arrived_for` the addresses that the report was written to, `null_sender` whether its envelope
    sender was empty as RFC 3464 §2 demands, None where that is not known.
    """

    tokens: tuple[str, ...] = ()
    message_ids: tuple[str, ...] = ()
    envelope_id: str = ""
    returned_from: str = ""
    returned_to: tuple[str, ...] = ()
    reporter: str = ""
    arrived_for: tuple[str, ...] = ()
    null_sender: bool | None = None


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that happened to one recipient.

    `recipient` is as reported, `original_recipient` as we may have written it (RFC 3461 ORCPT), `led_to` another mailbox that the
    recipient's leads on to; each is "" where the report names none. `class_` is None where nothing is asked of the address, such
    as for an open. `meaning` and `rule` say how a bounce was read, `known` is false where only a bare code spoke and people should
    look at `diagnostic`. `feedback_type` is RFC 5965's. `event_id` is the service's name for this event, the same when it is sent
    again.
    """

    happening: Happening
    recipient: str
    class_: FactClass | None = None
    meaning: Meaning | None = None
    rule: str = ""
    known: bool = True
    original_recipient: str = ""
    led_to: str = ""
    status: str = ""
    diagnostic: str = ""
    remote_host: str = ""
    feedback_type: str = ""
    at: datetime | None = None
    event_id: str = ""
    url: str = ""
    user_agent: str = ""
    tags: tuple[str, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    evidence: Evidence = field(default_factory=Evidence)

    @property
    def reason(self) -> str:
        """One word for people and reports: the meaning of a bounce, else the type of a complaint, else what happened."""
        return self.meaning or self.feedback_type or self.happening


@dataclass(frozen=True, slots=True)
class Facts:
    """All that one message or request said. `confirm_url` is to be fetched once to confirm a subscription to a service's
    events; its host has been checked. `subject` is for people who look at what nobody could read."""

    form: Form
    facts: tuple[Fact, ...] = ()
    subject: str = ""
    confirm_url: str = ""


class RefusalReason(StrEnum):
    """Why a request was not believed."""

    UNKNOWN_SERVICE = "unknown_service"
    NOT_CONFIGURED = "not_configured"  # no secret to check it by
    TOO_LARGE = "too_large"
    UNAUTHENTICATED = "unauthenticated"  # no signature or password
    FORGED = "forged"  # a wrong one
    STALE = "stale"  # signed too long ago, or in the future
    FOREIGN = "foreign"  # rightly signed, for somebody else's topic or account
    MALFORMED = "malformed"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A request that was not believed, with what to tell the operator; nothing of it may be told to the sender."""

    reason: RefusalReason
    detail: str
