"""Where mail for the bounce domain is let in: by which protocol, and with which certificate."""

from __future__ import annotations

import re
import ssl
from dataclasses import dataclass

from mailer.settings import Settings
from subscribers.errors import InputError

_URL = re.compile(r"(?P<protocol>smtp|lmtp)://(?P<host>\[[0-9a-fA-F:]+\]|[^:/\[\]]+):(?P<port>\d{1,5})/?")


@dataclass(frozen=True, slots=True)
class Door:
    """Where to listen, and by which protocol."""

    protocol: str
    host: str
    port: int

    @classmethod
    def parse(cls, url: str) -> Door:
        """`lmtp://127.0.0.1:2424` or `smtp://0.0.0.0:25`."""
        found = _URL.fullmatch(url.strip())
        if found is None or int(found["port"]) > 65535:
            raise InputError(f"BOUNCE_LISTEN: {url!r} is no place to listen at. Give one like lmtp://127.0.0.1:2424.")
        return cls(found["protocol"], found["host"].strip("[]"), int(found["port"]))


def tls_of(settings: Settings) -> ssl.SSLContext | None:
    """What STARTTLS is offered with; None where there is no certificate. InputError where its files are none."""
    certificate, key = settings["BOUNCE_CERTIFICATE"], settings["BOUNCE_CERTIFICATE_KEY"]
    if not certificate:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        # A key with a passphrase is refused: nobody is there to be asked.
        context.load_cert_chain(certificate, key or None, password="")
    except (OSError, ValueError) as error:
        raise InputError(
            f"BOUNCE_CERTIFICATE: {certificate} with the key in {key or 'the same file'} cannot be used: {error}. "
            "Give PEM files that the program may read, the key without a passphrase."
        ) from error
    return context
