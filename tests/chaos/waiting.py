"""Waiting for what other processes do, with patience for servers that are just being started again."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import redis
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from mailer import mailings
from mailer.models import MailingStatus
from subscribers.db import transaction
from subscribers.errors import ServiceError

UNAVAILABLE = (DBAPIError, ServiceError, redis.RedisError)
_LOOK_SECONDS = 0.05
T = TypeVar("T")


def wait_for(asked: Callable[[], T], seconds: float) -> T:
    """What `asked` answers once that is true; its last answer after `seconds`, whatever it is. While nobody answers, it is asked again."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            answer = asked()
            if answer or time.monotonic() > deadline:
                return answer
        except UNAVAILABLE:
            if time.monotonic() > deadline:
                raise
        time.sleep(_LOOK_SECONDS)


def is_finished(engine: Engine, mailing_id: int) -> bool:
    """Whether the mailing has finished."""
    with transaction(engine) as connection:
        return mailings.find_mailing(connection, mailing_id).status is MailingStatus.FINISHED
