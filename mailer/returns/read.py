"""An arrival once somebody has read it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mailer.feedback import Facts
from mailer.returns.arrivals import LEAVING, Kept, ReadAs
from mailer.returns.claims import Claim


@dataclass(frozen=True, slots=True)
class Read:
    """An arrival with what it says."""

    kept: Kept
    facts: Facts
    claims: Sequence[Claim]
    trouble: str | None = None
    leaves: bool = False  # somebody wrote it to leave

    @property
    def read_as(self) -> ReadAs:
        """What is noted of it."""
        form = LEAVING if self.leaves else self.facts.form.value
        return ReadAs(self.kept.id, form, self.facts.subject, self.trouble, self.facts.confirm_url or None)
