"""The Celery application: a wake-up carrier. The row in the database is the job, and a message in the queue is only its id."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

from celery import Celery

from workers.queues import QUEUE


def make_app(redis_url: str) -> Celery:
    """A Celery application on that broker; nothing is kept of results."""
    app = Celery("jianbao", broker=broker_url(redis_url), set_as_current=False)
    app.conf.update(
        task_ignore_result=True,
        task_default_queue=QUEUE,
        task_serializer="json",
        accept_content=["json"],
        worker_prefetch_multiplier=1,
        worker_hijack_root_logger=False,
        worker_send_task_events=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,  # Celery would end after a hundred, three quarters of an hour.
        # Without a deadline who speaks to a broker that has gone, and has not hung up, waits for ever.
        broker_transport_options={"visibility_timeout": 3600, "socket_timeout": 10, "socket_connect_timeout": 10},
        enable_utc=True,
    )
    return app


def broker_url(redis_url: str) -> str:
    """The same server as Kombu writes it: it has a scheme of its own for Unix sockets."""
    parts = urlsplit(redis_url)
    if parts.scheme != "unix":
        return redis_url
    database = parse_qs(parts.query).get("db", ["0"])[0]
    return f"redis+socket://{parts.path}?virtual_host={database}"
