"""A webhook's request as it came, and what it is checked by."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

CertificateFetch = Callable[[str], bytes]


@dataclass(frozen=True, slots=True)
class WebhookSecrets:
    """What a service's requests are checked by: each kind that is given must hold, and one at least must be given.

    `keys` sign (several while they are being changed), `basic` are `user:password` of HTTP Basic, `parameters` are secrets
    that the query may carry as `token=…`, `topics` are the ARNs of our SNS topics, and `url` is our public address as
    the service knows it, where the service signs it.
    """

    keys: tuple[str, ...] = ()
    basic: tuple[str, ...] = ()
    parameters: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    url: str = ""


@dataclass(frozen=True, slots=True)
class WebhookRequest:
    """Header names in lower case, the body's octets as they came, the query decoded."""

    headers: Mapping[str, str]
    body: bytes
    query: Mapping[str, str]
    secrets: WebhookSecrets
    now: datetime
    fetch_certificate: CertificateFetch | None = field(default=None)
