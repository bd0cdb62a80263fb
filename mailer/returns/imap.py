"""A mailbox over IMAP (RFC 3501 or 9051): what is new by UID, filing, and waiting by IDLE (RFC 2177) or by the clock."""

from __future__ import annotations

import imaplib
import ssl
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import structlog
from imapclient import IMAPClient
from imapclient.exceptions import IMAPClientAbortError, IMAPClientError

from mailer.returns.arrivals import portions
from mailer.returns.files import LARGEST
from mailer.returns.mailbox import Cursor, Encryption, Mailbox, Then
from mailer.returns.source import Message
from subscribers.errors import ServiceError

_SECONDS = 30.0
_AT_ONCE = 200  # Dovecot looks through the whole folder each time that some are removed.
_IDLE_SECONDS = 240.0  # Servers may close after half an hour (RFC 2177), and routers forget sooner.
_POLL_SECONDS = 60.0
_LOOK_SECONDS = 1.0
_MOST_REFUSED = 20  # in a row: then it is not these messages that are ill, but the server.
_LONGEST_LINE = 100_000_000  # The library refuses lines above a million octets, which the UIDs of 150,000 messages have.

log = structlog.get_logger()


class ImapBox:
    """An open folder. Where the server ends the connection over a message that it cannot give, another is begun."""

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox
        self._client, self._validity = _opened(mailbox)
        self._refused: set[int] = set()
        self._refused_in_a_row = 0

    def new(self, cursor: Cursor) -> Iterator[Sequence[Message]]:
        """What came after the cursor, some at a time, each with the cursor that stands behind it."""
        last = cursor.last_uid if cursor.uid_validity == self._validity else 0
        self._refused.clear()
        self._client.noop()  # Servers tell of new messages only when they are spoken to.
        uids = sorted(uid for uid in self._client.search(["UID", f"{last + 1}:*"]) if uid > last)
        for start in range(0, len(uids), _AT_ONCE):
            yield from self._lots(uids[start : start + _AT_ONCE])

    def _lots(self, uids: Sequence[int]) -> Iterator[Sequence[Message]]:
        sizes = self._fetch(uids, "RFC822.SIZE", b"RFC822.SIZE")
        small = {uid: size for uid, size in sizes.items() if size is not None and size <= LARGEST}
        for lot in portions(uids, lambda uid: small.get(uid, 0)):
            # PEEK leaves a message unread, for people who share the mailbox.
            contents = self._fetch([uid for uid in lot if uid in small], "BODY.PEEK[]", b"BODY[]")
            # Somebody else may have removed some since they were looked for: those are not too large.
            given = [uid for uid in lot if uid in sizes and uid not in self._refused]
            if given:
                yield [Message(str(uid), contents.get(uid), Cursor(self._validity, uid)) for uid in given]

    def _fetch(self, uids: Sequence[int], item: str, name: bytes) -> dict[int, Any]:
        """What the server says of these messages; where it does not of all together, of each by itself.

        One that it cannot give, also not once it has given others, is passed by as soon as one behind it can be read, and until then
        asked for again the next time.
        """
        try:
            return self._answers(uids, item, name)
        except (IMAPClientError, OSError):
            self._begin_anew()
        answers: dict[int, Any] = {}
        for uid in uids:
            refusal = self._take(answers, uid, item, name)
            if refusal is not None:
                self._refused_in_a_row += 1
                if self._refused_in_a_row >= _MOST_REFUSED:
                    raise refusal
        if answers:
            for uid in [one for one in uids if one in self._refused]:
                self._take(answers, uid, item, name)
        return answers

    def _take(self, answers: dict[int, Any], uid: int, item: str, name: bytes) -> Exception | None:
        """Put what the server says of one message among the answers, or return why it does not."""
        try:
            answers |= self._answers([uid], item, name)
        except (IMAPClientError, OSError) as error:
            log.warning("message_refused", mailbox=self._mailbox.name, message=uid, error=str(error))
            self._refused.add(uid)
            self._begin_anew()
            return error
        self._refused.discard(uid)
        return None

    def _answers(self, uids: Sequence[int], item: str, name: bytes) -> dict[int, Any]:
        answers = {uid: answer.get(name) for uid, answer in self._client.fetch(uids, [item]).items()}
        if answers:
            self._refused_in_a_row = 0
        return answers

    def _begin_anew(self) -> None:
        """Have a connection that can be used: Dovecot ends one over a message that it cannot read."""
        self.close()
        self._client, validity = _opened(self._mailbox)
        if validity != self._validity:
            raise IMAPClientError("the folder has been made anew meanwhile")

    def close(self) -> None:
        """Say goodbye, as far as anybody listens."""
        _leave(self._client)

    def file(self, names: Sequence[str], behind: Cursor) -> Cursor:
        """Do with reports what the mailbox says; their facts have been committed. One that the server leaves where it is was read."""
        uids = [int(name) for name in names]
        try:
            if uids and self._mailbox.then is Then.MOVE:
                self._move(uids)
            elif uids and self._mailbox.then is Then.DELETE:
                self._remove(uids)
        except IMAPClientAbortError:
            raise
        except IMAPClientError as error:
            log.error("reports_not_filed", mailbox=self._mailbox.name, reports=len(uids), error=str(error))
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
    try:
        box = ImapBox(mailbox)
        try:
            yield box
        finally:
            box.close()
    except (IMAPClientError, OSError) as error:
        raise ServiceError(f"{mailbox.name}: {error}. Look at JIANBAO_BOUNCE_MAILBOX; `jianbao doctor` tries it.") from error


def _opened(mailbox: Mailbox) -> tuple[IMAPClient, int]:
    """A connection that has the folder open, and the folder's UIDVALIDITY."""
    context = ssl.create_default_context()
    client = IMAPClient(
        mailbox.host,
        mailbox.port,
        ssl=mailbox.encryption is Encryption.IMPLICIT,
        ssl_context=context if mailbox.encryption is Encryption.IMPLICIT else None,
        timeout=_SECONDS,
    )
    try:
        _log_in(client, mailbox, context)
        validity = client.select_folder(mailbox.folder).get(b"UIDVALIDITY")
        if validity is None:
            raise IMAPClientError("the server gives its messages no lasting numbers (UIDVALIDITY, RFC 3501 §2.3.1.1)")
    except BaseException:
        _leave(client)
        raise
    return client, int(validity)


def _leave(client: IMAPClient) -> None:
    with suppress(IMAPClientError, OSError):
        client.logout()


def _log_in(client: IMAPClient, mailbox: Mailbox, context: ssl.SSLContext) -> None:
    if mailbox.encryption is Encryption.STARTTLS:
        client.starttls(context)
    client.login(mailbox.user, mailbox.password)
    # NetEase refuses SELECT with "Unsafe Login" to a program that has not said who it is (RFC 2971).
    if client.has_capability("ID"):
        client.id_({"name": "jianbao", "version": "1", "vendor": "jianbao"})
