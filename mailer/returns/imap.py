"""A mailbox over IMAP (RFC 3501 or 9051): what is new by UID, filing, and waiting by IDLE (RFC 2177) or by the clock."""

from __future__ import annotations

import imaplib
import ssl
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from imapclient import IMAPClient
from imapclient.exceptions import IMAPClientError

from mailer.returns.arrivals import portions
from mailer.returns.files import LARGEST
from mailer.returns.mailbox import Cursor, Encryption, Mailbox, Then
from mailer.returns.source import Message
from subscribers.errors import ServiceError

_SECONDS = 30.0
_AT_ONCE = 50
_IDLE_SECONDS = 240.0  # Servers may close after half an hour (RFC 2177), and routers forget sooner.
_POLL_SECONDS = 60.0
_LOOK_SECONDS = 1.0
_LONGEST_LINE = 100_000_000  # The library refuses lines above a million octets, which the UIDs of 150,000 messages have.


class ImapBox:
    """An open folder."""

    def __init__(self, client: IMAPClient, mailbox: Mailbox) -> None:
        self._client = client
        self._mailbox = mailbox
        selected = client.select_folder(mailbox.folder)
        self._validity = int(selected[b"UIDVALIDITY"])

    def new(self, cursor: Cursor) -> Iterator[Sequence[Message]]:
        """What came after the cursor, some at a time, each with the cursor that stands behind it."""
        last = cursor.last_uid if cursor.uid_validity == self._validity else 0
        self._client.noop()  # Servers tell of new messages only when they are spoken to.
        uids = sorted(uid for uid in self._client.search(["UID", f"{last + 1}:*"]) if uid > last)
        for start in range(0, len(uids), _AT_ONCE):
            yield from self._lots(uids[start : start + _AT_ONCE])

    def _lots(self, uids: Sequence[int]) -> Iterator[Sequence[Message]]:
        sizes = {
            uid: answer.get(b"RFC822.SIZE", LARGEST + 1) for uid, answer in self._client.fetch(uids, ["RFC822.SIZE"]).items()
        }
        small = {uid: size for uid, size in sizes.items() if size <= LARGEST}
        for lot in portions(uids, lambda uid: small.get(uid, 0)):
            # PEEK leaves a message unread, for people who share the mailbox.
            contents = self._client.fetch([uid for uid in lot if uid in small], ["BODY.PEEK[]"])
            yield [
                Message(str(uid), contents[uid].get(b"BODY[]") if uid in contents else None, Cursor(self._validity, uid))
                for uid in lot
            ]

    def file(self, names: Sequence[str], behind: Cursor) -> Cursor:
        """Do with reports what the mailbox says; their facts have been committed."""
        uids = [int(name) for name in names]
        if uids and self._mailbox.then is Then.MOVE:
            self._move(uids)
        elif uids and self._mailbox.then is Then.DELETE:
            self._remove(uids)
        return behind

    def _move(self, uids: list[int]) -> None:
        folder = self._mailbox.move_to
        if not self._client.folder_exists(folder):
            self._client.create_folder(folder)
        if self._client.has_capability("MOVE"):
            self._client.move(uids, folder)
            return
        self._client.copy(uids, folder)
        self._remove(uids)

    def _remove(self, uids: list[int]) -> None:
        self._client.delete_messages(uids, silent=True)
        if self._client.has_capability("UIDPLUS"):
            self._client.uid_expunge(uids)
        # Else they stay marked: a plain EXPUNGE would remove what others have marked, too.

    def wait(self, stop: threading.Event) -> bool:
        """Until something may have come, or `stop`; whether the connection may be used further."""
        if not self._client.has_capability("IDLE"):
            stop.wait(_POLL_SECONDS)
            return True
        deadline = time.monotonic() + _IDLE_SECONDS
        self._client.idle()
        try:
            while not stop.is_set() and (began := time.monotonic()) < deadline:
                answers = self._client.idle_check(_LOOK_SECONDS)
                # A connection that the server has ended has something to read at once, for ever, and it is nothing.
                ended = not answers and time.monotonic() - began < _LOOK_SECONDS / 2
                if ended or any(len(answer) > 1 and answer[1] == b"EXISTS" for answer in answers):
                    break
        finally:
            self._client.idle_done()
        return True


@contextmanager
def imap_box(mailbox: Mailbox) -> Iterator[ImapBox]:
    """The folder, opened. ServiceError where it cannot be had, or breaks off."""
    imaplib._MAXLINE = _LONGEST_LINE  # type: ignore[attr-defined]
    context = ssl.create_default_context()
    try:
        client = IMAPClient(
            mailbox.host,
            mailbox.port,
            ssl=mailbox.encryption is Encryption.IMPLICIT,
            ssl_context=context if mailbox.encryption is Encryption.IMPLICIT else None,
            timeout=_SECONDS,
        )
        try:
            _log_in(client, mailbox, context)
            yield ImapBox(client, mailbox)
        finally:
            with suppress(IMAPClientError, OSError):
                client.logout()
    except (IMAPClientError, OSError) as error:
        raise ServiceError(f"{mailbox.name}: {error}. Look at JIANBAO_BOUNCE_MAILBOX; `jianbao doctor` tries it.") from error


def _log_in(client: IMAPClient, mailbox: Mailbox, context: ssl.SSLContext) -> None:
    if mailbox.encryption is Encryption.STARTTLS:
        client.starttls(context)
    client.login(mailbox.user, mailbox.password)
    # NetEase refuses SELECT with "Unsafe Login" to a program that has not said who it is (RFC 2971).
    if client.has_capability("ID"):
        client.id_({"name": "jianbao", "version": "1", "vendor": "jianbao"})
