"""One recipient's message, as the octets that go over the wire.

All that does not depend on the recipient is written when the Composer is made: most of the header, both bodies in base64
with slots, and the beginning of every hash. `compose` encodes what fills the slots, joins, and signs.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from email.utils import format_datetime
from typing import NamedTuple

from mailer.block import picture_type
from mailer.dkim import SignatureForm, Signer, Unsigned
from mailer.edition import Edition, Field
from mailer.encoding.base64_form import CRLF, Base64Form
from mailer.headers import addr_spec, mailbox_field, plain_line, structured_field, unstructured_field
from mailer.holes import Holes
from mailer.letterhead import Letterhead
from mailer.salutation import salutation
from mailer.tokens import MAILED, TOKEN_LENGTH, Purpose, Tokens
from subscribers.errors import InputError

__all__ = ("Composer", "Letterhead", "Message", "Recipient")

_BLANK_TOKEN = "0" * TOKEN_LENGTH  # Stands where a token will: no token contains a 0.
_UNSUBSCRIBE, _BOUNCE = map(MAILED.index, (Purpose.UNSUBSCRIBE, Purpose.BOUNCE))
_VARYING = ("To", "Message-ID", "List-Unsubscribe")
_TEST_MARK = "【测试】"


class Recipient(NamedTuple):
    """One delivery: its id, the address as stored, and what may be said of the person or the office."""

    delivery_id: int
    address: str
    name: str | None
    institute: str | None


class Message(NamedTuple):
    """A message and its envelope, ready for SMTP.

    `key` is the delivery's id, `sender` and `recipient` are the envelope (RFC 5321 §2.3.1), `envelope_id` is the ENVID of
    RFC 3461 §4.4, and `message_id` is as the field has it, with its angle brackets.
    `content` has CRLF line ends only, ends with one, and no line begins with a dot, so that it is its own dot-stuffed form
    (RFC 5321 §4.5.2). It is 7-bit, but for the To field where `smtputf8` is set: where the local part is not ASCII.
    """

    key: int
    sender: str
    recipient: str
    message_id: str
    content: bytes
    smtputf8: bool
    envelope_id: str

    @property
    def eight_bit(self) -> bool:
        """Whether the content has octets above 127."""
        return self.smtputf8


class Draft(NamedTuple):
    """All that a message is made of but the octets themselves, of which most are the same for everybody: a few KB."""

    key: int
    address: str
    bounce: str
    message_id: str
    fields: list[bytes]
    body: list[bytes]
    signatures: tuple[bytes, ...] = ()


class Composer:
    """Composes the messages of one mailing; it keeps nothing between them, so that threads may share one.

    `date` stands in all of them, and needs its zone. Each of `signers` signs every message, the first one on top. `test` marks the
    subject. `pictures` are those that the edition has attached, by hash. InputError where the letterhead or the subject cannot be
    written into a header, or a picture is missing.
    """

    def __init__(
        self,
        edition: Edition,
        letterhead: Letterhead,
        tokens: Tokens,
        *,
        mailing_id: int,
        date: datetime,
        signers: Sequence[Signer] = (),
        test: bool = False,
        pictures: Mapping[str, bytes] | None = None,
    ) -> None:
        if date.tzinfo is None:
            raise ValueError("the date of a mailing needs its zone")
        boundary = f"=_{edition.sha256[:24]}"  # "=_" is in no line of base64 (RFC 2045 §6.7 recommends it).
        self._tokens, self._signers = tokens, signers
        self._return_path = letterhead.return_path(_BLANK_TOKEN)
        self._message_id = f"<m-{_BLANK_TOKEN}@{letterhead.domain}>"
        self._unsubscribe = letterhead.unsubscribe_field(_BLANK_TOKEN)
        fixed = [
            structured_field("Date", format_datetime(date)),
            *letterhead.fields(),
            unstructured_field("Subject", f"{_TEST_MARK}{edition.subject}" if test else edition.subject),
            letterhead.feedback_field(mailing_id, "test" if test else "bulletin"),
            structured_field("Content-Type", f'multipart/alternative; boundary="{boundary}"'),
        ]
        self._fixed = CRLF.join(fixed)
        self._signatures = [SignatureForm(signer, fixed, _VARYING, time=int(date.timestamp())) for signer in signers]
        self._before_text, self._before_html, self._end = _delimiters(boundary, _attachments(edition, pictures or {}))
        self._holes = Holes(edition, letterhead.web)
        self._text, self._html = Base64Form(self._holes.text), Base64Form(self._holes.html)
        opening = CRLF.join([self._before_text, self._text.opening])
        self._opening_length, self._opening_hash = len(opening), hashlib.sha256(opening)

    @property
    def together(self) -> int:
        """How many messages are cheapest to draft at once."""
        return max((signer.together for signer in self._signers), default=1)

    def compose(self, recipient: Recipient) -> Message:
        """The message of one delivery: the same octets every time. InputError where the address cannot be mailed to."""
        return self.finish(*self._signed([self._drafted(recipient)]))

    def draft_each(self, recipients: Sequence[Recipient]) -> list[Draft | InputError]:
        """What `finish` makes the messages of several deliveries from, or the error that stands for one."""
        made: list[Draft | InputError] = []
        for recipient in recipients:
            try:
                made.append(self._drafted(recipient))
            except InputError as error:
                made.append(error)
        signed = iter(self._signed([draft for draft in made if isinstance(draft, Draft)]))
        return [draft if isinstance(draft, InputError) else next(signed) for draft in made]

    def finish(self, draft: Draft) -> Message:
        """The message of a draft."""
        return Message(
            key=draft.key,
            sender=self._return_path.replace(_BLANK_TOKEN, draft.bounce),
            recipient=draft.address,
            message_id=draft.message_id,
            content=CRLF.join([*draft.signatures, self._fixed, *draft.fields, b"", *draft.body]),
            smtputf8=not draft.address.isascii(),
            envelope_id=draft.bounce,
        )

    def _drafted(self, recipient: Recipient) -> Draft:
        address = addr_spec(recipient.address)
        name, institute = plain_line(recipient.name or ""), plain_line(recipient.institute or "")
        tokens = self._tokens.sign_each(recipient.delivery_id)
        message_id = self._message_id.replace(_BLANK_TOKEN, tokens[_BOUNCE])
        fields = [
            mailbox_field("To", name or institute, address),
            f"Message-ID: {message_id}".encode(),
            self._unsubscribe.replace(_BLANK_TOKEN.encode(), tokens[_UNSUBSCRIBE].encode()),
        ]
        texts = {
            Field.SALUTATION: salutation(name, institute),
            Field.INSTITUTE: institute,
            Field.ADDRESS: recipient.address,
        }
        body = self._body(self._holes.values(tokens, texts))
        return Draft(recipient.delivery_id, address, tokens[_BOUNCE], message_id, fields, body)

    def _body(self, values: Sequence[bytes]) -> list[bytes]:
        return [self._before_text, *self._text.fill(values), self._before_html, *self._html.fill(values), self._end]

    def _signed(self, drafts: Sequence[Draft]) -> Sequence[Draft]:
        """Them with their signatures. The body is in DKIM's relaxed form as it is: no white space but single spaces, no empty last line."""
        if not self._signatures:
            return drafts
        unsigned = [Unsigned(draft.fields, self._body_hash(draft)) for draft in drafts]
        signatures = zip(*(form.sign(unsigned) for form in self._signatures), strict=True)
        return [draft._replace(signatures=fields) for draft, fields in zip(drafts, signatures, strict=True)]

    def _body_hash(self, draft: Draft) -> bytes:
        state = self._opening_hash.copy()
        state.update(memoryview(CRLF.join(draft.body))[self._opening_length :])
        return state.digest()


