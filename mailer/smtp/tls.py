"""The TLS contexts a relay is met with."""

from __future__ import annotations

import ssl

from mailer.relay import Encryption, Relay


def context_for(relay: Relay) -> ssl.SSLContext:
    """A context that verifies the relay's certificate and name, TLS 1.2 or newer.

    Only encryption that is taken when offered, and carries no password, goes unverified: whoever could forge the certificate
    could as well remove the offer (RFC 7435 §3), and many mail hosts have none that verifies.
    """
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if relay.encryption is Encryption.IF_OFFERED and relay.password is None:
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
