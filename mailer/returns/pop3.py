"""A mailbox over POP3 (RFC 1939): what is new by UIDL; what is to go goes with QUIT, after the facts."""

from __future__ import annotations

import poplib
import ssl
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import structlog

from mailer.returns.arrivals import portions
from mailer.returns.files import LARGEST
from mailer.returns.mailbox import Cursor, Encryption, Mailbox, Then
from mailer.returns.source import Message
from subscribers.errors import ServiceError

_SECONDS = 30.0
_AT_ONCE = 500  # With each lot all UIDLs are written.
_POLL_SECONDS = 60.0
_MOST_REMOVALS = 5  # Then the server keeps it all the same, as QQ Mail does where apps may not delete.
_REFUSED = b""  # No message is empty.
_MOST_REFUSED = 20  # in a row: then it is not these messages that are ill, but the server.
_LONGEST_LINE = LARGEST + 1024  # The library refuses lines above 2048 octets, and a message may be one.

log = structlog.get_logger()


class Pop3Box:
    """An open mailbox, as it was at that moment."""

    def __init__(self, client: poplib.POP3, mailbox: Mailbox) -> None:
        self._client = client
        self._mailbox = mailbox
        self._numbers = {uidl: number for number, uidl in _listed(client.uidl()[1])}
        self._refused_in_a_row = 0
        self._known: dict[str, int] = {}  # with how often each was to be removed

    def new(self, cursor: Cursor) -> Iterator[Sequence[Message]]:
        """What the cursor does not name. The cursor behind it forgets what is no longer there.

        What was to go with a connection that may have broken off is marked for removal once more, and not read again.
        """
        sizes = {number: int(size.split()[0]) for number, size in _listed(self._client.list()[1])}
        small = {uidl: sizes[number] for uidl, number in self._numbers.items() if sizes.get(number, LARGEST + 1) <= LARGEST}
        self._known = {uidl: removals for uidl, removals in cursor.uidls.items() if uidl in self._numbers}
        self._remove([uidl for uidl, removals in self._known.items() if 0 < removals < _MOST_REMOVALS])
        fresh = [uidl for uidl in self._numbers if uidl not in self._known]
        for lot in portions(fresh, lambda uidl: small.get(uidl, 0), _AT_ONCE):
            contents = {uidl: None if uidl not in small else self._content(uidl) for uidl in lot}
            given = {uidl: content for uidl, content in contents.items() if content != _REFUSED}
            self._known |= dict.fromkeys(given, 0)
            if given:
                behind = self._behind()
                yield [Message(uidl, content, behind) for uidl, content in given.items()]

    def _behind(self) -> Cursor:
        return Cursor(uidls=dict(self._known))

    def _content(self, uidl: str) -> bytes:
        """The message; _REFUSED where the server does not give this one. It is asked for again the next time, and the others are read."""
        try:
            lines = self._client.retr(self._numbers[uidl])[1]
        except poplib.error_proto as error:
            self._refused_in_a_row += 1
            if self._refused_in_a_row >= _MOST_REFUSED:
                raise
            self._client.noop()  # It raises where it is the connection that has come to its end.
            log.warning("message_refused", mailbox=self._mailbox.name, message=uidl, error=str(error))
            return _REFUSED
        self._refused_in_a_row = 0
        return b"\r\n".join(lines) + b"\r\n"

    def file(self, names: Sequence[str], behind: Cursor) -> Cursor:
        """Mark reports for removal, where the mailbox says so; they go when the connection ends in order."""
        self._remove(names)
        return self._behind() if names else behind

    def _remove(self, names: Sequence[str]) -> None:
        if self._mailbox.then is Then.DELETE:
            for uidl in names:
                self._known[uidl] += 1
                try:
                    self._client.dele(self._numbers[uidl])
                except poplib.error_proto as error:
                    self._client.noop()  # It raises where it is the connection that has come to its end.
                    log.warning("removal_refused", mailbox=self._mailbox.name, message=uidl, error=str(error))

    def wait(self, stop: threading.Event) -> bool:
        """For a minute: the protocol tells of nothing, and shows new messages only to who connects anew."""
        return False


@contextmanager
def pop3_box(mailbox: Mailbox) -> Iterator[Pop3Box]:
    """The mailbox, opened. ServiceError where it cannot be had, or breaks off."""
    poplib._MAXLINE = _LONGEST_LINE  # type: ignore[attr-defined]
    context = ssl.create_default_context()
    try:
        client = _connect(mailbox, context)
        try:
            client.user(mailbox.user)
            client.pass_(mailbox.password)
            yield Pop3Box(client, mailbox)
            client.quit()
        finally:
            client.close()
    except (poplib.error_proto, OSError) as error:
        raise ServiceError(f"{mailbox.name}: {error}. Look at JIANBAO_BOUNCE_MAILBOX; `jianbao doctor` tries it.") from error


def _connect(mailbox: Mailbox, context: ssl.SSLContext) -> poplib.POP3:
    if mailbox.encryption is Encryption.IMPLICIT:
        return poplib.POP3_SSL(mailbox.host, mailbox.port, timeout=_SECONDS, context=context)
    client = poplib.POP3(mailbox.host, mailbox.port, timeout=_SECONDS)
    if mailbox.encryption is Encryption.STARTTLS:
        client.stls(context)
    return client


def _listed(lines: list[bytes]) -> Iterator[tuple[int, str]]:
    """The messages' numbers with what is said of each: one a line, and whatever else a server writes there is passed over."""
    for line in lines:
        number, _, said = line.decode("ascii", "replace").strip().partition(" ")
        if number.isdecimal() and said:
            yield int(number), said.strip()
