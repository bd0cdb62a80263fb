"""One worker process: Celery with threads, each of which hands its batch to the process's one sender and waits."""

from __future__ import annotations

import gc
import os
import random
import socket
import sys
import warnings
from contextlib import suppress
from functools import partial

import structlog
from celery.exceptions import SecurityWarning
from celery.signals import setup_logging, worker_ready, worker_shutting_down

from mailer.bootstrap import open_services, provider_table, reply_table
from mailer.installation import tokens
from mailer.logs import configure_logs
from mailer.notices import send_notices
from mailer.pacing import LoopPacer, Pacer
from mailer.relay import parse_relays
from mailer.sending import BATCHES_AT_ONCE, Equipment, Sender
from mailer.settings import read_settings
from mailer.signing import check_keys, signers_for
from mailer.usage import counter
from subscribers.errors import JianbaoError
from workers.app import make_app
from workers.tasks import register_tasks


def main() -> None:
    """Work until told to stop (SIGTERM: finish what is under way, then end)."""
    settings = read_settings(os.environ)
    check_keys(settings)
    with open_services(settings, unattended=True) as services:
        give_way()  # Not before: an embedded database that this process starts would do the same.
        name = f"{socket.gethostname()}:{os.getpid()}"
        sender = Sender(
            Equipment(
                engine=services.engine,
                pacer=LoopPacer(services.redis_url, zone=settings.zone, count=counter(services.engine)),
                relays=parse_relays(settings["SMTP_URL"]),
                tokens=tokens(services.engine, settings),
                table=reply_table(settings),
                worker=name,
                rng=random.Random(),  # noqa: S311 - jitter and the choice of a relay are no secrets
                signers=partial(signers_for, settings=settings),
                providers=provider_table(settings),
            )
        )
        app = make_app(services.redis_url)
        pacer = Pacer(services.redis(), zone=settings.zone, count=counter(services.engine))
        register_tasks(app, sender, partial(send_notices, services.engine, settings, give_up=sender.given_up, pacer=pacer))
        worker_shutting_down.connect(lambda **_: sender.drain(), weak=False)
        setup_logging.connect(lambda **_: None, weak=False)  # Celery leaves the logging alone when somebody answers.
        worker_ready.connect(lambda **_: structlog.get_logger().info("worker_started", worker=name), weak=False)
        # Celery warns of root for its pickled messages' sake; ours are JSON with one number.
        warnings.filterwarnings("ignore", category=SecurityWarning)
        sys.__stdout__ = None  # type: ignore[misc]  # Celery says there that it ends, in no line of JSON; what we say goes to stderr.
        options = [f"--concurrency={BATCHES_AT_ONCE}", f"--hostname=jianbao-{os.getpid()}@%h", "--loglevel=WARNING"]
        alone = ["--without-gossip", "--without-mingle", "--without-heartbeat"]  # The database knows who is at work.
        # What has been loaded stays. Looked through for garbage again and again it would stop everything for a tenth of a second at a time.
        gc.collect()
        gc.freeze()
        app.worker_main(["--quiet", "worker", "--pool=threads", *options, *alone])
        sender.close()


def give_way() -> None:
    """Let nobody be interrupted by this process when it has something to do again: it gets its share of the processor all the same.

    Else a mail server or a database on the same machine is put aside for each answer that a worker gets (sched(7), SCHED_BATCH).
    """
    if sys.platform == "linux":
        with suppress(OSError):  # Where a container forbids it, it goes on as before.
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


if __name__ == "__main__":
    configure_logs()
    try:
        main()
    except JianbaoError as error:
        sys.exit(f"jianbao worker: {error}")
