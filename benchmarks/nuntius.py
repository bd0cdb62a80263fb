"""nuntius, the newsletter application for Django: one process makes the messages, others send them.

It is installed from PyPI into a virtual environment of its own, in the newest version that this Python runs, and nothing of it is
changed. It has a database beside the product's on the same server, the same bulletin as Django's templates, and four sending processes,
as by default; its limits of 50 messages a second and 500 on a connection are lifted. It rewrites every link and adds a pixel by itself.
Timed from the first of its records to the last that says sent, which is looked for twenty times a second.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql
from sqlalchemy import Engine, text

from benchmarks import bulletin
from benchmarks.accounting import cpu_by_part
from benchmarks.figures import CannotMeasure, progress
from benchmarks.office import Office
from benchmarks.opponents import Cost
from benchmarks.usual_celery import write_templates
from mailer.embedded import Places
from subscribers.db import make_engine, transaction

_REQUIREMENTS = (
    "nuntius==3.0.1; python_version >= '3.12'",
    "psycopg[binary]; python_version >= '3.12'",
    "nuntius==2.5.0; python_version < '3.12'",
    "Django<4; python_version < '3.12'",  # for what this nuntius imports
    "psycopg2-binary; python_version < '3.12'",
)
_DATABASE = "nuntius"
_WARM_UP = 20
_STANDSTILL_SECONDS = 60.0
_LOOK_SECONDS = 0.05

# --- Its site ----------------------------------------------------------------------------------------------------------------

_SETTINGS = """
import os

SECRET_KEY = "a key of benchmarks"
INSTALLED_APPS = [
    "django.contrib.contenttypes", "django.contrib.auth", "django.contrib.messages", "django.contrib.sessions", "django.contrib.admin",
    "nuntius", "readers",
]
DATABASES = {
    "default": {"ENGINE": "django.db.backends.postgresql", "NAME": "nuntius", "USER": "jianbao", "HOST": os.environ["NUNTIUS_SOCKETS"]}
}
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]
ROOT_URLCONF = "urls"
STATIC_URL = "/static/"
USE_TZ = True
MIGRATION_MODULES = {"nuntius": None, "readers": None}  # tables straight from the models
SILENCED_SYSTEM_CHECKS = ["admin.E039", "admin.E402", "admin.E404", "admin.E408", "admin.E409", "admin.E410", "admin.W411"]  # no admin here
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
EMAIL_HOST, EMAIL_PORT = "127.0.0.1", int(os.environ["NUNTIUS_SMTP_PORT"])
NUNTIUS_SUBSCRIBER_MODEL, NUNTIUS_SEGMENT_MODEL = "readers.Reader", "readers.Segment"
NUNTIUS_PUBLIC_URL = "https://bulletin.sender.example"
NUNTIUS_MAX_SENDING_RATE = 1_000_000
NUNTIUS_MAX_MESSAGES_PER_SMTP_CONNECTION = 0
"""

_URLS = """
from django.urls import include, path

urlpatterns = [path("n/", include("nuntius.urls"))]
"""

_MODELS = """
from django.db import models
from nuntius.models import BaseSegment, BaseSubscriber


class Segment(BaseSegment, models.Model):
    most = models.IntegerField()

    def get_display_name(self):
        return str(self.most)

    def get_subscribers_queryset(self):
        return Reader.objects.filter(id__lte=self.most)

    def get_subscribers_count(self):
        return self.most


class Reader(BaseSubscriber):
    name = models.TextField()
    institute = models.TextField()

    def get_subscriber_data(self):
        return {
            "address": self.email, "salutation": self.name + "老师", "institute": self.institute, "token": f"{self.id:024d}",
            "base_url": "https://bulletin.sender.example",
        }
"""

_CAMPAIGN = """
import sys
from pathlib import Path

import django

django.setup()
from nuntius.models import Campaign
from readers.models import Segment

