"""What comes back of what was sent, from octets to facts: pure functions, none of which believes or stores anything."""

from mailer.feedback.fact import Evidence, Fact, FactClass, Facts, Form, Happening, Refusal, RefusalReason
from mailer.feedback.judging import Judge
from mailer.feedback.message import read_message
from mailer.feedback.webhooks import WebhookSecrets, read_webhook

__all__ = [
    "Evidence",
    "Fact",
    "FactClass",
    "Facts",
    "Form",
    "Happening",
    "Judge",
    "Refusal",
    "RefusalReason",
    "WebhookSecrets",
    "read_message",
    "read_webhook",
]
