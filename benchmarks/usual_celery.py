"""The usual design, done well: a Celery task for each recipient, a compiled template, EmailMessage, a connection kept by each process.

It is what most would write, without the mistakes that some make: the template is compiled once, the style sheet was inlined before, the
connection to the mail server and the one to the database are reused, the broker's connection too, results are not kept. Each task reads its
recipient's row, renders, builds the message, sends it and updates the row. `python -m benchmarks.usual_celery` is its worker.
"""

from __future__ import annotations

import os
import smtplib
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import make_msgid
from functools import cache
from pathlib import Path

import psycopg
from celery import Celery
from jinja2 import Environment, FileSystemLoader, Template, select_autoescape
from psycopg.rows import dict_row
from sqlalchemy import text

from benchmarks import bulletin
from benchmarks.accounting import cpu_by_part
from benchmarks.figures import CannotMeasure
from benchmarks.office import Office
from benchmarks.opponents import MESSAGE_OCTETS, Cost
from mailer.edition import Field, Segments
from mailer.embedded import Places
from subscribers.db import transaction
from workers.app import broker_url

_TASK = "usual.send"
_PREFIX = "USUAL_"
_WARM_UP = 20
_STANDSTILL_SECONDS = 60.0

_TABLE = """
    CREATE TABLE IF NOT EXISTS usual_delivery (id bigint PRIMARY KEY, address text NOT NULL, name text, institute text,
        status text NOT NULL, sent_at timestamptz)"""
_FILL = """
    INSERT INTO usual_delivery SELECT s.id, s.address, s.name, i.name, 'pending'
    FROM subscriber s JOIN institute i ON i.id = s.institute_id ORDER BY s.id LIMIT :number"""


# --- The worker --------------------------------------------------------------------------------------------------------------


def make_app(redis_url: str) -> Celery:
    """Its Celery application, on the product's broker in a queue of its own."""
    app = Celery("usual", broker=broker_url(redis_url), set_as_current=False)
    app.conf.update(task_ignore_result=True, task_default_queue="usual", broker_connection_retry_on_startup=True)
    app.task(send, name=_TASK)
    return app


def send(delivery_id: int) -> None:
    """Send one recipient's message and note it."""
    connection = _database()
    row = connection.execute("SELECT * FROM usual_delivery WHERE id = %s", (delivery_id,)).fetchone()
    assert row is not None
    server = _server()
    server.send_message(_message(row))
    connection.execute("UPDATE usual_delivery SET status = 'sent', sent_at = clock_timestamp() WHERE id = %s", (delivery_id,))


def _message(row: Mapping[str, object]) -> EmailMessage:
    values = {**row, "token": f"{row['id']:024d}", "salutation": f"{row['name']}老师", "base_url": bulletin.LETTERHEAD.base_url}
    message = EmailMessage(policy=SMTP)
    message["From"] = bulletin.SENDER
    message["To"] = str(row["address"])
    message["Subject"] = "【信息集锦】2026年第11期（总第228期）"
    message["Message-ID"] = make_msgid(domain="sender.example")
    message["List-Unsubscribe"] = f"<{bulletin.LETTERHEAD.base_url}/u/{values['token']}>"
    message.set_content(_template("issue.txt").render(values), cte="base64")
    message.add_alternative(_template("issue.html").render(values), subtype="html", cte="base64")
    return message


@cache
def _template(name: str) -> Template:
    loader = FileSystemLoader(os.environ[f"{_PREFIX}TEMPLATES"])
    return Environment(loader=loader, autoescape=select_autoescape()).get_template(name)


@cache
def _database() -> psycopg.Connection[dict[str, object]]:
    return psycopg.connect(os.environ[f"{_PREFIX}DATABASE_URL"], autocommit=True, row_factory=dict_row)


@cache
def _server() -> smtplib.SMTP:
    return smtplib.SMTP("127.0.0.1", int(os.environ[f"{_PREFIX}SMTP_PORT"]))


