"""The terms that a mailing is sent under: a frozen copy of settings, so that what is changed later does not touch a running send."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import timedelta
from enum import StrEnum
from typing import Any

from mailer.hours import Hours
from mailer.message import Letterhead
from mailer.pacing import Limit, Tally
from mailer.provider import OTHER
from mailer.rate import Bounds, Rate
from mailer.relay import Relay
from subscribers.errors import InputError

_NO_BOUNDS = Bounds()
_SECONDS_A_MESSAGE = 0.5  # what a server takes that is slow to answer
_MESSAGES_A_BATCH = 16  # that one batch has on their way without effort
_MANY = 1000
_PART = re.compile(r"(\d+(?:\.\d+)?)%|(\d+)")
_WAIT = re.compile(r"(\d{1,4})(min|h)")
_WAIT_UNITS = {"min": timedelta(minutes=1), "h": timedelta(hours=1)}


class InDoubtPolicy(StrEnum):
    """What becomes of a delivery whose reply was lost: sent again with the same Message-ID, or left to staff."""

    RESEND = "resend"
    HOLD = "hold"


@dataclass(frozen=True, slots=True)
class Canary:
    """A first part of the audience, as a share of each provider's or as a number of all, and how long to wait after it."""

    share: float | None
    count: int | None
    wait: timedelta

    @classmethod
    def parse(cls, part: str, wait: str) -> Canary:
        """`5%` or `200`, and `15min` or `2h`."""
        matched, waited = _PART.fullmatch(part.strip()), _WAIT.fullmatch(wait.strip())
        if matched is None or float(matched[1] or matched[2]) == 0 or float(matched[1] or 0) >= 100:
            raise InputError(f"{part!r} is no part of an audience. Give one like 5% or 200.")
        if waited is None:
            raise InputError(f"{wait!r} is no length of time. Give one like 15min or 2h.")
        share = float(matched[1]) / 100 if matched[1] else None
        return cls(share, int(matched[2]) if matched[2] else None, int(waited[1]) * _WAIT_UNITS[waited[2]])

    def share_of(self, recipients: int) -> float:
        """The share of so many recipients that is sent first."""
        if self.share is not None:
            return self.share
        assert self.count is not None
        return min(1.0, self.count / max(1, recipients))


@dataclass(frozen=True, slots=True)
class SegmentTerm:
    """Who of the lists is meant: an expression that names no saved segment, and the zone whose days count in it."""

    expression: str
    zone: str


