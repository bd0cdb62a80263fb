"""A whole installation of the product for the time of a benchmark: embedded services, a scheduler and workers, as they always run.

Nothing of the machine's own installation is read or touched. All workers together have as many connections as smtp-source. What a
mailing took is told by the database's own times, from the mailing's start, its planning included, to the last delivery settled.
Workers have been started and have sent something before.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

from sqlalchemy import text

from benchmarks import audience, bulletin
from benchmarks.accounting import cpu_by_part
from benchmarks.figures import CannotMeasure, progress
from benchmarks.opponents import MESSAGE_OCTETS, SESSIONS, Cost
from mailer import issues, mailings
from mailer.bootstrap import Services, open_services
from mailer.embedded import Places, stop_services
from mailer.models import MailingStatus
from mailer.processes import Processes, system_commands
from mailer.publishing import terms_of
from mailer.rate import Rate
from mailer.settings import PREFIX, read_settings
from mailer.terms import Terms
from subscribers.db import transaction
from subscribers.errors import ServiceError

UNREACHED = Rate(1_000_000, 1)  # A pace that is asked for every message and holds none up.
_WARM_UP = 4_000
_MESSAGES_A_CONNECTION = 1_000_000  # smtp-source closes none either.
_NO_DOTENV = Path("/nonexistent/.env")
_NO_MORE: Mapping[str, str] = MappingProxyType({})
_START_SECONDS = 60.0
_STANDSTILL_SECONDS = 120.0
_LOOK_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Crew:
    """A scheduler and workers at work, and the log that they write."""

    processes: Processes
    log: Path

    @property
    def workers(self) -> list[int]:
        """The process ids of the workers."""
        return [child.pid for name, child in self.processes.children.items() if name.startswith("worker")]

    @property
    def scheduler(self) -> int:
        """The process id of the scheduler."""
        return self.processes.children["scheduler"].pid

    def check(self) -> None:
        """CannotMeasure when one of them has ended."""
        try:
            self.processes.check()
        except ServiceError as error:
            raise CannotMeasure(f"{error}\n{self.last_words()}") from error

    def last_words(self) -> str:
        """The end of the log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-5:])


