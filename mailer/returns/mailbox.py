"""A mailbox that bounces come to, as one URL says it, and how far it has been read."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from urllib.parse import parse_qsl, unquote, urlsplit

from sqlalchemy import Connection, text

from subscribers.errors import InputError

_PORTS: Mapping[str, int] = MappingProxyType({"imap": 143, "imaps": 993, "pop3": 110, "pop3s": 995})
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_EXAMPLE = "Give one like imaps://user:password@imap.example.org/INBOX or pop3s://user:password@pop.example.org."


class Encryption(StrEnum):
    """How a connection becomes private: TLS from the first byte, by STARTTLS or STLS, or not at all."""

    IMPLICIT = "implicit"
    STARTTLS = "starttls"
    NONE = "none"


class Then(StrEnum):
    """What becomes of a report once its facts are committed. Letters from people are always left where they are."""

    KEEP = "keep"
    DELETE = "delete"
    MOVE = "move"


@dataclass(frozen=True, slots=True)
class Mailbox:
    """One folder of one account; `folder` and `move_to` are IMAP's alone. No text of it shows the password."""

    protocol: str  # imap or pop3
    host: str
    port: int
    user: str
    password: str = field(repr=False)
    encryption: Encryption
    folder: str = "INBOX"
    then: Then = Then.KEEP
    move_to: str = ""

    @property
    def name(self) -> str:
        """What logs and the cursor call it."""
        place = f"/{self.folder}" if self.protocol == "imap" else ""
        return f"{self.protocol}://{self.user}@{self.host}:{self.port}{place}"

    @classmethod
    def parse(cls, url: str) -> Mailbox:
        """The mailbox that a URL names. InputError says what is wrong; its text never shows the password."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:  # What it says may quote the password.
            raise InputError(
                f"BOUNCE_MAILBOX cannot be read as an address. Write @ : / ? # % of user or password as %40 %3A %2F %3F %23 %25. {_EXAMPLE}"
            ) from None
        if parts.scheme not in _PORTS or not parts.hostname or not parts.username or parts.password is None:
            raise InputError(f"BOUNCE_MAILBOX needs imaps or pop3s, a user, a password and a host. {_EXAMPLE}")
        protocol = parts.scheme.removesuffix("s")
        then, move_to, encryption = _options(dict(parse_qsl(parts.query)), parts.scheme, parts.hostname)
        if then is Then.MOVE and protocol == "pop3":
            raise InputError("BOUNCE_MAILBOX: with POP3 there are no folders to move to. Give then=keep or then=delete.")
        return cls(
            protocol,
            parts.hostname,
            port or _PORTS[parts.scheme],
            unquote(parts.username),
            unquote(parts.password),
            encryption,
            unquote(parts.path.strip("/")) or "INBOX",
            then,
            move_to,
        )


def _options(options: Mapping[str, str], scheme: str, host: str) -> tuple[Then, str, Encryption]:
    unknown = set(options) - {"then", "starttls"}
    if unknown:
        raise InputError(f"BOUNCE_MAILBOX: {', '.join(sorted(unknown))} is no option of a mailbox. There are: then, starttls.")
    wanted = options.get("then", Then.KEEP.value)
    then = Then(wanted) if wanted in (Then.KEEP, Then.DELETE) else Then.MOVE
    if scheme.endswith("s"):
        return then, wanted, Encryption.IMPLICIT
    starttls = options.get("starttls", "none" if host in _LOOPBACK else "require")
    if starttls not in ("require", "none"):
        raise InputError(f"BOUNCE_MAILBOX: starttls={starttls} is neither require nor none.")
    return then, wanted, Encryption.STARTTLS if starttls == "require" else Encryption.NONE


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a mailbox has been read: in IMAP by UID, for as long as its UIDVALIDITY holds, in POP3 by each message's UIDL, with how
    often the server was told to remove it."""

    uid_validity: int = 0
    last_uid: int = 0
    uidls: Mapping[str, int] = field(default_factory=dict)


def load_cursor(connection: Connection, mailbox: Mailbox) -> Cursor:
    """How far the mailbox was read."""
    row = connection.execute(_LOAD, {"mailbox": mailbox.name}).one_or_none()
    return Cursor() if row is None else Cursor(row.uid_validity, row.last_uid, row.uidls)


def save_cursor(connection: Connection, mailbox: Mailbox, cursor: Cursor) -> None:
    """Keep how far it has been read: everything up to there is committed, and filed."""
    values = {"validity": cursor.uid_validity, "uid": cursor.last_uid, "uidls": json.dumps(dict(cursor.uidls))}
    connection.execute(_SAVE, values | {"mailbox": mailbox.name})


def reports_among(connection: Connection, digests: Collection[bytes]) -> set[bytes]:
    """Those of the arrivals that have been read as reports of some form, and so are no letters; another reader is waited for."""
    connection.execute(_NOT_IN_ANYBODYS_HANDS, {"digests": list(digests)})
    return set(connection.execute(_REPORTS, {"digests": list(digests)}).scalars())


_LOAD = text("SELECT uid_validity, last_uid, uidls FROM mailbox_cursor WHERE mailbox = :mailbox")
_SAVE = text("""
    INSERT INTO mailbox_cursor (mailbox, uid_validity, last_uid, uidls) VALUES (:mailbox, :validity, :uid, CAST(:uidls AS jsonb))
    ON CONFLICT (mailbox) DO UPDATE
    SET uid_validity = EXCLUDED.uid_validity, last_uid = EXCLUDED.last_uid, uidls = EXCLUDED.uidls, read_at = now()
""")
_NOT_IN_ANYBODYS_HANDS = text("SELECT FROM feedback_raw WHERE digest = ANY(:digests) ORDER BY id FOR SHARE")
_REPORTS = text("""
    SELECT digest FROM feedback_raw
    WHERE digest = ANY(:digests) AND read_at IS NOT NULL AND form IS NOT NULL AND form <> 'other' AND trouble IS NULL
""")
