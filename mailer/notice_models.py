"""The table of mail that is no mailing: one message to one person, until a server has taken it or refused it for good."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, DateTime, ForeignKey, Identity, Index, SmallInteger, Text
from sqlalchemy.orm import Mapped, mapped_column

from subscribers.db import Base
from subscribers.models import instant, one_of


class NoticeState(StrEnum):
    """What became of a notice. ACCEPTED is a server's 250."""

    PENDING = "pending"
    ACCEPTED = "accepted"
    FAILED = "failed"


class Notice(Base):
    """The mail that asks whether a sign-up is meant, or whether a person's `address`, which has ended, works again.

    While it is `leased_until` somebody speaks to a server for it.
    """

    __tablename__ = "notice"
    __table_args__ = (
        one_of("state", NoticeState),
        Index("ix_notice_next_attempt_at", "next_attempt_at", postgresql_where="state = 'pending'"),
        Index(None, "sign_up_id"),
        Index(None, "subscriber_id"),
        CheckConstraint(
            "(sign_up_id IS NULL) <> (subscriber_id IS NULL) AND (subscriber_id IS NULL) = (address IS NULL)", name="about"
        ),
    )
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    sign_up_id: Mapped[int | None] = mapped_column(ForeignKey("sign_up.id", ondelete="CASCADE"))
    subscriber_id: Mapped[int | None] = mapped_column(ForeignKey("subscriber.id", ondelete="CASCADE"))
    address: Mapped[str | None] = mapped_column(Text)
    requested_at: Mapped[datetime] = instant()
    state: Mapped[str] = mapped_column(Text, server_default=NoticeState.PENDING.value)
    attempts: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    next_attempt_at: Mapped[datetime] = instant()
    leased_until: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    settled_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    reply: Mapped[str | None] = mapped_column(Text)
