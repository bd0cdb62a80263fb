"""`jianbao up`, `worker`, `scheduler`, `web`: the parts of the system as processes."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime

import rich_click as click

from mailer.bootstrap import judge
from mailer.cli.output import note, services, settings
from mailer.installation import tokens
from mailer.logs import configure_logs
from mailer.processes import Processes, system_commands
from mailer.publishing import theme_folders
from mailer.relay import parse_relays
from mailer.returns.equipment import check_ways_in
from mailer.returns.services import parse_services
from mailer.web.app import create_app
from mailer.web.hooks import Hooks
from mailer.web.server import serve


@click.command()
def up() -> None:
    """Run the whole system in the foreground, for a small office: web, workers, scheduler. Ctrl-C drains and stops.

    Example: `jianbao up`
    """
    configure_logs()
    read = settings()
    parse_relays(read["SMTP_URL"])
    check_ways_in(read)
    with services() as opened, Processes(dict(os.environ)) as processes:
        for name, command in system_commands(opened.settings):
            processes.start(name, command)
        note(f"web, scheduler and {read['WORKER_PROCESSES']} workers run; pages at {read['BASE_URL']}. Ctrl-C stops.")
        processes.wait()


@click.command()
def worker() -> None:
    """Run one sending worker; several may run, on this and on other machines. SIGTERM finishes what is under way.

    Example: `jianbao worker`
    """
    parse_relays(settings()["SMTP_URL"])
    _become("workers.worker")


@click.command()
def scheduler() -> None:
    """Run the scheduler, which starts what is due; a second one does no harm.

    Example: `jianbao scheduler`
    """
    settings()
    _become("workers.scheduler")


@click.command()
def web() -> None:
    """Run the pages behind the links of a mail: pixel, clicks, unsubscribing, the issue in a browser.

    Example: `JIANBAO_WEB_PORT=8080 jianbao web`
    """
    configure_logs()
    with services() as opened:
        chosen = opened.settings
        hooks = Hooks(opened.engine, judge(chosen), parse_services(chosen), lambda: datetime.now(UTC))
        app = create_app(
            opened.engine,
            opened.redis_url,
            tokens(opened.engine, chosen),
            base_url=chosen["BASE_URL"],
            theme_folders=theme_folders(chosen),
            spool=chosen.data_dir / "hits",
            more_routes=hooks.routes(),
            zone=chosen.zone,
        )
        serve(app, chosen["WEB_HOST"], chosen.number("WEB_PORT"), proxies=chosen["WEB_PROXIES"])
    os._exit(0)  # Python would wait for each thread that waits for a database which hangs.


def _become(module: str) -> None:
    # The packages above this one are not imported from here: the process becomes theirs.
    os.execv(sys.executable, [sys.executable, "-m", module])  # noqa: S606 - our own interpreter and module
