"""Whether a request is what it says: every comparison takes the same time, whatever is compared."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Iterable
from datetime import datetime, timedelta

from mailer.feedback.fact import Refusal, RefusalReason
from mailer.feedback.webhooks.request import WebhookRequest

# Standard Webhooks and Mailgun advise five minutes; the services try again for hours, and sign anew each time they do.
REPLAY_WINDOW = timedelta(minutes=5)


def same_as_any(given: bytes, expected: Iterable[bytes]) -> bool:
    """Whether one of `expected` is `given`; all are compared, so that the time tells nothing."""
    matches = [hmac.compare_digest(given, candidate) for candidate in expected]
    return any(matches)


def check_password(request: WebhookRequest) -> Refusal | None:
    """The refusal of a request without the user and password, or the secret in the query, that were agreed on."""
    secrets = request.secrets
    if secrets.basic:
        given = _basic(request.headers.get("authorization", ""))
        if given is None:
            return Refusal(RefusalReason.UNAUTHENTICATED, "no user and password")
        if not same_as_any(given, (pair.encode() for pair in secrets.basic)):
            return Refusal(RefusalReason.FORGED, "a wrong user or password")
    if secrets.parameters:
        given = request.query.get("token", "").encode("utf-8", "replace")
        if not given:
            return Refusal(RefusalReason.UNAUTHENTICATED, "no token in the query")
        if not same_as_any(given, (parameter.encode() for parameter in secrets.parameters)):
            return Refusal(RefusalReason.FORGED, "a wrong token in the query")
    return None


def hmac_of(key: bytes, signed: bytes, algorithm: str = "sha256") -> bytes:
    """The octets of an HMAC (RFC 2104)."""
    return hmac.new(key, signed, algorithm).digest()


def check_hmac(request: WebhookRequest, given: str, signed: bytes) -> Refusal | None:
    """The refusal of a request whose signature `given` is not the HMAC-SHA256 of `signed`, in hexadecimals, under one of the keys."""
    if not given:
        return Refusal(RefusalReason.UNAUTHENTICATED, "no signature")
    expected = (binascii.hexlify(hmac_of(key.encode(), signed)) for key in request.secrets.keys)
    if not same_as_any(given.encode("utf-8", "replace"), expected):
        return Refusal(RefusalReason.FORGED, "a wrong signature")
    return None


def check_fresh(signed_at: datetime | None, now: datetime, window: timedelta = REPLAY_WINDOW) -> Refusal | None:
    """The refusal of a request that was signed too long ago, or in the future; None for no time at all is refused too."""
    if signed_at is None:
        return Refusal(RefusalReason.MALFORMED, "no time of signing")
    if abs(now - signed_at) > window:
        return Refusal(RefusalReason.STALE, f"signed at {signed_at.isoformat()}")
    return None


def decoded_base64(text: str) -> bytes:
    """The octets of a base64 text; ValueError where it is none."""
    return base64.b64decode(text.encode("ascii", "replace"), validate=True)


def _basic(header: str) -> bytes | None:
    """`user:password` of an Authorization field (RFC 7617); None where there is none."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        return base64.b64decode(encoded.strip(), validate=True)
    except (binascii.Error, ValueError):
        return None
