"""The Celery application: a wake-up carrier. The row in the database is the job, and a message in the queue is only its id."""

from __future__ import annotations

from urllib.parse import quote

import redis
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
        # A broker that refuses, as one that has become a replica, is one that is away: Celery would end, with exit code 0.
        broker_channel_error_retry=True,
        # Without a deadline who speaks to a broker that has gone, and has not hung up, waits for ever.
        broker_transport_options={"visibility_timeout": 3600, "socket_timeout": 10, "socket_connect_timeout": 10},
        broker_use_ssl=_tls_options(redis_url),
        enable_utc=True,
    )
    return app


def broker_url(redis_url: str) -> str:
    """The same server as Kombu writes it: it has a scheme of its own for Unix sockets, and none of redis-py's options."""
    pool = redis.ConnectionPool.from_url(redis_url)  # It has not connected.
    known = pool.connection_kwargs
    user, password = (quote(known.get(name) or "", safe="") for name in ("username", "password"))
    login = f"{user}:{password}@" if password else ""
    database = known.get("db", 0)
    if "path" in known:
        return f"redis+socket://{login}{quote(known['path'])}?virtual_host={database}"
    host = known.get("host", "localhost")
    scheme = "rediss" if issubclass(pool.connection_class, redis.SSLConnection) else "redis"
    return f"{scheme}://{login}{f'[{host}]' if ':' in host else host}:{known.get('port', 6379)}/{database}"


def _tls_options(redis_url: str) -> dict[str, object] | None:
    """How the broker's certificate is verified; None without TLS. Kombu would verify none where the URL does not speak of it."""
    pool = redis.ConnectionPool.from_url(redis_url)
    if not issubclass(pool.connection_class, redis.SSLConnection):
        return None
    given = {name: value for name, value in pool.connection_kwargs.items() if name.startswith("ssl_")}
    return {"ssl_cert_reqs": "required"} | given
