"""The tables of what comes back: each message or request as it arrived, and each fact that was read from it, once."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from subscribers.db import Base
from subscribers.models import instant, one_of


class Way(StrEnum):
    """By which way something came."""

    FILE = "file"  # `bounce ingest`, also from a pipe
    MAILBOX = "mailbox"
    LISTENER = "listener"
    WEBHOOK = "webhook"
    LIST = "list"  # a table of bounces from a provider's page
    SESSION = "session"  # our own SMTP session
    STAFF = "staff"


class Trust(StrEnum):
    """What shows that a fact speaks of our mail, the strongest first; what shows nothing is never scored."""

    SESSION = "session"  # we heard it ourselves, from the host that we had looked up
    SIGNED = "signed"  # a mail service's request whose signature was right
    VERP = "verp"  # the report was written to the envelope sender of this very delivery
    RETURNED = "returned"  # our token in the header of the returned message, or as its ENVID
    SERVICE_ID = "service_id"  # the name that the relay gave our message when it took it
    ADDRESS = "address"  # no more than an address that we have written to lately
    STAFF = "staff"
    NONE = "none"


class Standing(StrEnum):
    """What became of a fact. Only SCORED ones count; every other word says why one does not."""

    SCORED = "scored"
    WAITING = "waiting"  # its delivery is not settled yet: the report was quicker than our record of the 250
    PROBED = "probed"  # of a mail that asked whether an ended address works: for staff to judge
    NOTED = "noted"  # true and ours, and nothing to be scored, such as a delay
    OLD = "old"  # of an issue that is too long ago
    FOREIGN = "foreign"  # of mail that is not ours, or of another recipient's
    FORGED = "forged"  # a token that nobody of us wrote
    UNMATCHED = "unmatched"  # nothing in it says whose it is
    WITHDRAWN = "withdrawn"  # read again after a rule was mended, and not found any more


class RawFeedback(Base):
    """A message or a request exactly as it arrived, kept before it is read, so that it can be read again.

    `confirm_url` is still to be fetched, not before `confirm_at`.
    """

    __tablename__ = "feedback_raw"
    __table_args__ = (
        one_of("way", Way),
        Index("ix_feedback_raw_unread", "id", postgresql_where="read_at IS NULL"),
        Index("ix_feedback_raw_confirm", "id", postgresql_where="confirm_url IS NOT NULL"),
    )
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    way: Mapped[str] = mapped_column(Text)
    service: Mapped[str | None] = mapped_column(Text)
    digest: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    content: Mapped[bytes] = mapped_column(LargeBinary)
    envelope_to: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    null_sender: Mapped[bool | None] = mapped_column(Boolean)
    headers: Mapped[dict[str, str]] = mapped_column(JSONB, server_default="{}")
    received_at: Mapped[datetime] = instant()
    read_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    form: Mapped[str | None] = mapped_column(Text)
    subject: Mapped[str | None] = mapped_column(Text)
    trouble: Mapped[str | None] = mapped_column(Text)
    confirm_url: Mapped[str | None] = mapped_column(Text)
    confirm_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class FeedbackRow(Base):
    """One fact about one recipient's mail, however often and by however many ways it was told.

    `replaced` is what the delivery said before the fact changed its state; `before`, `after` and `because` are the decision.
    """

    __tablename__ = "feedback"
    __table_args__ = (
        one_of("way", Way),
        one_of("trust", Trust),
        one_of("standing", Standing),
        UniqueConstraint("key"),
        Index(None, "delivery_id"),
        Index(None, "subscriber_id"),
        Index(None, "raw_id"),
        Index("ix_feedback_waiting", "id", postgresql_where="standing = 'waiting'"),
        Index("ix_feedback_unknown", "id", postgresql_where="NOT known"),
    )
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    raw_id: Mapped[int | None] = mapped_column(ForeignKey("feedback_raw.id", ondelete="SET NULL"))
    way: Mapped[str] = mapped_column(Text)
    key: Mapped[str] = mapped_column(Text)
    delivery_id: Mapped[int | None] = mapped_column(BigInteger)
    subscriber_id: Mapped[int | None] = mapped_column(Integer)
    address: Mapped[str | None] = mapped_column(Text)
    happening: Mapped[str] = mapped_column(Text)
    finding: Mapped[str | None] = mapped_column(Text)
    meaning: Mapped[str | None] = mapped_column(Text)
    rule: Mapped[str] = mapped_column(Text)
    known: Mapped[bool] = mapped_column(Boolean)
    status: Mapped[str] = mapped_column(Text)
    diagnostic: Mapped[str] = mapped_column(Text)
    trust: Mapped[str] = mapped_column(Text)
    standing: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    recorded_at: Mapped[datetime] = instant()
    times_told: Mapped[int] = mapped_column(Integer, server_default="1")
    replaced: Mapped[dict[str, object] | None] = mapped_column(JSONB)
    before: Mapped[str | None] = mapped_column(Text)
    after: Mapped[str | None] = mapped_column(Text)
    because: Mapped[str | None] = mapped_column(Text)


class MailboxCursor(Base):
    """How far a mailbox has been read: in IMAP the folder's UIDVALIDITY and the last UID that is done with, in POP3 each UIDL with how
    often its message was to be removed."""

    __tablename__ = "mailbox_cursor"
    mailbox: Mapped[str] = mapped_column(Text, primary_key=True)
    uid_validity: Mapped[int] = mapped_column(BigInteger)
    last_uid: Mapped[int] = mapped_column(BigInteger)
    uidls: Mapped[dict[str, int]] = mapped_column(JSONB, server_default="{}")
    read_at: Mapped[datetime] = instant()
