"""Whether an issue reached each member institute: by whom, or why not. It is the number that a secretary general asks for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, text

from mailer.models import DeliveryState
from subscribers.errors import InputError
from subscribers.institutes import INSTITUTE_OF_NAME


class Outcome(StrEnum):
    """What became of an issue on its way to an institute, from what staff have to look at to what is well."""

    NOBODY = "nobody"  # There is nobody there whom it could be sent to.
    NOT_REACHED = "not_reached"
    UNDER_WAY = "under_way"
    REACHED = "reached"


@dataclass(frozen=True, slots=True)
class Recipient:
    """One contact who was written to, or would have been: with the state and the words of the one who refused."""

    address: str
    name: str | None
    state: DeliveryState
    reason: str | None
    reply: str | None
    at: datetime | None


@dataclass(frozen=True, slots=True)
class InstituteCoverage:
    """What became of an issue at one member institute. `by` were reached, `why` says it of the others in order, the first contact first."""

    institute: str
    province: str | None
    membership_number: str | None
    outcome: Outcome
    by: Sequence[Recipient]
    why: Sequence[str]


_OUTCOMES: Mapping[DeliveryState, Outcome] = {
    DeliveryState.ACCEPTED: Outcome.REACHED,
    DeliveryState.COMPLAINED: Outcome.REACHED,
    DeliveryState.PENDING: Outcome.UNDER_WAY,
    DeliveryState.DEFERRED: Outcome.UNDER_WAY,
    DeliveryState.IN_DOUBT: Outcome.UNDER_WAY,
    DeliveryState.BOUNCED: Outcome.NOT_REACHED,
    DeliveryState.FAILED: Outcome.NOT_REACHED,
    DeliveryState.SKIPPED: Outcome.NOT_REACHED,
}
_ORDER = list(Outcome)


def coverage(connection: Connection, issue_id: int) -> list[InstituteCoverage]:
    """The members of today, those to be looked at first. InputError where the issue has not been sent."""
    if connection.execute(_MAILINGS, {"issue": issue_id}).first() is None:
        raise InputError("that issue has not been sent to anybody. `jianbao mailing schedule` sends it.")
    covered = [_cover(row) for row in connection.execute(_COVERAGE, {"issue": issue_id})]
    return sorted(covered, key=lambda one: _ORDER.index(one.outcome))


def totals(covered: Sequence[InstituteCoverage]) -> dict[str, int]:
    """How many institutes have each outcome."""
    counted = Counter(one.outcome for one in covered)
    return {outcome.value: counted[outcome] for outcome in reversed(Outcome)}


def _cover(row: Row[Any]) -> InstituteCoverage:
    recipients = [
        Recipient(**{**one, "state": DeliveryState(one["state"]), "at": one["at"] and datetime.fromisoformat(one["at"])})
        for one in row.recipients or ()
    ]
    outcome = max((_OUTCOMES[one.state] for one in recipients), key=_ORDER.index, default=Outcome.NOBODY)
    by = [one for one in recipients if _OUTCOMES[one.state] is Outcome.REACHED]
    why = [] if outcome is Outcome.REACHED else [_why(one) for one in recipients]
    if not recipients:
        why = ["no contact is known" if not row.contacts else "no contact is on the lists that it was sent to"]
    return InstituteCoverage(row.name, row.province, row.membership_number, outcome, by, why)


def _why(one: Recipient) -> str:
    said = one.reason or one.reply or ""
    return f"{one.address}: {one.state}" + (f", {said}" if said else "")


_MAILINGS = text("SELECT FROM mailing WHERE issue_id = :issue AND started_at IS NOT NULL LIMIT 1")
# Where a delivery names its institute, that name leads to the institute, whatever it is called today and wherever the person went since.
_COVERAGE = text(f"""
    WITH named AS ({INSTITUTE_OF_NAME}),
    sent AS (
        SELECT COALESCE(named.institute_id, s.institute_id) AS institute_id,
               jsonb_agg(jsonb_build_object('address', d.address, 'name', d.name, 'state', d.state, 'reason', d.reason,
                                            'reply', d.reply, 'at', d.settled_at) ORDER BY s.rank NULLS LAST, d.id) AS recipients
        FROM mailing m JOIN delivery d ON d.mailing_id = m.id
        LEFT JOIN subscriber s ON s.id = d.subscriber_id
        LEFT JOIN named ON named.name = d.institute
        WHERE m.issue_id = :issue AND COALESCE(named.institute_id, s.institute_id) IS NOT NULL
        GROUP BY 1)
    SELECT i.name, i.province, i.membership_number, sent.recipients,
           EXISTS (SELECT FROM subscriber c WHERE c.institute_id = i.id AND c.state <> 'merged') AS contacts
    FROM institute i LEFT JOIN sent ON sent.institute_id = i.id
    WHERE i.status = 'member' ORDER BY i.province NULLS LAST, i.name""")  # noqa: S608 - of a constant of ours
