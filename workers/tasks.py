"""The task: an id in, one call."""

from __future__ import annotations

from celery import Celery

from mailer.sending import Sender
from workers.queues import SEND_BATCH


def register_tasks(app: Celery, sender: Sender) -> None:
    """Bind the tasks of `app` to what does the work."""

    def send_batch(batch_id: int) -> None:
        sender.send(batch_id)

    app.task(send_batch, name=SEND_BATCH)
