"""Everything between staff's wish to send an issue and its mailing's rows: whom it goes to, whether it may, when it begins.

A plan is made first, with all that takes long: rendering, composing, asking the DNS. Only then is it carried out, in one transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection

from mailer import approvals, exchanges, installation, issues, mailings, planning, work_years
from mailer.activity import freeze_segment
from mailer.bootstrap import Services, provider_table
from mailer.edition import Edition
from mailer.estimate import Forecast, forecast
from mailer.hours import Hours
from mailer.inspection import inspect
from mailer.issues import StoredIssue
from mailer.mailings import MailingRecord
from mailer.preflight import Finding, Level
from mailer.publishing import edition_of, situation_of, terms_of
from mailer.rate import Rate
from mailer.settings import Settings
from mailer.specimen import check_for_readers, make_specimen
from mailer.terms import Canary, SegmentTerm, Terms
from subscribers import audit, store
from subscribers.audit import Change, Subject
from subscribers.db import database_time, transaction
from subscribers.errors import InputError
from subscribers.models import TrackingMode

_FAR_OFF = datetime.max.replace(tzinfo=UTC)
_STILL_NOW = timedelta(minutes=15)  # What staff mean to begin at once may have its time before all is typed.


@dataclass(frozen=True, slots=True)
class Audience:
    """Whom a mailing goes to: who is on the lists and on none of those excluded, and `among` whom."""

    list_ids: tuple[int, ...]
    excluded_ids: tuple[int, ...]
    among: SegmentTerm | None


@dataclass(frozen=True, slots=True)
class Wish:
    """What was asked for: when, how fast, in which hours, with which first part, in spite of what."""

    at: datetime
    pace: Rate | None
    provider_pace: Mapping[str, Rate]
    hours: Hours | None
    canary: Canary | None
    override: str | None


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be sent to whom, and from when on; `recipients` are those of now, `errors` those in spite of which it is sent."""

    stored: StoredIssue
    edition: Edition
    audience: Audience
    tracking: TrackingMode
    at: datetime
    terms: Terms
    recipients: int
    errors: tuple[Finding, ...]
    override: str | None


@dataclass(frozen=True, slots=True)
class Made:
    """A mailing that was scheduled: how long it will take, whether anything `runs` that would send it, the mailings that bring,
    or brought, the same issue to the same lists, and the ids of those that go out `beside` it, for which the forecast has no eyes."""

    record: MailingRecord
    forecast: Forecast
    runs: bool
    others: tuple[MailingRecord, ...]
    beside: tuple[int, ...]


def find_audience(
    connection: Connection, slugs: Sequence[str], excluded: Sequence[str], segment: str | None, settings: Settings
) -> Audience:
    """The lists of these names, and the segment as it is written now. InputError where there is none of that name."""
    among = SegmentTerm(freeze_segment(connection, segment), settings.zone.key) if segment is not None else None
    return Audience(_lists(connection, slugs), _lists(connection, excluded), among)


def _lists(connection: Connection, slugs: Sequence[str]) -> tuple[int, ...]:
    return tuple(store.find_list(connection, slug) for slug in slugs)


