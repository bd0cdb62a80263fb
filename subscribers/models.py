"""The tables of who may be written to. States of a subscriber and of a subscription never share a column."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, Identity, Index, LargeBinary, Text, UniqueConstraint, func
from sqlalchemy.orm import Mapped, mapped_column

from subscribers.db import Base


class SubscriberState(StrEnum):
    """Whether an address works, whatever its owner wants."""

    ACTIVE = "active"
    DISABLED = "disabled"


class SubscriptionState(StrEnum):
    """What a subscriber wants of one list."""

    UNCONFIRMED = "unconfirmed"
    CONFIRMED = "confirmed"
    UNSUBSCRIBED = "unsubscribed"


class SuppressionReason(StrEnum):
    """Why an address is never written to."""

    UNSUBSCRIBED = "unsubscribed"
    COMPLAINT = "complaint"
    HARD_BOUNCE = "hard_bounce"
    REFUSED = "refused"
    ERASED = "erased"
    STAFF = "staff"


def one_of(column: str, values: type[StrEnum]) -> CheckConstraint:
    """A check that `column` holds one of the enumeration's words."""
    words = ", ".join(f"'{value.value}'" for value in values)
    return CheckConstraint(f"{column} IN ({words})", name=column)


def instant() -> Mapped[datetime]:
    """A column that holds a moment, set to now by the database."""
    return mapped_column(DateTime(timezone=True), server_default=func.now())


class Institute(Base):
    """A member organisation."""

    __tablename__ = "institute"
    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    name: Mapped[str] = mapped_column(Text, unique=True)
    short_name: Mapped[str | None] = mapped_column(Text)
    province: Mapped[str | None] = mapped_column(Text)
    city: Mapped[str | None] = mapped_column(Text)
    kind: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = instant()


class Subscriber(Base):
    """One address: a person or an office, usually of an institute."""

    __tablename__ = "subscriber"
    __table_args__ = (one_of("state", SubscriberState), Index(None, "institute_id"))
    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    address: Mapped[str] = mapped_column(Text)
    canonical: Mapped[str] = mapped_column(Text, unique=True)
    domain: Mapped[str] = mapped_column(Text)
    address_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    name: Mapped[str | None] = mapped_column(Text)
    role: Mapped[str | None] = mapped_column(Text)
    institute_id: Mapped[int | None] = mapped_column(ForeignKey("institute.id"))
    state: Mapped[str] = mapped_column(Text, server_default=SubscriberState.ACTIVE.value)
    created_at: Mapped[datetime] = instant()


class MailingList(Base):
    """A list that mailings are addressed to."""

    __tablename__ = "mailing_list"
    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    slug: Mapped[str] = mapped_column(Text, unique=True)
    name: Mapped[str] = mapped_column(Text)
    bounce_policy: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = instant()


class Subscription(Base):
    """What one subscriber wants of one list, now."""

    __tablename__ = "subscription"
    __table_args__ = (one_of("state", SubscriptionState), Index(None, "subscriber_id"))
    list_id: Mapped[int] = mapped_column(ForeignKey("mailing_list.id"), primary_key=True)
    subscriber_id: Mapped[int] = mapped_column(ForeignKey("subscriber.id"), primary_key=True)
    state: Mapped[str] = mapped_column(Text)
    since: Mapped[datetime] = instant()


class Consent(Base):
    """One entry of the consent ledger: rows are only ever added."""

    __tablename__ = "consent"
    __table_args__ = (one_of("state", SubscriptionState), Index(None, "subscriber_id"))
    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    list_id: Mapped[int] = mapped_column(ForeignKey("mailing_list.id"))
    subscriber_id: Mapped[int] = mapped_column(ForeignKey("subscriber.id"))
    state: Mapped[str] = mapped_column(Text)
    method: Mapped[str] = mapped_column(Text)
    evidence: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = instant()


class Suppression(Base):
    """An address never to be written to, by hash, so that it outlives the subscriber's row."""

    __tablename__ = "suppression"
    __table_args__ = (
        one_of("reason", SuppressionReason),
        UniqueConstraint("address_hash", "list_id", postgresql_nulls_not_distinct=True),
    )
    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    address_hash: Mapped[bytes] = mapped_column(LargeBinary)
    address: Mapped[str | None] = mapped_column(Text)
    list_id: Mapped[int | None] = mapped_column(ForeignKey("mailing_list.id"))
    reason: Mapped[str] = mapped_column(Text)
    evidence: Mapped[str] = mapped_column(Text)
    since: Mapped[datetime] = instant()
