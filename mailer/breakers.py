"""When servers' answers stop a mailing for staff to look at: pure, by a table, from how often each answer was heard.

Most providers block who goes on after such answers: many unknown users are a named cause at NetEase and Tencent, and Amazon SES reviews
a sender at 5 % of them. What passes by itself, such as a rate, is no matter for staff and not in the table.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType

from mailer.models import Cause
from mailer.provider import OTHER
from mailer.reply import Meaning
from mailer.smtp.outcomes import Reason

LATELY = timedelta(minutes=10)
COMPLAINED = "complained"
_PROVIDERS_AGREE = 2  # So many providers that refuse the content mean that it is the content.


@dataclass(frozen=True, slots=True)
class Heard:
    """How many recipients at a provider ended an attempt for that reason, and of how many that was heard LATELY.

    The reason is a meaning's word or COMPLAINED; anything else, and None, is only counted among all.
    """

    provider: str
    reason: str | None
    number: int
    lately: int


@dataclass(frozen=True, slots=True)
class Trip:
    """A breaker that opens, for a provider or (None) for the whole mailing: `count` of `of` recipients."""

    provider: str | None
    cause: Cause
    count: int
    of: int


@dataclass(frozen=True, slots=True)
class Rule:
    """`cause` trips at `least` recipients that are more than `share` of those heard of, when these are at least `sample`.

    At OTHER, which is many servers with minds of their own, the share is at least `share_at_other`.
    """

    cause: Cause
    reasons: frozenset[str]
    lately: bool
    least: int
    share: float
    sample: int = 1
    share_at_other: float = 0.0
    whole_mailing: bool = False


def _words(*meanings: Meaning) -> frozenset[str]:
    return frozenset(meaning.value for meaning in meanings)


# What is no matter of one address: the message is too large or in an encoding that is not taken, or the dialogue is wrong.
_OUR_FORM = _words(Meaning.PROTOCOL) | {Reason.TOO_BIG.value, Reason.NEEDS_8BITMIME.value}

RULES: tuple[Rule, ...] = (
    Rule(Cause.UNKNOWN_USERS, _words(Meaning.UNKNOWN_USER), lately=False, least=1, share=0.05, sample=100),
    Rule(Cause.CONTENT, _words(Meaning.CONTENT), lately=True, least=3, share=0.0, share_at_other=0.05),
    Rule(Cause.REPUTATION, _words(Meaning.REPUTATION, Meaning.AUTHENTICATION), lately=True, least=3, share=0.2),
    Rule(Cause.OUR_FAULT, _OUR_FORM, lately=False, least=5, share=0.01, sample=100, whole_mailing=True),
    Rule(Cause.COMPLAINTS, frozenset({COMPLAINED}), lately=False, least=3, share=0.003, whole_mailing=True),
)
REASONS: Mapping[Cause, frozenset[str]] = MappingProxyType({rule.cause: rule.reasons for rule in RULES})


def judge(heard: Sequence[Heard], *, canary: bool) -> list[Trip]:
    """The breakers that open after what was heard in one mailing, the narrowest first; while its first part is out, for all of it."""
    trips = [*_by_provider(heard), *_by_mailing(heard)]
    refused = [trip for trip in trips if trip.cause is Cause.CONTENT]
    if len(refused) >= _PROVIDERS_AGREE:
        trips.append(Trip(None, Cause.CONTENT, sum(trip.count for trip in refused), sum(trip.of for trip in refused)))
    return [Trip(None, trip.cause, trip.count, trip.of) for trip in trips][:1] if canary else trips


def _by_provider(heard: Sequence[Heard]) -> Iterator[Trip]:
    for provider in sorted({one.provider for one in heard}):
        of_provider = [one for one in heard if one.provider == provider]
        for rule in RULES:
            if not rule.whole_mailing and (trip := _trip(rule, of_provider, provider)):
                yield trip


def _by_mailing(heard: Sequence[Heard]) -> Iterator[Trip]:
    for rule in RULES:
        if rule.whole_mailing and (trip := _trip(rule, heard, None)):
            yield trip


def _trip(rule: Rule, heard: Iterable[Heard], provider: str | None) -> Trip | None:
    count = of = 0
    for one in heard:
        number = one.lately if rule.lately else one.number
        of += number
        count += number if one.reason in rule.reasons else 0
    share = max(rule.share, rule.share_at_other) if provider == OTHER else rule.share
    tripped = count >= rule.least and of >= rule.sample and count > share * of
    return Trip(provider, rule.cause, count, of) if tripped else None


_SAID = {
    Cause.UNKNOWN_USERS: "are unknown to their servers. Clean the list before more are tried",
    Cause.CONTENT: "were refused for the content in ten minutes. Look at its links and words",
    Cause.REPUTATION: "were refused in ten minutes for who we are: reputation, SPF, DKIM or the address's name",
    Cause.OUR_FAULT: "could not be sent to for the size or form of the message, or the dialogue",
    Cause.COMPLAINTS: "complained. Look at whether they wanted this mail",
}


def sentence(trip: Trip) -> str:
    """The trip as staff read it."""
    where = f" at {trip.provider}" if trip.provider else ""
    return f"{trip.count} of {trip.of} recipients{where} {_SAID[trip.cause]}"
