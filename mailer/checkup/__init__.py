"""A look at the whole installation: every service, the machine, the DNS, the work; each as ok, fault or skipped."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial

import dns.resolver
from sqlalchemy.exc import DBAPIError

from mailer.bootstrap import Services, open_services
from mailer.checkup import machine, relays, senders, services, ways_back, work
from mailer.checkup.finding import Finding, Outcome, fault, skipped
from mailer.installation import machine_id
from mailer.settings import Settings
from subscribers.db import is_held, waiting_for_nobody
from subscribers.errors import JianbaoError, ServiceError, first_line

__all__ = ("Finding", "Outcome", "examine")

Check = Callable[[], Iterable[Finding]]
MakeResolver = Callable[[], dns.resolver.Resolver]


def examine(settings: Settings, make_resolver: MakeResolver) -> Iterator[Finding]:
    """Every finding, as it is made. A check that fails itself is a fault of what it looked at, and stops no other one."""
    yield from _guarded("disk", partial(machine.disk, settings))
    yield from _guarded("secret key", partial(machine.secret_key, settings))
    yield from _guarded("time zone", partial(machine.time_zone, settings))
    yield from _guarded("RSA signatures", machine.signing)
    yield from _guarded("pages", partial(machine.pages, settings))
    yield from _guarded("relay", partial(relays.relays, settings))
    yield from _guarded("bounces", partial(ways_back.ways_back, settings))
    try:
        # An embedded database is brought up to date by whoever opens it; of another it is said what is to be done.
        with open_services(settings, check_schema=not settings["DATABASE_URL"]) as opened:
            yield from _with_services(replace(opened, engine=waiting_for_nobody(opened.engine)), make_resolver)
    except ServiceError as error:
        yield fault("services", str(error))


def _with_services(opened: Services, make_resolver: MakeResolver) -> Iterator[Finding]:
    engine, settings = opened.engine, opened.settings
    database = list(_guarded("database", lambda: services.database(engine)))
    broker = list(_guarded("broker", lambda: services.broker(opened.redis())))
    yield from [*database, *broker]
    yield from _after(database, "clock", lambda: services.clock(engine))
    both = [*database, *broker[:1]]  # It answers, and is one that we can work with; how it keeps things is another matter.
    yield from _after(both, "scheduler", lambda: work.lease(engine, opened.redis(), settings.data_dir, machine_id()))
    yield from _after(database, "installation's key", lambda: work.key(engine, settings))
    yield from _after(database, "mailings", lambda: work.stuck(engine))
    yield from _after(database, "feedback", lambda: ways_back.backlog(engine))
    yield from _after(database, "sender", lambda: senders.senders(engine, settings, make_resolver()))


def _after(needed: Iterable[Finding], name: str, check: Check) -> Iterator[Finding]:
    """The check, unless what it needs is out of order: then it would only say that again."""
    faults = [finding.name for finding in needed if finding.outcome is Outcome.FAULT]
    if faults:
        yield skipped(name, f"it waits until {', '.join(faults)} is in order")
    else:
        yield from _guarded(name, check)


def _guarded(name: str, check: Check) -> Iterator[Finding]:
    try:
        yield from check()
    except JianbaoError as error:
        yield fault(name, str(error))
    except Exception as error:  # Whatever it is: who asks what is wrong is not to be answered by a traceback.
        if isinstance(error, DBAPIError) and is_held(error):
            yield fault(name, "somebody holds a table for themselves, as an upgrade does", "Look once more when that is over.")
        else:
            yield fault(name, f"it could not be looked at: {first_line(error)}")
