"""`jianbao mailing schedule`: what to whom, when, how fast; and how long it will take."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import rich_click as click
from sqlalchemy import Connection

from mailer import approvals, exchanges, installation, issues, mailings, planning, work_years
from mailer.activity import freeze_segment
from mailer.bootstrap import Services, provider_table
from mailer.cli import known
from mailer.cli.output import actor, json_option, local_time, note, print_json, print_table, services
from mailer.estimate import Forecast, forecast
from mailer.hours import Hours, Span
from mailer.inspection import inspect
from mailer.issues import StoredIssue
from mailer.preflight import Finding, Level
from mailer.provider import ProviderTable
from mailer.publishing import edition_of, situation_of, terms_of
from mailer.rate import Rate
from mailer.specimen import check_for_readers, make_specimen
from mailer.terms import Canary, SegmentTerm
from mailer.when import parse_when
from subscribers import audit, store
from subscribers.audit import Change, Subject
from subscribers.db import database_time, transaction
from subscribers.errors import InputError
from subscribers.models import TrackingMode

F = TypeVar("F", bound=Callable[..., Any])

_SPAN = "HH:MM-HH:MM"


@dataclass(frozen=True, slots=True)
class Wish:
    """What was asked for: when, how fast, in which hours, with which first part, in spite of what."""

    when: str
    paces: tuple[str, ...]
    spans: tuple[str, ...]
    quiet: tuple[str, ...]
    workdays: bool
    zone: str | None
    canary: str | None
    canary_wait: str
    override: str | None


@dataclass(frozen=True, slots=True)
class _Audience:
    """Whom a mailing goes to."""

    list_ids: tuple[int, ...]
    excluded_ids: tuple[int, ...]
    among: SegmentTerm | None


def _asks_when(command: F) -> F:
    """Adds the options that make a `Wish`."""
    for option in reversed(
        (
            click.option("--at", "when", required=True, metavar="WHEN", help='`now`, or a local time like "2026-12-01 09:00".'),
            click.option(
                "--pace", "paces", multiple=True, metavar="[PROVIDER=]RATE", help="20/s, 300/min, 500/10min; or netease=1/s."
            ),
            click.option(
                "--hours",
                "spans",
                multiple=True,
                metavar=_SPAN,
                help="Send in these hours only, like 09:00-18:00; may be repeated.",
            ),
            click.option(
                "--quiet", multiple=True, metavar=_SPAN, help="Send nothing in these hours, like 22:00-07:00; may be repeated."
            ),
            click.option(
                "--workdays",
                is_flag=True,
                help="Send on Chinese working days only, those worked in a holiday's stead included.",
            ),
            click.option(
                "--zone", metavar="ZONE", help="Whose hours and days these are, like Asia/Urumqi; else the configured zone."
            ),
            click.option(
                "--canary",
                metavar="PART",
                help="Send to a first part, like 5% or 200, and wait; a breaker keeps the rest back.",
            ),
            click.option(
                "--canary-wait",
                default="15min",
                show_default=True,
                metavar="LENGTH",
                help="How long to wait after the first part.",
            ),
            click.option(
                "--override",
                metavar="WHY",
                help="Send it although `issue check` finds errors; the reason is kept in the audit.",
            ),
        )
    ):
        command = option(command)
    return command


@click.command()
@click.argument("ref", metavar="ISSUE")
@click.option(
    "--list", "slugs", multiple=True, required=True, help="A list to send to; may be repeated.", shell_complete=known.lists
)
@click.option(
    "--exclude-list",
    "excluded",
    multiple=True,
    help="Who is on this list gets nothing; may be repeated.",
    shell_complete=known.lists,
)
@click.option(
    "--segment",
    metavar="EXPR|NAME",
    help="Only those of the lists who are in this segment when the mailing begins.",
    shell_complete=known.segments,
)
@_asks_when
@json_option
def schedule(
    ref: str, slugs: tuple[str, ...], excluded: tuple[str, ...], segment: str | None, as_json: bool, **wish: Any
) -> None:
    """Send an issue to lists, now or later. What is sent is the issue as it is at this moment.

    Example: `jianbao mailing schedule 2023-09 --list members --at "2026-12-01 09:00" --pace 20/s`
    """
    with services() as opened:
        with transaction(opened.engine) as connection:
            stored = issues.find_issue(connection, ref)
            among = None
            if segment is not None:
                among = SegmentTerm(freeze_segment(connection, segment), opened.settings.zone.key)
            audience = _Audience(_lists(connection, slugs), _lists(connection, excluded), among)
        _arrange(opened, stored, audience, Wish(**wish), as_json=as_json)


@click.command()
@click.argument("mailing_id", metavar="ID", type=int)
@_asks_when
@json_option
def confirm(mailing_id: int, as_json: bool, **wish: Any) -> None:
    """Send a mailing that was prepared, such as a correction's, now or later. What is sent is its issue as it is at this moment.

    Example: `jianbao mailing confirm 2 --at now`
    """
    with services() as opened:
        with transaction(opened.engine) as connection:
            draft = mailings.require_draft(connection, mailing_id)
            stored = issues.find_issue(connection, f"#{draft.issue_id}")
        audience = _Audience(draft.list_ids, draft.excluded_list_ids, draft.terms.segment)
        _arrange(opened, stored, audience, Wish(**wish), as_json=as_json, draft=mailing_id)


def _lists(connection: Connection, slugs: tuple[str, ...]) -> tuple[int, ...]:
    return tuple(store.find_list(connection, slug) for slug in slugs)


def _arrange(
    opened: Services, stored: StoredIssue, audience: _Audience, wish: Wish, *, as_json: bool, draft: int | None = None
) -> None:
    """Makes the mailing, or confirms the one that was prepared, and says how long it will take."""
    settings, providers, list_ids = opened.settings, provider_table(opened.settings), audience.list_ids
    pace, provider_pace = _paces(wish.paces, providers)
    hours = _hours(wish.spans, wish.quiet, wish.workdays, wish.zone, settings.zone)
    first = Canary.parse(wish.canary, wish.canary_wait) if wish.canary else None
    specimen = make_specimen(stored, settings)
    errors = _errors(inspect(stored, specimen, settings), stored.issue.ref, wish.override)
    terms = terms_of(stored.publication, settings, pace, provider_pace, hours=hours, canary=first, segment=audience.among)
    exchanges.recognise(opened.engine, list_ids, providers)
    asked = parse_when(wish.when, settings.zone, datetime.now(UTC))
    with transaction(opened.engine) as connection:
        at = _opening(connection, hours, asked)
        approvals.require_approval(connection, stored, specimen.edition)
        edition = specimen.edition
        if mailings.tracking_of(connection, list_ids) is TrackingMode.OFF:
            edition = edition_of(stored, settings, tracking=False)  # What was approved, and nothing in it is counted.
        edition_id = issues.freeze_edition(connection, stored.revision_id, edition)
        if draft is None:
            mailing_id = mailings.schedule(
                connection,
                issue_id=stored.id,
                edition_id=edition_id,
                list_ids=list_ids,
                excluded_list_ids=audience.excluded_ids,
                at=at,
                terms=terms,
                created_by=actor(),
            )
        else:
            mailing_id = draft
            mailings.change_draft(connection, draft, edition_id=edition_id, list_ids=list_ids, terms=terms)
            mailings.confirm(connection, draft, at)
        chosen = planning.chosen_by(connection, terms, datetime.now(UTC))
        recipients = planning.count_audience(connection, list_ids, chosen)
        readers = planning.some_recipients(connection, list_ids, chosen, recipients)
        errors += _errors(check_for_readers(edition, stored, settings, readers), stored.issue.ref, wish.override)
        if errors:
            audit.record(connection, _overridden(mailing_id, errors, wish.override))
        record = mailings.find_mailing(connection, mailing_id)
        numbers = planning.recipients_by_provider(connection, mailing_id, providers.provider_of_domain, chosen)
        told = forecast(numbers, terms, situation_of(connection, settings), at)
        runs = installation.runs(connection, database_time(connection))
        before = [other for other in mailings.of_issue(connection, stored.id, list_ids) if other.id != mailing_id]
    if as_json:
        kept = {"id": record.id, "issue": record.issue, "status": record.status, "at": record.at, "recipients": recipients}
        print_json(kept | {"forecast": document(told)})
        return
    click.echo(
        f"mailing {record.id}: issue {record.issue} to {recipients} recipients at {local_time(record.at, settings.zone)}"
    )
    if at > asked:
        note(f"It begins when its hours do: {hours}.")
    print_forecast(told, settings.zone)
    note(f"`jianbao mailing watch {record.id}` follows it.")
    if before and audience.among is None:
        said = ", ".join(f"{other.id} ({other.status.value})" for other in before)
        note(
            f"warning: the issue goes, or has gone, to these lists by mailing {said} as well: whoever is on them gets it again."
        )
    if not settings["SMTP_URL"]:
        note("warning: JIANBAO_SMTP_URL names no mail server yet, so that nothing can leave. `jianbao doctor` says more.")
    if not runs:
        note("warning: nothing runs here that would send it. `jianbao up` has to run when its time comes.")


def _paces(texts: tuple[str, ...], providers: ProviderTable) -> tuple[Rate | None, dict[str, Rate]]:
    overall: Rate | None = None
    by_provider: dict[str, Rate] = {}
    for text in texts:
        provider, equals, rate = text.rpartition("=")
        if equals and provider not in providers.keys:
            raise InputError(f"there is no provider {provider!r}. There are: {', '.join(sorted(providers.keys))}.")
        if equals:
            by_provider[provider] = Rate.parse(rate)
        else:
            overall = Rate.parse(rate)
    return overall, by_provider


def _hours(spans: tuple[str, ...], quiet: tuple[str, ...], workdays: bool, zone: str | None, default: ZoneInfo) -> Hours | None:
    if not (spans or quiet or workdays):
        if zone:
            raise InputError("--zone says whose hours are meant. Give --hours, --quiet or --workdays with it.")
        return None
    try:
        whose = ZoneInfo(zone) if zone else default
    except (ZoneInfoNotFoundError, ValueError):
        raise InputError(f"{zone!r} is not a time zone. Give an IANA name like Asia/Shanghai.") from None
    return Hours(whose, tuple(map(Span.parse, spans)), tuple(map(Span.parse, quiet)), workdays)


def _opening(connection: Connection, hours: Hours | None, at: datetime) -> datetime:
    """When a mailing begins that was asked for then."""
    return hours.next_opening(at, work_years.load(connection).is_workday) if hours else at


def _errors(findings: tuple[Finding, ...], ref: str, override: str | None) -> list[Finding]:
    """The errors in spite of which it is sent. InputError where there are some and nobody says why it should be."""
    errors = [finding for finding in findings if finding.level is Level.ERROR]
    if errors and not override:
        raise InputError(
            f"issue {ref} has faults that recipients would see, such as in {errors[0].place}: {errors[0].message}. "
            f"{errors[0].cure} `jianbao issue check {ref}` says all that is the same for everybody; "
            "--override WHY sends it all the same."
        )
    return errors


def _overridden(mailing_id: int, errors: list[Finding], why: str | None) -> Change:
    after = {"errors": [str(error) for error in errors]}
    return Change(actor(), "override", Subject.MAILING, mailing_id, after=after, reason=why)


def document(told: Forecast) -> dict[str, object]:
    """A forecast as JSON."""
    providers = [
        {
            "provider": course.provider,
            "recipients": course.recipients,
            "rate": str(course.rate) if course.rate else None,
            "days": course.days,
            "finishes_at": course.finishes_at,
        }
        for course in told.providers
    ]
    return {"finishes_at": told.finishes_at, "days": told.days, "unannounced": told.unannounced, "providers": providers}


def print_forecast(told: Forecast, zone: ZoneInfo) -> None:
    """A forecast as staff read it."""
    rows = [
        (course.provider, course.recipients, course.rate or "", course.days, local_time(course.finishes_at, zone))
        for course in told.providers
    ]
    if rows:
        heads = ("provider", "recipients", "pace", "days", "first attempts done about")
        print_table(heads, rows, numbers=frozenset({"recipients", "pace", "days"}))
    if told.unannounced is not None:
        note(
            f"It lasts into {told.unannounced}, whose working days are not announced, as far as this program knows. It waits there "
            f"until `jianbao workdays set {told.unannounced}` has said which they are."
        )
    elif told.finishes_at is None:
        note("At this pace it would take more than ten years.")
