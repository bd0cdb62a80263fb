"""From a stored issue to what is sent: its edition, the letterhead it goes under, the terms of its mailing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from sqlalchemy import Connection

from mailer import usage, work_years
from mailer.bootstrap import provider_table
from mailer.collecting import CORRECTION
from mailer.edition import Edition, Imprint
from mailer.estimate import Situation
from mailer.hours import Hours
from mailer.issue import kind_below
from mailer.issues import PublicationRecord, StoredIssue
from mailer.message import Letterhead
from mailer.models import RevisionKind
from mailer.provider import OTHER
from mailer.rate import Rate
from mailer.relay import Relay, parse_relays
from mailer.render import SHIPPED, render
from mailer.settings import Settings
from mailer.signing import signers_for
from mailer.terms import Canary, InDoubtPolicy, SegmentTerm, Terms
from subscribers.address import parse_address
from subscribers.errors import InputError


def sender_address(text: str) -> str:
    """An address that a publication may be sent from. InputError says why another may not."""
    address = parse_address(text)
    if address.needs_smtputf8:
        raise InputError(f"{text!r} has letters before the '@' that few servers take. Use an ASCII address to send from.")
    return address.canonical


def edition_of(stored: StoredIssue, settings: Settings, theme: str | None = None, *, tracking: bool = True) -> Edition:
    """The edition of an issue's revision, in its publication's theme or one to be tried; without `tracking` nothing in it is counted."""
    publication = stored.publication
    edition = render(
        stored.issue,
        theme=theme or publication.theme,
        imprint=Imprint(sender=publication.publisher, contact=publication.sender or ""),
        folders=theme_folders(settings),
        fields=publication.fields,
        limit=settings.number("HTML_LIMIT"),
        tracking=tracking,
        receipt=publication.receipt,
        pictures="cid:" if settings["PICTURES"] == "cid" else f"{settings['BASE_URL'].rstrip('/')}/i/",
    )
    if stored.kind is not RevisionKind.CORRECTION:
        return edition
    return replace(edition, subject=f"{edition.subject}（{CORRECTION}）")  # behind what filters and eyes know


def theme_folders(settings: Settings) -> tuple[Path, ...]:
    """Where themes are looked for: those that are shipped, then this installation's own."""
    return SHIPPED, own_themes(settings)


def own_themes(settings: Settings) -> Path:
    """The folder of this installation's own themes; it may not be there."""
    return Path(settings["THEMES_DIR"]).expanduser().absolute() if settings["THEMES_DIR"] else settings.data_dir / "themes"


def letterhead_of(publication: PublicationRecord, settings: Settings) -> Letterhead:
    """What stands on every message of a publication. InputError while it has no sender."""
    if publication.sender is None:
        raise InputError(
            f"publication {publication.slug!r} has no address to send from. "
            f"Set it: `jianbao publication update {publication.slug} --from news@your-domain`."
        )
    domain = publication.sender.rpartition("@")[2]
    return Letterhead(
        from_name=f"{publication.publisher}《{publication.title}》",
        from_address=publication.sender,
        list_name=f"{publication.title or publication.kind}{kind_below(publication.title, publication.kind)}",
        list_id=f"{publication.slug}.{domain}",
        base_url=settings["BASE_URL"].rstrip("/"),
        bounce_domain=settings["BOUNCE_DOMAIN"] or None,
        unsubscribe_mailto=settings["UNSUBSCRIBE_MAILTO"] or None,
        organisation=publication.publisher,
    )


def terms_of(
    publication: PublicationRecord,
    settings: Settings,
    pace: Rate | None,
    provider_pace: Mapping[str, Rate],
    *,
    hours: Hours | None = None,
    canary: Canary | None = None,
    segment: SegmentTerm | None = None,
) -> Terms:
    """The terms that a mailing scheduled now is sent under, whatever is set later. InputError where a pace is above the relays'."""
    letterhead = letterhead_of(publication, settings)
    overall = Rate.parse(settings["PACE"]) if settings["PACE"] else None
    table = provider_table(settings)
    for rate in (pace, *provider_pace.values()):
        _check_pace(rate, overall, relays_of(settings))
    return Terms(
        letterhead=letterhead,
        overall=overall,
        pace=pace,
        provider_pace=provider_pace,
        providers={key: table.provider(key).limits.bounds for key in sorted(table.keys - {OTHER})},
        hours=hours,
        canary=canary,
        signed=bool(signers_for(letterhead.domain, settings)),
        in_doubt=InDoubtPolicy(settings["IN_DOUBT"]),
        segment=segment,
    )


def relays_of(settings: Settings) -> tuple[Relay, ...]:
    """The relays in force; none while there is no URL."""
    return parse_relays(settings["SMTP_URL"]) if settings["SMTP_URL"] else ()


def situation_of(connection: Connection, settings: Settings) -> Situation:
    """Where mail is sent from now, for a forecast; what was sent today is asked over the connection."""
    return Situation(
        relays=relays_of(settings),
        zone=settings.zone,
        is_workday=work_years.load(connection).is_workday,
        count=partial(usage.handed_over, connection),
    )


def _check_pace(rate: Rate | None, overall: Rate | None, relays: Sequence[Relay]) -> None:
    if rate is None:
        return
    if overall is not None and rate.per_second > overall.per_second:
        raise InputError(f"a pace of {rate} is more than JIANBAO_PACE, {overall}, allows. Give less, or raise that.")
    allowed = [relay.bounds.rate for relay in relays if relay.bounds.rate]
    if relays and len(allowed) == len(relays) and rate.per_second > sum(bound.per_second for bound in allowed):
        said = " and ".join(f"{relay.label} {relay.bounds.rate}" for relay in relays)
        raise InputError(
            f"a pace of {rate} is more than the relays allow: {said}. Give less, or raise `rate=` in JIANBAO_SMTP_URL "
            "if the relay really takes more."
        )
