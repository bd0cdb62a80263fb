"""What mail services report by HTTP: one file a service says how its requests are proven and what they mean."""

from mailer.feedback.webhooks.reading import LARGEST_BODY, READ_HEADERS, SERVICES, read_webhook
from mailer.feedback.webhooks.request import CertificateFetch, WebhookSecrets

__all__ = ["LARGEST_BODY", "READ_HEADERS", "SERVICES", "CertificateFetch", "WebhookSecrets", "read_webhook"]