print(Campaign.objects.create(
    name="bulletin",
    message_from_email=sys.argv[1],
    message_subject="【信息集锦】2026年第11期（总第228期）",
    message_content_html=Path("templates", "issue.html").read_text(encoding="utf-8"),
    message_content_text=Path("templates", "issue.txt").read_text(encoding="utf-8"),
    segment=Segment.objects.create(most=int(sys.argv[2])),
).id)
"""

_READERS = """
    COPY (SELECT s.address, s.name, i.name FROM subscriber s JOIN institute i ON i.id = s.institute_id ORDER BY s.id LIMIT {}) TO STDOUT"""
_TAKE_READERS = "COPY readers_reader (email, name, institute, subscriber_status) FROM STDIN"
_BEGIN = text("UPDATE nuntius_campaign SET status = 1 WHERE id = :campaign")
_SENT = text("SELECT count(*) FROM nuntius_campaignsentevent WHERE campaign_id = :campaign AND result = '?'")
_BEGAN = text("SELECT extract(epoch FROM min(datetime)) FROM nuntius_campaignsentevent WHERE campaign_id = :campaign")


# --- What the benchmark does with it -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Nuntius:
    """nuntius at work in an office."""

    office: Office
    site: Path
    environment: Mapping[str, str]
    engine: Engine
    worker: subprocess.Popen[bytes]

    def send(self, number: int) -> Cost:
        """Send to so many, and say what it took. CannotMeasure where it stops."""
        self._add_readers(number)
        campaign = int(_python(self.site, self.environment, "-c", _CAMPAIGN, bulletin.SENDER, str(number)))
        postgres = int((Places(self.office.services.settings.data_dir).cluster / "postmaster.pid").read_text().split()[0])
        parts = {"workers": [self.worker.pid], "postgresql": [postgres]}
        before = cpu_by_part(parts)
        with transaction(self.engine) as connection:
            connection.execute(_BEGIN, {"campaign": campaign})
        ended = self._await_end(campaign, number)
        used = {name: seconds - before[name] for name, seconds in cpu_by_part(parts).items()}
        with transaction(self.engine) as connection:
            began = float(connection.execute(_BEGAN, {"campaign": campaign}).scalar_one())
        return Cost(number, ended - began, used)

    def _add_readers(self, number: int) -> None:
        self.office.list_of(number)
        places = Places(self.office.services.settings.data_dir)
        with psycopg.connect(places.urls.database) as source, psycopg.connect(places.database_url(_DATABASE)) as target:
            target.execute("TRUNCATE readers_reader RESTART IDENTITY CASCADE")
            statement = sql.SQL(_READERS).format(number)
            with source.cursor().copy(statement) as rows, target.cursor().copy(_TAKE_READERS) as copied:
                for address, name, institute in rows.rows():
                    copied.write_row((address, name, institute, 1))

    def _await_end(self, campaign: int, number: int) -> float:
        deadline, before = time.monotonic() + _STANDSTILL_SECONDS, 0
        while True:
            with transaction(self.engine) as connection:
                sent = int(connection.execute(_SENT, {"campaign": campaign}).scalar_one())
            if sent == number:
                return time.time()
            if sent != before:
                deadline, before = time.monotonic() + _STANDSTILL_SECONDS, sent
            if time.monotonic() > deadline or self.worker.poll() is not None:
                raise CannotMeasure(f"nuntius has stopped with {sent} of {number} messages sent.")
            time.sleep(_LOOK_SECONDS)


@contextmanager
def at_work(office: Office, port: int) -> Iterator[Nuntius]:
    """Its worker, which has sent something when the block begins. CannotMeasure where it cannot be installed."""
    places = Places(office.services.settings.data_dir)
    site = office.folder / "nuntius"
    _build(site)
    ours = {"NUNTIUS_SOCKETS": str(places.sockets), "NUNTIUS_SMTP_PORT": str(port)}
    environment = os.environ | ours | {"DJANGO_SETTINGS_MODULE": "settings"}
    with psycopg.connect(places.database_url("postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(_DATABASE)))
    _python(site, environment, "-m", "django", "migrate", "--run-syncdb", "--verbosity", "0")
    engine = make_engine(places.database_url(_DATABASE))
    with open(office.folder / "nuntius.log", "wb") as log:
        command = [str(site / "venv" / "bin" / "python"), "-m", "django", "nuntius_worker"]
        worker = subprocess.Popen(command, cwd=site, env=environment, stdout=log, stderr=log, start_new_session=True)
    try:
        nuntius = Nuntius(office, site, environment, engine, worker)
        nuntius.send(_WARM_UP)
        yield nuntius
    finally:
        worker.terminate()
        worker.wait()
        engine.dispose()


def _build(site: Path) -> None:
    progress("  installing nuntius")
    (site / "readers").mkdir(parents=True)
    for name, content in {"settings.py": _SETTINGS, "urls.py": _URLS, "readers/models.py": _MODELS}.items():
        (site / name).write_text(content, encoding="utf-8")
    (site / "readers" / "__init__.py").touch()
    write_templates(site / "templates", "verbatim")
    subprocess.run([sys.executable, "-m", "venv", site / "venv"], check=True)
    _python(site, os.environ, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *_REQUIREMENTS)


def _python(site: Path, environment: Mapping[str, str], *words: str) -> str:
    done = subprocess.run(
        [site / "venv" / "bin" / "python", *words], cwd=site, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise CannotMeasure(f"nuntius: {' '.join(words[:3])} failed.\n{done.stderr[-2000:]}")
    return done.stdout