class Office:
    """An installation with one issue, whose message has MESSAGE_OCTETS octets."""

    def __init__(self, services: Services, folder: Path, environment: Mapping[str, str]) -> None:
        self.services = services
        self.folder = folder
        self.environment = dict(environment)
        self._lists: dict[int, int] = {}
        self._pace = UNREACHED
        issue = bulletin.issue_of(MESSAGE_OCTETS)
        with transaction(services.engine) as connection:
            imported = issues.import_issue(
                connection, issue, slug=None, source_name="a.txt", source_sha256="0" * 64, warnings=(), created_by="benchmark"
            )
            issues.set_sender(connection, imported.stored.publication.slug, bulletin.SENDER)
            self._issue = issues.find_issue(connection, f"#{imported.stored.id}")
            self._edition_id = issues.freeze_edition(connection, self._issue.revision_id, bulletin.edition_of(issue))

    def list_of(self, recipients: int) -> int:
        """A list with so many subscribers on it; made when it is asked for first."""
        if recipients not in self._lists:
            self._lists[recipients] = audience.make_list(self.services.engine, recipients)
        return self._lists[recipients]

    def schedule(self, recipients: int, pace: Rate = UNREACHED) -> int:
        """A mailing to so many, to begin at once. The overall pace and the provider's are asked for every message."""
        return self.schedule_to(self.list_of(recipients), self.terms(pace, {audience.PROVIDER: pace}))

    def terms(self, pace: Rate | None, provider_pace: Mapping[str, Rate]) -> Terms:
        """The terms of a mailing with that pace, and those for providers."""
        return terms_of(self._issue.publication, self.services.settings, pace, provider_pace)

    def schedule_to(self, list_id: int, terms: Terms) -> int:
        """A mailing to a list, to begin at once."""
        with transaction(self.services.engine) as connection:
            return mailings.schedule(
                connection,
                issue_id=self._issue.id,
                edition_id=self._edition_id,
                list_ids=[list_id],
                at=datetime.now(UTC),
                terms=terms,
                created_by="benchmark",
            )

    @contextmanager
    def crew(self, port: int, workers: int, settings: Mapping[str, str] = _NO_MORE, warm_up: int = _WARM_UP) -> Iterator[Crew]:
        """A scheduler and so many workers, which hand mail to the server at that port. They have sent a mailing when the block begins."""
        log = self.folder / "processes.log"
        connections = max(1, SESSIONS // workers)
        ours = {
            "SMTP_URL": f"smtp://127.0.0.1:{port}?starttls=none&connections={connections}&messages={_MESSAGES_A_CONNECTION}",
            "WORKER_PROCESSES": str(workers),
            **settings,
        }
        environment = self.environment | {PREFIX + name: value for name, value in ours.items()}
        with open(log, "wb") as file, Processes(environment, file) as processes:
            for name, command in system_commands(read_settings(environment, dotenv=_NO_DOTENV)):
                if name != "web":
                    processes.start(name, command)
            crew = Crew(processes, log)
            _await_workers(crew, workers)
            self.send(crew, warm_up)
            yield crew

    def send(self, crew: Crew, recipients: int, pace: Rate = UNREACHED) -> Cost:
        """Send a mailing to so many and say what it took. CannotMeasure unless every one of them was accepted."""
        self.list_of(recipients)
        parts = self._parts(crew)
        before = cpu_by_part(parts)
        mailing_id = self.schedule(recipients, pace)
        self.await_end(crew, mailing_id)
        used = {name: seconds - before[name] for name, seconds in cpu_by_part(parts).items()}
        return Cost(recipients, self._seconds(mailing_id, recipients), used)

    def _parts(self, crew: Crew) -> dict[str, list[int]]:
        """The processes by what they are for. One keeper has started both services."""
        places = Places(self.services.settings.data_dir)
        postgres = int((places.cluster / "postmaster.pid").read_text().split()[0])
        valkey = int(self.services.redis().info("server")["process_id"])
        return {"workers": crew.workers, "scheduler": [crew.scheduler], "postgresql": [postgres], "valkey": [valkey]}

    def await_end(self, crew: Crew, mailing_id: int) -> None:
        """Wait until the mailing has finished. CannotMeasure where it stands still, or one of the crew has ended."""
        moved, open_before = time.monotonic(), -1
        while True:
            with transaction(self.services.engine) as connection:
                record = mailings.find_mailing(connection, mailing_id)
                waiting = connection.execute(_OPEN_BATCHES, {"mailing": mailing_id}).scalar_one()
            if record.status is MailingStatus.FINISHED:
                return
            if waiting != open_before:
                moved, open_before = time.monotonic(), waiting
            if time.monotonic() - moved > _STANDSTILL_SECONDS:
                raise CannotMeasure(f"the mailing stands still: {record.reason or 'no reason is known'}.\n{crew.last_words()}")
            crew.check()
            time.sleep(_LOOK_SECONDS)

    def _seconds(self, mailing_id: int, recipients: int) -> float:
        with transaction(self.services.engine) as connection:
            counts = mailings.counts(connection, mailing_id)
            if counts.accepted != recipients:
                raise CannotMeasure(f"of {recipients} recipients {counts.accepted} were accepted: {counts}")
            return float(connection.execute(_SECONDS, {"mailing": mailing_id}).scalar_one())


_OPEN_BATCHES = text("SELECT count(*) FROM batch WHERE mailing_id = :mailing AND due_at IS NOT NULL")
_SECONDS = text(
    "SELECT extract(epoch FROM (SELECT max(settled_at) FROM delivery WHERE mailing_id = m.id) - m.started_at)"
    " FROM mailing m WHERE m.id = :mailing"
)


@contextmanager
def open_office() -> Iterator[Office]:
    """An office in a folder of its own, which is removed with all that is in it."""
    with tempfile.TemporaryDirectory(prefix="jianbao-bench-") as folder:
        data = Path(folder, "data")
        urls = Places(data).urls
        ours = {
            "DATA_DIR": str(data),
            "BASE_URL": bulletin.LETTERHEAD.base_url,
            "BOUNCE_DOMAIN": bulletin.LETTERHEAD.bounce_domain or "",
            "UNSUBSCRIBE_MAILTO": bulletin.LETTERHEAD.unsubscribe_mailto or "",
        }
        theirs = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
        environment = theirs | {PREFIX + name: value for name, value in ours.items()}
        # Children are told the addresses, so that no .env file can lead them to another installation.
        addresses = {f"{PREFIX}DATABASE_URL": urls.database, f"{PREFIX}REDIS_URL": urls.redis}
        progress("  starting a database and a broker")
        try:
            with open_services(read_settings(environment, dotenv=_NO_DOTENV)) as services:
                yield Office(services, Path(folder), environment | addresses)
        finally:
            stop_services(data)


def _await_workers(crew: Crew, workers: int) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while crew.log.read_text().count('"worker_started"') < workers:
        crew.check()
        if time.monotonic() > deadline:
            raise CannotMeasure(f"the workers do not start.\n{crew.last_words()}")
        time.sleep(_LOOK_SECONDS)
