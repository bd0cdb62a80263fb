"""SMTP as a client speaks it: pipelined, many messages a connection, and an outcome for every message."""

from mailer.smtp.client import Client
from mailer.smtp.deadlines import Deadlines
from mailer.smtp.feed import Feed, Sendable
from mailer.smtp.opening import Failures
from mailer.smtp.outcomes import InDoubt, NotSent, Outcome, Reason, RelayDown, Replied

__all__ = [
    "Client",
    "Deadlines",
    "Failures",
    "Feed",
    "InDoubt",
    "NotSent",
    "Outcome",
    "Reason",
    "RelayDown",
    "Replied",
    "Sendable",
]