@dataclass(frozen=True, slots=True)
class Terms:
    """`overall`, `pace` and `provider_pace` bound the rate of everything, of the mailing, and of its mail to a provider.

    `providers` is what providers were known to bear. `breakers`: whether what servers answer may stop the mailing for staff to look
    at. `signed`: there was a key for the sender, and nothing may leave without. `retry_scale` stretches or shortens every wait that a
    server asks for, and what is between two messages to a known provider.
    """

    letterhead: Letterhead
    overall: Rate | None = None
    pace: Rate | None = None
    provider_pace: Mapping[str, Rate] = field(default_factory=dict)
    providers: Mapping[str, Bounds] = field(default_factory=dict)
    hours: Hours | None = None
    canary: Canary | None = None
    breakers: bool = True
    signed: bool = False
    in_doubt: InDoubtPolicy = InDoubtPolicy.RESEND
    retry_scale: float = 1.0
    give_up_hours: float = 72.0
    latest_start_hours: float = 6.0
    segment: SegmentTerm | None = None

    def limits(self, mailing_id: int, provider: str, relay: Relay) -> tuple[Limit, ...]:
        """What bounds a batch for that provider through that relay; each limit is shared by all who name it."""
        bounds, pace = self.bounds(provider), self.own_pace(provider)
        limits = [
            *common_limits(self.overall, relay),
            Limit(provider_limit(relay.label, provider), bounds, self.retry_scale, Tally(relay.label, provider)),
            Limit(f"mailing:{mailing_id}", Bounds(self.pace)) if self.pace else None,
            Limit(f"mailing:{mailing_id}:{provider}", Bounds(pace)) if pace else None,
        ]
        return tuple(limit for limit in limits if limit)

    def bounds(self, provider: str) -> Bounds:
        """What all mailings together may do to that provider through one relay. A pace that staff asked for may raise it."""
        known, asked = self.providers.get(provider, _NO_BOUNDS), self.provider_pace.get(provider)
        if asked and known.rate and asked.per_second > known.rate.per_second:
            return replace(known, rate=asked, at_once=max(known.at_once or 1, math.ceil(asked.per_second * _SECONDS_A_MESSAGE)))
        return known

    def own_pace(self, provider: str) -> Rate | None:
        """What this mailing alone may do to that provider: the pace that staff asked for, where it does not raise the common one."""
        asked = self.provider_pace.get(provider)
        return None if self.bounds(provider).rate == asked else asked

    def batches_at_once(self) -> dict[str, int]:
        """How many batches keep the pace at each provider; more would only wait, and ask in ever smaller pieces."""
        return {provider: self._batches_at_once(provider) for provider in {OTHER, *self.providers, *self.provider_pace}}

    def _batches_at_once(self, provider: str) -> int:
        bounds = self.bounds(provider)
        rates = [rate.per_second for rate in (self.overall, self.pace, self.own_pace(provider)) if rate]
        rates += [bounds.rate.per_second / self.retry_scale] if bounds.rate else []
        # One more than are needed: the next is at work when one ends.
        needed = math.ceil(min(rates) * _SECONDS_A_MESSAGE / _MESSAGES_A_BATCH) + 1 if rates else _MANY
        return min(needed, bounds.at_once or _MANY, _MANY)

    def to_json(self) -> dict[str, object]:
        """The terms as plain JSON values, as the database keeps them."""
        canary = self.canary
        return {
            "letterhead": asdict(self.letterhead),
            "overall": _text(self.overall),
            "pace": _text(self.pace),
            "provider_pace": {provider: str(rate) for provider, rate in self.provider_pace.items()},
            "providers": {key: asdict(bounds) | {"rate": _text(bounds.rate)} for key, bounds in self.providers.items()},
            "hours": self.hours.to_json() if self.hours else None,
            "canary": {"share": canary.share, "count": canary.count, "wait": canary.wait.total_seconds()} if canary else None,
            "breakers": self.breakers,
            "signed": self.signed,
            "in_doubt": self.in_doubt.value,
            "retry_scale": self.retry_scale,
            "give_up_hours": self.give_up_hours,
            "latest_start_hours": self.latest_start_hours,
            "segment": asdict(self.segment) if self.segment else None,
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Terms:
        """The terms that `to_json` wrote."""
        canary = document["canary"]
        return cls(
            letterhead=Letterhead(**document["letterhead"]),
            overall=_rate(document["overall"]),
            pace=_rate(document["pace"]),
            provider_pace={provider: Rate.parse(rate) for provider, rate in document["provider_pace"].items()},
            providers={key: Bounds(**(kept | {"rate": _rate(kept["rate"])})) for key, kept in document["providers"].items()},
            hours=Hours.from_json(document["hours"]) if document["hours"] else None,
            canary=Canary(canary["share"], canary["count"], timedelta(seconds=canary["wait"])) if canary else None,
            breakers=document["breakers"],
            signed=document["signed"],
            in_doubt=InDoubtPolicy(document["in_doubt"]),
            retry_scale=document["retry_scale"],
            give_up_hours=document["give_up_hours"],
            latest_start_hours=document["latest_start_hours"],
            segment=SegmentTerm(**document["segment"]) if document.get("segment") else None,
        )


def common_limits(overall: Rate | None, relay: Relay) -> tuple[Limit, ...]:
    """What bounds all mail through a relay, of mailings and other."""
    of_the_relay = Limit(relay_limit(relay.label), relay.bounds, tally=Tally(relay.label))
    return (Limit("all", Bounds(overall)), of_the_relay) if overall else (of_the_relay,)


def relay_limit(relay: str) -> str:
    """The name of the limit that everything shares at one relay."""
    return f"relay:{relay}"


def provider_limit(relay: str, provider: str) -> str:
    """The name of the limit that all mailings share at one provider through one relay."""
    return f"{relay_limit(relay)}:{provider}"


def _text(rate: Rate | None) -> str | None:
    return str(rate) if rate else None


def _rate(text: str | None) -> Rate | None:
    return Rate.parse(text) if text else None
