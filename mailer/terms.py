"""The terms that a mailing is sent under: a frozen copy of settings, so that what is changed later does not touch a running send."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from mailer.message import Letterhead
from mailer.pacing import Limit, Rate


class InDoubtPolicy(StrEnum):
    """What becomes of a delivery whose reply was lost: sent again with the same Message-ID, or left to staff."""

    RESEND = "resend"
    HOLD = "hold"


@dataclass(frozen=True, slots=True)
class Terms:
    """`pace` and `provider_pace` bound the rate; `retry_scale` stretches or shortens every wait between attempts."""

    letterhead: Letterhead
    pace: Rate | None = None
    provider_pace: Mapping[str, Rate] = field(default_factory=dict)
    in_doubt: InDoubtPolicy = InDoubtPolicy.RESEND
    retry_scale: float = 1.0
    give_up_hours: float = 72.0
    latest_start_hours: float = 6.0

    def limits(self, mailing_id: int, provider: str) -> tuple[Limit, ...]:
        """What bounds a batch of that provider."""
        limits = [Limit(f"mailing:{mailing_id}", self.pace)] if self.pace else []
        if provider in self.provider_pace:
            limits.append(Limit(f"mailing:{mailing_id}:{provider}", self.provider_pace[provider]))
        return tuple(limits)

    def to_json(self) -> dict[str, object]:
        """The terms as plain JSON values, as the database keeps them."""
        return {
            "letterhead": asdict(self.letterhead),
            "pace": str(self.pace) if self.pace else None,
            "provider_pace": {provider: str(rate) for provider, rate in self.provider_pace.items()},
            "in_doubt": self.in_doubt.value,
            "retry_scale": self.retry_scale,
            "give_up_hours": self.give_up_hours,
            "latest_start_hours": self.latest_start_hours,
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Terms:
        """The terms that `to_json` wrote."""
        return cls(
            letterhead=Letterhead(**document["letterhead"]),
            pace=Rate.parse(document["pace"]) if document["pace"] else None,
            provider_pace={provider: Rate.parse(rate) for provider, rate in document["provider_pace"].items()},
            in_doubt=InDoubtPolicy(document["in_doubt"]),
            retry_scale=document["retry_scale"],
            give_up_hours=document["give_up_hours"],
            latest_start_hours=document["latest_start_hours"],
        )
