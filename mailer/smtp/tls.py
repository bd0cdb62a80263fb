"""The TLS contexts a relay is met with."""

from __future__ import annotations

import ssl
from functools import cache

from mailer.relay import Encryption, Relay


def context_for(relay: Relay) -> ssl.SSLContext:
    """A context that verifies the relay's certificate and name, TLS 1.2 or newer.

    Only encryption that is taken when offered, and carries no password, goes unverified: whoever could forge the certificate
    could as well remove the offer (RFC 7435 §3), and many mail hosts have none that verifies.
    """
    return _context(verified=relay.encryption is not Encryption.IF_OFFERED or relay.password is not None)


@cache
def _context(*, verified: bool) -> ssl.SSLContext:
    # Reading the certificates of all authorities takes as long as hundreds of messages: once, and not for every host.
    context = ssl.create_default_context() if verified else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if not verified:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def failure(error: Exception) -> str:
    """Why a handshake failed, in OpenSSL's words."""
    match error:
        case ssl.SSLCertVerificationError():
            return f"the certificate does not verify: {error.verify_message}"
        case ssl.SSLError():
            return f"the TLS handshake failed: {error.reason or error}"
        case _:
            return f"the TLS handshake failed: {error or type(error).__name__}"
