"""A relay: the SMTP server we hand mail to, as one URL says it."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlencode, urlsplit

import idna

from mailer.rate import Bounds, Rate
from subscribers.errors import InputError

_CONNECTIONS, _MESSAGES, _WEIGHT = 4, 100, 1
_NO_BOUNDS = Bounds()


class Encryption(StrEnum):
    """How a connection becomes private. IMPLICIT speaks TLS from the first byte (RFC 8314 §3.3), the others STARTTLS."""

    IMPLICIT = "implicit"
    REQUIRE = "require"
    IF_OFFERED = "if_offered"
    NONE = "none"


class Mechanism(StrEnum):
    """The ways to log in that we speak (RFC 4616, the LOGIN draft, Google's and Microsoft's XOAUTH2)."""

    PLAIN = "plain"
    LOGIN = "login"
    XOAUTH2 = "xoauth2"


@dataclass(frozen=True, slots=True)
class Relay:
    """One SMTP server and how we deal with it; `str()` and `repr()` never show the password.

    `mechanism` None takes the best one offered, never XOAUTH2, whose `password` is an access token. `connections` and
    `messages` (a connection) are our own limits; what the server announces lowers them. `bind` is the local address,
    `helo` the name we greet with; without one it is the address literal of the connection (RFC 5321 §4.1.4).
    `bounds` hold for all workers together. `addresses` are the host's where they are known already.

    A `direct` one is no server at all: mail goes to the recipients' own hosts, at `port`, and `host` is empty.
    """

    host: str
    port: int
    encryption: Encryption = Encryption.IF_OFFERED
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    mechanism: Mechanism | None = None
    cleartext_password: bool = False
    name: str = ""
    connections: int = _CONNECTIONS
    messages: int = _MESSAGES
    weight: int = _WEIGHT
    bind: str | None = None
    helo: str | None = None
    bounds: Bounds = _NO_BOUNDS
    direct: bool = False
    addresses: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """What people and tables call it: its name, or host and port."""
        return self.name or (_DIRECT if self.direct else f"{_bracketed(self.host)}:{self.port}")

    def __str__(self) -> str:
        if self.direct:
            return f"{_DIRECT}://?{urlencode(self._options())}"
        scheme = "smtps" if self.encryption is Encryption.IMPLICIT else "smtp"
        login = f"{quote(self.user, safe='')}:***@" if self.user is not None else ""
        options = urlencode(self._options())
        return f"{scheme}://{login}{_bracketed(self.host)}:{self.port}" + (f"?{options}" if options else "")

    def _options(self) -> dict[str, str]:
        plain = Relay(self.host, self.port)
        options = {key: str(getattr(self, key)) for key in _PLAIN_OPTIONS if getattr(self, key) != getattr(plain, key)}
        options |= {"cleartext_password": "yes"} if self.cleartext_password else {}
        if self.encryption is not Encryption.IMPLICIT:
            options["starttls"] = self.encryption.value
        if self.mechanism is not None:
            options["auth"] = self.mechanism.value
        bounds = {key: str(getattr(self.bounds, key)) for key in _BOUNDS if getattr(self.bounds, key) is not None}
        return options | bounds


_PLAIN_OPTIONS = ("name", "connections", "messages", "weight", "bind", "helo")
_BOUNDS = ("rate", "at_once", "per_hour", "per_day")
_OPTIONS = frozenset(_PLAIN_OPTIONS) | frozenset(_BOUNDS) | {"starttls", "auth", "cleartext_password"}
_DIRECT = "mx"
# The provider of each recipient's host bounds connections and messages.
_DIRECT_OPTIONS = _OPTIONS - {"connections", "messages", "auth", "cleartext_password"}
_SUBMISSION, _SUBMISSIONS, _SMTP = 587, 465, 25  # RFC 6409, RFC 8314, RFC 5321
_HIGHEST_PORT = 65535
_NAME = re.compile(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*", re.IGNORECASE)


def parse_relays(urls: str) -> tuple[Relay, ...]:
    """Read one or several relay URLs separated by white space.

    `smtp://user:password@host:587?starttls=require` or `smtps://user:password@host:465`; options after `?` are starttls
    (require, if_offered, none), auth (plain, login, xoauth2), cleartext_password=yes, connections, messages, weight, bind,
    name, helo, and what the relay allows: rate (like 20/s), at_once, per_hour and per_day. User and password are percent-encoded.
    With a user the default is STARTTLS required on port 587, without one STARTTLS if offered on port 25.

    `mx://?helo=mail.example.org` delivers to the hosts that the recipients' domains name; options are starttls, bind, weight, name,
    rate, per_hour and per_day. Raises InputError, whose text never contains the password.
    """
    relays = tuple(_parse(url) for url in urls.split())
    if not relays:
        raise InputError(
            "no mail server is named that would take the mail. Set JIANBAO_SMTP_URL, in the environment or in .env, to an address like "
            "smtp://user:password@smtp.example.org:587; `jianbao doctor` tries it."
        )
    labels = [relay.label for relay in relays]
    for label in labels:
        if labels.count(label) > 1:
            raise InputError(f"Two relays are both called {label}. Give each its own name, like ?name=second.")
    return relays


def _parse(url: str) -> Relay:
    shown = _masked(url)
    if url.startswith(f"{_DIRECT}:"):
        return _parse_direct(shown, url)
    try:
        parts = urlsplit(url)
        host, port = _host(parts), parts.port
        options = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
    except ValueError:
        raise InputError(
            f"{shown}: cannot be read as an address. Give smtp://user:password@host:port, and write a / ? # @ : or % "
            "of user or password as %2F %3F %23 %40 %3A %25."
        ) from None
    _check_form(shown, parts, host, port, options)
    return _build(shown, parts, host, port, options)


def _check_form(shown: str, parts: SplitResult, host: str, port: int | None, options: Mapping[str, str]) -> None:
    if parts.scheme not in ("smtp", "smtps"):
        raise InputError(
            f"{shown}: begins with neither smtp:// nor smtps:// nor mx://. Use smtps:// for port 465, else smtp://."
        )
    if not host or port == 0 or parts.path not in ("", "/") or parts.fragment:
        raise InputError(
            f"{shown}: has no plain host name and port. Give smtp://host:587, and write a / ? or # of the password "
            "as %2F, %3F or %23."
        )
    _check_options(shown, options, _OPTIONS)
    if (parts.username is None) != (parts.password is None):
        raise InputError(f"{shown}: user and password go together. Give both, as user:password@, or neither.")


def _check_options(shown: str, options: Mapping[str, str], known: frozenset[str]) -> None:
    if unknown := sorted(options.keys() - known):
        raise InputError(f"{shown}: unknown option {unknown[0]!r}. The options are {', '.join(sorted(known))}.")


def _parse_direct(shown: str, url: str) -> Relay:
    before, _, query = url.partition("?")
    try:
        options = dict(parse_qsl(query, keep_blank_values=True, strict_parsing=True))
    except ValueError:
        options = {}
    if before.rstrip("/") != f"{_DIRECT}:" or "helo" not in options:
        # Receivers refuse a greeting that is not the name of the address that it comes from.
        raise InputError(
            f"{shown}: mx:// takes options alone, and needs the full name of this machine's public address. "
            "Give it like mx://?helo=mail.example.org."
        )
    _check_options(shown, options, _DIRECT_OPTIONS)
    return Relay(
        host="",
        port=_SMTP,
        encryption=_encryption(shown, _DIRECT, False, options),
        name=options.get("name", ""),
        weight=_count(shown, options, "weight", _WEIGHT),
        bind=_local_address(shown, options),
        helo=_greeting_name(shown, options),
        bounds=_bounds(shown, options),
        direct=True,
    )


def _build(shown: str, parts: SplitResult, host: str, port: int | None, options: Mapping[str, str]) -> Relay:
    with_login = parts.username is not None
    encryption = _encryption(shown, parts.scheme, with_login, options)
    cleartext = _one_of(shown, options, "cleartext_password", {"yes": True, "no": False}, False)
    if with_login and encryption is Encryption.NONE and not cleartext:
        raise InputError(f"{shown}: would send the password in clear. Use starttls=require, or add cleartext_password=yes.")
    return Relay(
        host=host,
        port=port or _default_port(encryption, with_login),
        encryption=encryption,
        user=unquote(parts.username) if parts.username is not None else None,
        password=unquote(parts.password) if parts.password is not None else None,
        mechanism=_one_of(shown, options, "auth", {m.value: m for m in Mechanism}, None),
        cleartext_password=cleartext,
        name=options.get("name", ""),
        connections=_count(shown, options, "connections", _CONNECTIONS),
        messages=_count(shown, options, "messages", _MESSAGES),
        weight=_count(shown, options, "weight", _WEIGHT),
        bind=_local_address(shown, options),
        helo=_greeting_name(shown, options),
        bounds=_bounds(shown, options),
    )


def _encryption(shown: str, scheme: str, with_login: bool, options: Mapping[str, str]) -> Encryption:
    if scheme == "smtps":
        if "starttls" in options:
            raise InputError(f"{shown}: smtps:// is encrypted from the first byte. Leave starttls out, or use smtp://.")
        return Encryption.IMPLICIT
    choices = {e.value: e for e in Encryption if e is not Encryption.IMPLICIT}
    return _one_of(shown, options, "starttls", choices, Encryption.REQUIRE if with_login else Encryption.IF_OFFERED)


def _default_port(encryption: Encryption, with_login: bool) -> int:
    if encryption is Encryption.IMPLICIT:
        return _SUBMISSIONS
    return _SUBMISSION if with_login else _SMTP


_Choice = TypeVar("_Choice")


def _one_of(shown: str, options: Mapping[str, str], key: str, choices: Mapping[str, _Choice], default: _Choice) -> _Choice:
    value = options.get(key)
    if value is None:
        return default
    if value not in choices:
        raise InputError(f"{shown}: {key}={value} is unknown. Give one of {', '.join(choices)}.")
    return choices[value]


def _count(shown: str, options: Mapping[str, str], key: str, default: int) -> int:
    value = options.get(key)
    if value is None:
        return default
    if not (value.isascii() and value.isdigit() and int(value) > 0):
        raise InputError(f"{shown}: {key}={value} is no whole number above 0. Give one like {key}={default}.")
    return int(value)


def _bounds(shown: str, options: Mapping[str, str]) -> Bounds:
    rate = options.get("rate")
    try:
        parsed = Rate.parse(rate) if rate is not None else None
    except InputError as error:
        raise InputError(f"{shown}: {error}") from None
    at_once = _count(shown, options, "at_once", 10) if "at_once" in options else None
    hour, day = (_count(shown, options, key, 500) if key in options else None for key in ("per_hour", "per_day"))
    return Bounds(parsed, at_once, hour, day)


def _local_address(shown: str, options: Mapping[str, str]) -> str | None:
    value = options.get("bind")
    if value is None:
        return None
    try:
        return str(ipaddress.ip_address(value))
    except ValueError:
        raise InputError(f"{shown}: bind={value} is no IP address. Give one of this machine, like 192.0.2.1.") from None


def _greeting_name(shown: str, options: Mapping[str, str]) -> str | None:
    value = options.get("helo")
    if value is not None and not _NAME.fullmatch(value):
        raise InputError(f"{shown}: helo={value} is no host name. Give this machine's full name, like mail.example.org.")
    return value


def _host(parts: SplitResult) -> str:
    host = parts.hostname or ""
    if ":" in host:
        return str(ipaddress.ip_address(host))
    if not host.isascii():
        host = idna.encode(host, uts46=True).decode("ascii")
    if host and not _NAME.fullmatch(host):
        raise ValueError(host)
    return host


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _masked(url: str) -> str:
    """The URL as an error may show it: everything that could be the user's name or password is struck out."""
    before, at, after = url.rpartition("@")
    scheme, separator, rest = (before or url).rpartition("://")
    if at:
        return f"{scheme}{separator}***@{after}"
    host, _, port = rest.partition(":")  # A host was forgotten where no number follows: then it is a password.
    return url if not port or port[0].isdigit() or rest.startswith("[") else f"{scheme}{separator}{host}:***"
