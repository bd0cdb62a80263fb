"""`jianbao mailing schedule`: what to whom, when, how fast; and how long it will take."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import rich_click as click

from mailer import issues, mailings, scheduling
from mailer.bootstrap import Services, provider_table
from mailer.cli import known
from mailer.cli.options import add_options
from mailer.cli.output import actor, json_option, local_time, note, print_json, print_table, services
from mailer.corrections import require_correction, still_sent
from mailer.estimate import Forecast
from mailer.hours import Hours, Span
from mailer.issues import StoredIssue
from mailer.provider import ProviderTable
from mailer.rate import Rate
from mailer.scheduling import Audience, Wish
from mailer.settings import Settings
from mailer.terms import Canary
from mailer.when import parse_when
from subscribers.db import transaction
from subscribers.errors import InputError

_SPAN = "HH:MM-HH:MM"


# What `_wish` reads.
_WHEN = (
    click.option("--at", "when", required=True, metavar="WHEN", help='`now`, or a local time like "2026-12-01 09:00".'),
    click.option("--pace", "paces", multiple=True, metavar="[PROVIDER=]RATE", help="20/s, 300/min, 500/10min; or netease=1/s."),
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
    click.option("--zone", metavar="ZONE", help="Whose hours and days these are, like Asia/Urumqi; else the configured zone."),
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
@add_options(_WHEN)
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
            audience = scheduling.find_audience(connection, slugs, excluded, segment, opened.settings)
        _arrange(opened, stored, audience, wish, as_json=as_json)


@click.command()
@click.argument("mailing_id", metavar="ID", type=int)
@add_options(_WHEN)
@json_option
def confirm(mailing_id: int, as_json: bool, **wish: Any) -> None:
    """Send a mailing that was prepared, such as a correction's, now or later. What is sent is its issue as it is at this moment.

    Example: `jianbao mailing confirm 2 --at now`
    """
    with services() as opened:
        with transaction(opened.engine) as connection:
            draft = mailings.require_draft(connection, mailing_id)
            stored = issues.find_issue(connection, f"#{draft.issue_id}")
            list_ids, still = require_correction(connection, stored), still_sent(connection, stored)
        audience = Audience(list_ids, draft.excluded_list_ids, draft.terms.segment)
        _arrange(opened, stored, audience, wish, as_json=as_json, draft=mailing_id)
    for other in still:
        note(
            f"warning: mailing {other} sends the text as it was; whom it reaches once this one has begun is not told of the correction. "
            f"`jianbao mailing cancel {other}` stops it."
        )


def _arrange(
    opened: Services, stored: StoredIssue, audience: Audience, said: dict[str, Any], *, as_json: bool, draft: int | None = None
) -> None:
    """Makes the mailing, or confirms the one that was prepared, and says how long it will take."""
    settings, now = opened.settings, datetime.now(UTC)
    wish = _wish(settings, now, **said)
    plan = scheduling.make_plan(opened, stored, audience, wish, now)
    made = scheduling.carry_out(opened, plan, now, by=actor(), draft=draft)
    record = made.record
    if as_json:
        kept = {"id": record.id, "issue": record.issue, "status": record.status, "at": record.at, "recipients": plan.recipients}
        print_json(kept | {"forecast": document(made.forecast)})
        return
    click.echo(
        f"mailing {record.id}: issue {record.issue} to {plan.recipients} recipients at {local_time(record.at, settings.zone)}"
    )
    if plan.at > wish.at:
        note(f"It begins when its hours do: {wish.hours}.")
    print_forecast(made.forecast, settings.zone)
    if made.beside:
        beside = " and ".join(map(str, made.beside))
        note(f"It takes longer if mailing {beside} still goes out then: they share what providers and relays take.")
    note(f"`jianbao mailing watch {record.id}` follows it.")
    if made.others and audience.among is None:
        others = ", ".join(f"{other.id} ({other.status.value})" for other in made.others)
        note(
            f"warning: the issue goes, or has gone, to these lists by mailing {others} as well: whoever is on them gets it again."
        )
    if not settings["SMTP_URL"]:
        note("warning: JIANBAO_SMTP_URL names no mail server yet, so that nothing can leave. `jianbao doctor` says more.")
    if not made.runs:
        note("warning: nothing runs here that would send it. `jianbao up` has to run when its time comes.")


def _wish(
    settings: Settings,
    now: datetime,
    *,
    when: str,
    paces: tuple[str, ...],
    spans: tuple[str, ...],
    quiet: tuple[str, ...],
    workdays: bool,
    zone: str | None,
    canary: str | None,
    canary_wait: str,
    override: str | None,
) -> Wish:
    """What the options say."""
    pace, provider_pace = _paces(paces, provider_table(settings))
    return Wish(
        hours=_hours(spans, quiet, workdays, zone, settings.zone),
        canary=Canary.parse(canary, canary_wait) if canary else None,
        at=parse_when(when, settings.zone, now),
        pace=pace,
        provider_pace=provider_pace,
        override=override,
    )


def _paces(texts: tuple[str, ...], providers: ProviderTable) -> tuple[Rate | None, dict[str, Rate]]:
    overall: Rate | None = None
    by_provider: dict[str, Rate] = {}
    for text in texts:
        provider, equals, rate = text.rpartition("=")
        if equals:
            providers.require(provider)
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
