"""The demo: the whole system on this machine, with a mail world for it to send to. Nothing of it touches the installation's data.

It runs the real parts as their own processes: web server, scheduler, workers. Only time is short: what would be three days of
retries is pressed into seconds by the terms of the demo's mailing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Engine

from mailer import events, issues, mailings, reading
from mailer.bootstrap import Services, open_services
from mailer.bulletin_files import read_bulletin
from mailer.deliveries import of_mailing
from mailer.demo.comparison import Disagreement, Visitors, compare, visitors
from mailer.demo.stage import Parts, WorldProcess, clear, environment_of, free_port
from mailer.mailings import Counts, MailingRecord
from mailer.origin import OriginTable
from mailer.pictures import keep_pictures
from mailer.processes import Processes, system_commands
from mailer.publishing import edition_of, terms_of
from mailer.rate import Rate
from mailer.report import mailing_report, render_report_html
from mailer.settings import Settings, read_settings
from mailer.specimen import make_specimen
from mailer.world.ledger import Ledger, Summary
from mailer.world.population import Person, population
from subscribers import store
from subscribers.address import parse_address
from subscribers.db import database_time, transaction
from subscribers.models import Role
from subscribers.store import NewSubscriber

_PACKAGE = Path(__file__).resolve().parents[1]
_EXAMPLES = _PACKAGE / "examples" if (_PACKAGE / "examples").is_dir() else _PACKAGE.parent / "examples"
EXAMPLE_BULLETIN = _EXAMPLES / "2026-11.txt"

_SENDER = "bulletin@sender.example"
_A_SECOND_OF_IT_IS = 40_000  # seconds of a real mailing: its 72 hours of retries are over in six and a half
_NO_DOTENV = Path("/nonexistent/.env")


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be shown: which bulletin, to how many, with which fates; `folder` is where all that is made is kept."""

    bulletin: Path
    subscribers: int
    seed: int
    folder: Path
    pace: Rate | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """What happened, what the servers themselves counted, and where everything is. `parts` are seconds by step."""

    mailing: MailingRecord
    counts: Counts
    servers: Summary
    visitors: Visitors
    disagreements: tuple[Disagreement, ...]
    html: Path
    text: Path
    eml: Path
    report: Path
    parts: dict[str, float]


@dataclass(frozen=True, slots=True)
class _Made:
    """What the sending left behind."""

    mailing: MailingRecord
    ledger: Ledger
    paths: dict[str, Path]


Follow = Callable[[Engine, int, Processes], MailingRecord]


def run_demo(order: Order, settings: Settings, tell: Callable[[str], None], follow: Follow) -> Result:
    """Show everything. `tell` is told of each step as it begins, `follow` shows the sending until it is over."""
    parts = Parts(tell)
    data = clear(order.folder)
    port = free_port()
    ledger_file = order.folder / "servers.jsonl"
    with (
        open(order.folder / "processes.log", "wb") as log,
        WorldProcess(order.seed, ledger_file, port, log) as world,
        parts.part("database and broker"),
    ):
        environment = environment_of(settings, data, world.smtp_url, port)
        with open_services(read_settings(environment, dotenv=_NO_DOTENV)) as services:
            parts.next("bulletin")
            issue_id = _import(services, order.bulletin)
            with Processes(environment, log, folder=data) as processes:
                for name, command in system_commands(services.settings):
                    processes.start(name, command)
                parts.next("subscribers")
                list_id = _subscribe(services, order)
                parts.next("rendering")
                mailing_id = _schedule(services, issue_id, list_id, order.pace)
                paths = _specimen(services, issue_id, order.folder)
                parts.next("sending")
                record = follow(services.engine, mailing_id, processes)
                parts.next("reading")
                world.finish()
                _write_events(services)
            parts.next("report")
            return _result(services, order, _Made(record, Ledger.load(ledger_file), paths), parts)


def _import(services: Services, bulletin: Path) -> int:
    read = read_bulletin(bulletin)
    with transaction(services.engine) as connection:
        imported = issues.import_issue(
            connection,
            read.reading.issue,
            slug=None,
            source_name=bulletin.name,
            source_sha256=read.sha256,
            warnings=read.reading.warnings,
            doubts=read.doubts,
            created_by="demo",
        )
        keep_pictures(connection, read.pictures)
        issues.set_sender(connection, imported.stored.publication.slug, _SENDER)
    return imported.stored.id


def _subscribe(services: Services, order: Order) -> int:
    people = [_new_subscriber(person) for person in population(order.subscribers, order.seed)]
    with transaction(services.engine) as connection:
        list_id = store.create_list(connection, "members", "会员单位")
        store.add_subscribers(connection, people, list_id, method="demo", evidence="made up by jianbao demo")
    return list_id


def _new_subscriber(person: Person) -> NewSubscriber:
    return NewSubscriber(
        address=parse_address(person.address),
        name=person.name,
        role=Role[person.role.name],
        institute=person.institute,
        institute_short=person.institute_short,
        province=person.province,
        city=person.city,
        institute_kind=person.kind,
    )


def _schedule(services: Services, issue_id: int, list_id: int, pace: Rate | None) -> int:
    with transaction(services.engine) as connection:
        stored = issues.find_issue(connection, f"#{issue_id}")
        terms = terms_of(stored.publication, services.settings, pace, {})
        return mailings.schedule(
            connection,
            issue_id=stored.id,
            edition_id=issues.freeze_edition(connection, stored.revision_id, edition_of(stored, services.settings)),
            list_ids=[list_id],
            at=datetime.now(UTC),
            terms=replace(terms, retry_scale=1 / _A_SECOND_OF_IT_IS, breakers=False),
            created_by="demo",
        )


def _specimen(services: Services, issue_id: int, folder: Path) -> dict[str, Path]:
    with transaction(services.engine) as connection:
        stored = issues.find_issue(connection, f"#{issue_id}")
    return make_specimen(stored, services.settings).write(folder)


def _write_events(services: Services) -> None:
    redis = services.redis()
    while events.flush(services.engine, redis):
        pass
    with transaction(services.engine) as connection:
        while reading.judge_due(connection, OriginTable.load(), database_time(connection) + reading.SETTLED_AFTER):
            pass


def _result(services: Services, order: Order, made: _Made, parts: Parts) -> Result:
    mailing_id, ledger, paths = made.mailing.id, made.ledger, made.paths
    report = order.folder / "report.html"
    with transaction(services.engine) as connection:
        report.write_text(render_report_html(mailing_report(connection, mailing_id)), encoding="utf-8")
        links = issues.load_edition(connection, made.mailing.edition_id).links
        return Result(
            mailing=made.mailing,
            counts=mailings.counts(connection, mailing_id),
            servers=ledger.summary(),
            visitors=visitors(ledger, has_links=bool(links)),
            disagreements=tuple(compare(of_mailing(connection, mailing_id, None), ledger)),
            html=paths["html"],
            text=paths["text"],
            eml=paths["eml"],
            report=report,
            parts=parts.seconds,
        )