def make_plan(services: Services, stored: StoredIssue, audience: Audience, wish: Wish, now: datetime) -> Plan:
    """The issue rendered, and looked at as some of its readers would get it. Nothing is changed, and no transaction is open meanwhile.

    InputError where the time is past, where recipients would see faults and the wish does not override them, where nobody has approved
    what has to be, or where the pace is above what the relays allow.
    """
    settings, ref = services.settings, stored.issue.ref
    if wish.at < now - _STILL_NOW:
        raise InputError(f"{wish.at.astimezone(settings.zone):%Y-%m-%d %H:%M} is past. Give `now`, or a time to come.")
    specimen = make_specimen(stored, settings)
    errors = _errors(inspect(stored, specimen, settings), ref, wish.override)
    terms = terms_of(
        stored.publication,
        settings,
        wish.pace,
        wish.provider_pace,
        hours=wish.hours,
        canary=wish.canary,
        segment=audience.among,
    )
    exchanges.recognise(services.engine, audience.list_ids, provider_table(settings))
    with transaction(services.engine) as connection:
        at = wish.hours.next_opening(wish.at, work_years.load(connection).is_workday) if wish.hours else wish.at
        approvals.require_approval(connection, stored, specimen.edition)
        tracking = mailings.tracking_of(connection, audience.list_ids)
        chosen = planning.chosen_by(connection, terms, now)
        recipients = planning.count_audience(connection, audience.list_ids, chosen)
        readers = planning.some_recipients(connection, audience.list_ids, chosen, recipients)
    edition = specimen.edition
    if tracking is TrackingMode.OFF:
        edition = edition_of(stored, settings, tracking=False)  # What was approved, and nothing in it is counted.
    errors += _errors(check_for_readers(edition, stored, settings, readers), ref, wish.override)
    return Plan(stored, edition, audience, tracking, at, terms, recipients, errors, wish.override)


def carry_out(services: Services, plan: Plan, now: datetime, *, by: str, draft: int | None = None) -> Made:
    """Make the mailing, or confirm the `draft` that was prepared, and say how long it will take.

    InputError where what the plan rests on was changed meanwhile; nothing is scheduled then.
    """
    stored, audience, terms, settings = plan.stored, plan.audience, plan.terms, services.settings
    with transaction(services.engine) as connection:
        edition_id = issues.freeze_edition(connection, stored.revision_id, plan.edition)
        if mailings.tracking_of(connection, audience.list_ids) is not plan.tracking:
            raise InputError("how far its lists are counted was changed at this moment. Schedule it again.")
        if draft is None:
            mailing_id = mailings.schedule(
                connection,
                issue_id=stored.id,
                edition_id=edition_id,
                list_ids=audience.list_ids,
                excluded_list_ids=audience.excluded_ids,
                at=plan.at,
                terms=terms,
                created_by=by,
            )
        else:
            if issues.find_issue(connection, f"#{stored.id}").revision_id != stored.revision_id:
                raise InputError(f"issue {stored.issue.ref} was changed at this moment. Confirm it again.")
            mailing_id = draft
            mailings.change_draft(connection, draft, edition_id=edition_id, list_ids=audience.list_ids, terms=terms)
            mailings.confirm(connection, draft, plan.at)
        if plan.errors:
            after = {"errors": [str(error) for error in plan.errors]}
            overridden = Change(by, "override", Subject.MAILING, mailing_id, after=after, reason=plan.override)
            audit.record(connection, overridden)
        domains = provider_table(settings).provider_of_domain
        chosen = planning.chosen_by(connection, terms, now)
        numbers = planning.recipients_by_provider(connection, mailing_id, domains, chosen)
        others = mailings.of_issue(connection, stored.id, audience.list_ids)
        told = forecast(numbers, terms, situation_of(connection, settings), plan.at)
        return Made(
            record=mailings.find_mailing(connection, mailing_id),
            forecast=told,
            runs=installation.runs(connection, database_time(connection)),
            others=tuple(other for other in others if other.id != mailing_id),
            beside=tuple(mailings.beside(connection, mailing_id, told.finishes_at or _FAR_OFF)),
        )


def _errors(findings: Iterable[Finding], ref: str, override: str | None) -> tuple[Finding, ...]:
    """The errors in spite of which it is sent. InputError where there are some and nobody says why it should be."""
    errors = tuple(finding for finding in findings if finding.level is Level.ERROR)
    if errors and not override:
        raise InputError(
            f"issue {ref} has faults that recipients would see, such as in {errors[0].place}: {errors[0].message}. "
            f"{errors[0].cure} `jianbao issue check {ref}` says all that is the same for everybody; "
            "--override WHY sends it all the same."
        )
    return errors