def _delimiters(boundary: str, attachments: Sequence[bytes]) -> tuple[bytes, bytes, bytes]:
    """What comes before the text, before the HTML, and at the end; the richest form is last (RFC 2046 §5.1.4).

    Where the HTML has pictures with it, the two are one part of several (RFC 2387).
    """
    text, page = (
        f"Content-Type: text/{kind}; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n".encode()
        for kind in ("plain", "html")
    )
    outer, inner = f"--{boundary}".encode(), f"--{boundary}.related".encode()
    before_text, end = outer + CRLF + text, outer + b"--" + CRLF
    if not attachments:
        return before_text, outer + CRLF + page, end
    related = f'Content-Type: multipart/related; type="text/html"; boundary="{boundary}.related"\r\n\r\n'.encode()
    pictures = b"".join(inner + CRLF + attachment for attachment in attachments)
    return before_text, outer + CRLF + related + inner + CRLF + page, pictures + inner + b"--" + CRLF + end


def _attachments(edition: Edition, pictures: Mapping[str, bytes]) -> list[bytes]:
    """The parts of the pictures that an edition shows and brings along."""
    missing = [name for name in edition.attached if name not in pictures]
    if missing:
        raise InputError(f"the picture {missing[0]} of the issue is not kept any more. Import the issue again.")
    return [_attachment(name, pictures[name]) for name in edition.attached]


def _attachment(name: str, content: bytes) -> bytes:
    kind = picture_type(content)
    head = (
        f"Content-Type: {kind}\r\nContent-Transfer-Encoding: base64\r\nContent-ID: <{name}>\r\n"
        f'Content-Disposition: inline; filename="{name[:12]}.{kind.rpartition("/")[2]}"\r\n\r\n'
    )
    encoded = base64.encodebytes(content).replace(b"\n", CRLF)
    return head.encode() + encoded
