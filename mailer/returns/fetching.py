"""The few things that are fetched because of what came in: Amazon's certificates, and the address that confirms a subscription.

Their hosts have been checked by whoever asks. Nothing is followed elsewhere, nothing large is read, nothing waits for long.
"""

from __future__ import annotations

import http
import http.client
from urllib.parse import urlsplit

from subscribers.errors import ServiceError

_SECONDS = 5.0
_LARGEST = 64 * 1024


def fetch(url: str) -> bytes:
    """What an HTTPS address answers. ServiceError where it is not HTTPS, leads elsewhere, fails or is too long."""
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname:
        raise ServiceError(f"{url[:100]} is not https, and is not fetched.")
    connection = http.client.HTTPSConnection(parts.hostname, parts.port, timeout=_SECONDS)
    try:
        connection.request("GET", f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/")
        answer = connection.getresponse()
        content = answer.read(_LARGEST + 1)
    except (http.client.HTTPException, OSError, ValueError) as error:
        raise ServiceError(f"{url[:100]} cannot be fetched: {error}") from error
    finally:
        connection.close()
    if answer.status != http.HTTPStatus.OK or len(content) > _LARGEST:
        raise ServiceError(f"{url[:100]} answers {answer.status} with {len(content)} octets.")
    return content
