"""Whether what comes back reaches us: the mailbox, the door, the services that report, and the reading itself."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from datetime import timedelta

from sqlalchemy import Engine, text

from mailer.checkup.finding import Finding, fault, ok, skipped
from mailer.judgement import Policy
from mailer.returns.door import Door
from mailer.returns.mailbox import Mailbox
from mailer.returns.polling import open_box
from mailer.returns.services import hook_url, parse_services
from mailer.settings import Settings
from subscribers.db import database_time, transaction
from subscribers.errors import InputError, ServiceError

_SECONDS = 5.0
_SOON = timedelta(minutes=10)
_UNSPECIFIED = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - where we knock, not where we listen


def ways_back(settings: Settings) -> Iterator[Finding]:
    """Each way in that is configured, tried; and whether there is any."""
    try:
        Policy.parse(settings["BOUNCE_POLICY"])
    except InputError as error:
        yield fault("bounces", f"JIANBAO_BOUNCE_POLICY: {error}", "Mend it: with such rules nothing that comes back is judged.")
    if not any(settings[name] for name in ("BOUNCE_MAILBOX", "BOUNCE_LISTEN", "WEBHOOKS")):
        yield _no_way(settings)
        return
    if settings["BOUNCE_MAILBOX"]:
        yield _mailbox(settings["BOUNCE_MAILBOX"])
    if settings["BOUNCE_LISTEN"]:
        yield _door(settings)
    if settings["WEBHOOKS"]:
        yield _services(settings)


def _no_way(settings: Settings) -> Finding:
    cure = "Set JIANBAO_BOUNCE_MAILBOX, JIANBAO_BOUNCE_LISTEN or JIANBAO_WEBHOOKS (docs/operators.md)."
    if settings["BOUNCE_DOMAIN"]:
        return fault("bounces", f"mail to {settings['BOUNCE_DOMAIN']} is read by nobody", cure)
    return skipped("bounces", "what comes back after a server's 250 is read by nobody; a mailbox or a service may be named")


def _mailbox(url: str) -> Finding:
    try:
        mailbox = Mailbox.parse(url)
        with open_box(mailbox):
            return ok("bounces", f"{mailbox.name} can be read")
    except (InputError, ServiceError) as error:
        return fault("bounces", str(error))


def _door(settings: Settings) -> Finding:
    try:
        door = Door.parse(settings["BOUNCE_LISTEN"])
        if not settings["BOUNCE_DOMAIN"]:
            return fault("bounces", "there is no bounce domain to take mail for", "Set JIANBAO_BOUNCE_DOMAIN.")
        with socket.create_connection((_UNSPECIFIED.get(door.host, door.host), door.port), timeout=_SECONDS):
            return ok("bounces", f"somebody listens at {settings['BOUNCE_LISTEN']}")
    except InputError as error:
        return fault("bounces", str(error))
    except OSError as error:
        cure = "Start it: `jianbao up`, or `jianbao bounce receive`."
        return fault("bounces", f"nobody listens at {settings['BOUNCE_LISTEN']}: {error.strerror or error}", cure)


def _services(settings: Settings) -> Finding:
    try:
        names = sorted(parse_services(settings))
    except InputError as error:
        return fault("webhooks", str(error))
    addresses = ", ".join(hook_url(settings, name) for name in names)
    if not settings["BASE_URL"].startswith("https://"):
        return skipped("webhooks", "services report nothing as long as JIANBAO_BASE_URL is not https")
    return ok("webhooks", f"to be told to the services: {addresses}")


def backlog(engine: Engine) -> Iterator[Finding]:
    """Whether what arrived is read."""
    with transaction(engine) as connection:
        row = connection.execute(_WAITING, {"before": database_time(connection) - _SOON}).one()
    if row.number:
        cure = "Start the scheduler, which reads it: `jianbao up`, or `jianbao scheduler`."
        yield fault(
            "feedback", f"{row.number} arrivals wait to be read, the oldest since {row.oldest:%Y-%m-%d %H:%M} UTC", cure
        )
    else:
        yield ok("feedback", "all that came back is read")


_WAITING = text(
    "SELECT count(*) AS number, min(received_at) AS oldest FROM feedback_raw WHERE read_at IS NULL AND received_at < :before"
)
