"""The mail services that may report to us, and what proves each one's requests, as one setting says it."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qs

from mailer.feedback.webhooks import SERVICES, WebhookSecrets
from mailer.settings import Settings
from subscribers.errors import InputError

_KINDS = ("key", "basic", "token", "topic")
_EXAMPLE = "Give one like postmark?basic=user:password, or several separated by spaces (docs/operators.md)."


def parse_services(settings: Settings) -> dict[str, WebhookSecrets]:
    """What WEBHOOKS says, by service. InputError names what is wrong with it, and never a secret."""
    found: dict[str, WebhookSecrets] = {}
    for entry in settings["WEBHOOKS"].split():
        name, _, query = entry.partition("?")
        if name not in SERVICES:
            raise InputError(f"WEBHOOKS: {name[:40]!r} is no service; there are: {', '.join(sorted(SERVICES))}. {_EXAMPLE}")
        # A plus is a letter of base64 and no space here.
        options = parse_qs(query.replace("+", "%2B"), keep_blank_values=True)
        found[name] = _secrets(name, options, hook_url(settings, name))
        if fault := SERVICES[name].unproven_by(found[name]):
            raise InputError(f"WEBHOOKS: {fault}. {_EXAMPLE}")
    return found


def hook_url(settings: Settings, service: str) -> str:
    """The address that a service is told to report to."""
    return f"{settings['BASE_URL'].rstrip('/')}/hooks/{service}"


def _secrets(name: str, options: Mapping[str, list[str]], url: str) -> WebhookSecrets:
    unknown = set(options) - set(_KINDS)
    if unknown or not any(text for texts in options.values() for text in texts):
        what = f"{', '.join(sorted(unknown))} proves nothing" if unknown else "nothing proves its requests"
        raise InputError(f"WEBHOOKS: {name}: {what}; there are: {', '.join(_KINDS)}. {_EXAMPLE}")
    keys, basic, parameters, topics = (tuple(filter(None, options.get(kind, []))) for kind in _KINDS)
    return WebhookSecrets(keys=keys, basic=basic, parameters=parameters, topics=topics, url=url)
