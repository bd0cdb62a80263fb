"""What one check of the installation says."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """SKIPPED could not be found out, or does not apply here."""

    OK = "ok"
    FAULT = "fault"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Finding:
    """The name of a check, how it went, what was seen, and with a fault what to do about it."""

    name: str
    outcome: Outcome
    message: str
    cure: str | None = None


def ok(name: str, message: str) -> Finding:
    """All is well."""
    return Finding(name, Outcome.OK, message)


def fault(name: str, message: str, cure: str | None = None) -> Finding:
    """Something has to be done; no `cure` where the message says it already."""
    return Finding(name, Outcome.FAULT, message, cure)


def skipped(name: str, message: str) -> Finding:
    """Nothing was found out, and why."""
    return Finding(name, Outcome.SKIPPED, message)
