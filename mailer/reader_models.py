"""The tables of what readers tell us themselves: how they want to be written to, what changed at their institute, that they received."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, DateTime, ForeignKey, Identity, Index, Integer, SmallInteger, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from subscribers.db import Base
from subscribers.models import instant, one_of


class TrackingWish(StrEnum):
    """What a reader said of being counted; who said nothing is counted as the list says."""

    NONE = "none"
    INDIVIDUAL = "individual"


class ProposalKind(StrEnum):
    """What a reader proposes to change."""

    CONTACT = "contact"
    SUCCESSOR = "successor"


class ProposalState(StrEnum):
    """What staff made of a proposal; a later one of the same reader takes an open one's place."""

    OPEN = "open"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    REPLACED = "replaced"


class ReaderTracking(Base):
    """One reader's word on being counted."""

    __tablename__ = "reader_tracking"
    __table_args__ = (one_of("wish", TrackingWish),)
    subscriber_id: Mapped[int] = mapped_column(ForeignKey("subscriber.id", ondelete="CASCADE"), primary_key=True)
    wish: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = instant()


class ReaderFrequency(Base):
    """How many days are to lie between two issues of a list for one reader, at least."""

    __tablename__ = "reader_frequency"
    list_id: Mapped[int] = mapped_column(ForeignKey("mailing_list.id", ondelete="CASCADE"), primary_key=True)
    subscriber_id: Mapped[int] = mapped_column(ForeignKey("subscriber.id", ondelete="CASCADE"), primary_key=True, index=True)
    days: Mapped[int] = mapped_column(SmallInteger)


class Proposal(Base):
    """What a reader says has changed, until staff accept it or decline. Nothing in `fields` is in force before."""

    __tablename__ = "proposal"
    __table_args__ = (
        one_of("kind", ProposalKind),
        one_of("state", ProposalState),
        Index("uq_proposal_open", "subscriber_id", "kind", unique=True, postgresql_where="state = 'open'"),
    )
    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    subscriber_id: Mapped[int] = mapped_column(Integer)
    kind: Mapped[str] = mapped_column(Text)
    fields: Mapped[dict[str, object]] = mapped_column(JSONB)
    state: Mapped[str] = mapped_column(Text, server_default=ProposalState.OPEN.value)
    at: Mapped[datetime] = instant()
    settled_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    settled_by: Mapped[str | None] = mapped_column(Text)


class Receipt(Base):
    """That a reader pressed the button which says the issue came, when first."""

    __tablename__ = "receipt"
    delivery_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    at: Mapped[datetime] = instant()
