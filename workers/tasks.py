"""The tasks: an id in, or nothing, and one call."""

from __future__ import annotations

from collections.abc import Callable

from celery import Celery

from mailer.sending import Sender
from workers.queues import SEND_BATCH, SEND_NOTICES


def register_tasks(app: Celery, sender: Sender, send_notices: Callable[[], int]) -> None:
    """Bind the tasks of `app` to what does the work."""

    def send_batch(batch_id: int) -> None:
        sender.send(batch_id)

    def send_all_notices() -> None:
        send_notices()

    app.task(send_batch, name=SEND_BATCH)
    app.task(send_all_notices, name=SEND_NOTICES)