# --- What the benchmark does with it -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Usual:
    """The usual design at work in an office."""

    office: Office
    app: Celery
    worker: subprocess.Popen[bytes]

    def send(self, number: int) -> Cost:
        """Send to so many, and say what it took. CannotMeasure where it stops."""
        self.office.list_of(number)
        with transaction(self.office.services.engine) as connection:
            connection.execute(text("TRUNCATE usual_delivery"))
            connection.execute(text(_FILL), {"number": number})
            ids = list(connection.execute(text("SELECT id FROM usual_delivery ORDER BY id")).scalars())
        parts = {"workers": [self.worker.pid], "postgresql": [self._postgres]}
        before = cpu_by_part(parts)
        began, used_before = time.time(), time.process_time()
        for delivery_id in ids:
            self.app.send_task(_TASK, (delivery_id,))
        producer = time.process_time() - used_before
        self._await_end()
        used = {name: seconds - before[name] for name, seconds in cpu_by_part(parts).items()}
        with transaction(self.office.services.engine) as connection:
            last = connection.execute(text("SELECT extract(epoch FROM max(sent_at)) FROM usual_delivery")).scalar_one()
        return Cost(number, float(last) - began, used | {"producer": producer})

    def _await_end(self) -> None:
        deadline, before = time.monotonic() + _STANDSTILL_SECONDS, -1
        while waiting := self._waiting():
            if waiting != before:
                deadline, before = time.monotonic() + _STANDSTILL_SECONDS, waiting
            if time.monotonic() > deadline or self.worker.poll() is not None:
                raise CannotMeasure(f"the usual design has stopped with {waiting} messages to send.")
            time.sleep(0.2)

    def _waiting(self) -> int:
        with transaction(self.office.services.engine) as connection:
            return int(connection.execute(text("SELECT count(*) FROM usual_delivery WHERE status <> 'sent'")).scalar_one())

    @property
    def _postgres(self) -> int:
        return int((Places(self.office.services.settings.data_dir).cluster / "postmaster.pid").read_text().split()[0])


@contextmanager
def at_work(office: Office, port: int, processes: int) -> Iterator[Usual]:
    """Its worker with so many processes, which has sent something when the block begins."""
    urls = Places(office.services.settings.data_dir).urls
    templates = write_templates(office.folder / "usual")
    ours = {"DATABASE_URL": urls.database, "REDIS_URL": urls.redis, "SMTP_PORT": str(port), "TEMPLATES": str(templates)}
    environment = os.environ | {_PREFIX + name: value for name, value in ours.items()}
    with transaction(office.services.engine) as connection:
        connection.execute(text(_TABLE))
    with open(office.folder / "usual.log", "wb") as log:
        command = [sys.executable, "-m", "benchmarks.usual_celery", str(processes)]
        worker = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
    try:
        usual = Usual(office, make_app(urls.redis), worker)
        usual.send(_WARM_UP)
        yield usual
    finally:
        worker.terminate()
        worker.wait()


def write_templates(folder: Path, literally: str = "raw") -> Path:
    """The bulletin as the templates `issue.html` and `issue.txt` in a new folder."""
    edition = bulletin.edition_of(bulletin.issue_of(MESSAGE_OCTETS))
    folder.mkdir()
    (folder / "issue.html").write_text(template_of(edition.html, literally), encoding="utf-8")
    (folder / "issue.txt").write_text(template_of(edition.text, literally), encoding="utf-8")
    return folder


_EXPRESSIONS = {
    Field.SALUTATION: "{{ salutation }}",
    Field.INSTITUTE: "{{ institute }}",
    Field.ADDRESS: "{{ address }}",
    Field.UNSUBSCRIBE_URL: "{{ base_url }}/u/{{ token }}",
    Field.VIEW_URL: "{{ base_url }}/v/{{ token }}",
    Field.PIXEL_URL: "{{ base_url }}/o/{{ token }}.gif",
    Field.CLICK_URL: "{{ base_url }}/c/{{ token }}",
}


def template_of(segments: Segments, literally: str = "raw") -> str:
    """The same content as a template; `literally` is the tag between which nothing is filled in (Jinja2: raw, Django: verbatim)."""
    return "".join(
        f"{{% {literally} %}}{part}{{% end{literally} %}}" if isinstance(part, str) else _EXPRESSIONS[part.field]
        for part in segments
    )


if __name__ == "__main__":
    words = ["--quiet", "worker", "--pool=prefork", f"--concurrency={sys.argv[1]}", "--loglevel=WARNING"]
    make_app(os.environ[f"{_PREFIX}REDIS_URL"]).worker_main(words)
