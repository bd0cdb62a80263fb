"""The tables of who may be written to. States of a subscriber and of a subscription never share a column."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Computed,
    Date,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Text,
    UniqueConstraint,
    false,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from subscribers.db import Base


class InstituteStatus(StrEnum):
    """Whether an institute belongs to the association."""

    MEMBER = "member"
    CANDIDATE = "candidate"
    FORMER = "former"


class NameKind(StrEnum):
    """What a name is to its institute."""

    CURRENT = "current"
    SHORT = "short"
    FORMER = "former"


class Role(StrEnum):
    """What a subscriber is at the institute."""

    DIRECTOR = "director"
    OFFICE = "office"
    RESEARCH = "research"
    OTHER = "other"


class SubscriberState(StrEnum):
    """Whether an address works, whatever its owner wants. A merged one is kept for its history, and never written to."""

    ACTIVE = "active"
    DISABLED = "disabled"
    MERGED = "merged"


class SubscriptionState(StrEnum):
    """What a subscriber wants of one list."""

    UNCONFIRMED = "unconfirmed"
    CONFIRMED = "confirmed"
    UNSUBSCRIBED = "unsubscribed"


class Succession(StrEnum):
    """Which of an institute's contacts on a list receive a mailing."""

    ALL = "all"
    FIRST = "first"  # The first by rank who can be reached.
    DIRECTOR = "role:director"
    OFFICE = "role:office"
    RESEARCH = "role:research"
    OTHER = "role:other"


class SuppressionReason(StrEnum):
    """Why an address is never written to."""

    UNSUBSCRIBED = "unsubscribed"
    COMPLAINT = "complaint"
    HARD_BOUNCE = "hard_bounce"
    SOFT_BOUNCE = "soft_bounce"
    REFUSED = "refused"
    ERASED = "erased"
    STAFF = "staff"


class TrackingMode(StrEnum):
    """How far it is counted what the readers of a list do."""

    OFF = "off"  # no picture and no counted link in the mail
    AGGREGATE = "aggregate"  # for the mailing as a whole; nobody can tell whose it was
    INDIVIDUAL = "individual"  # by person, of those who agreed


class ImportMode(StrEnum):
    """What an import may do to what is known already."""

    NEW = "new"
    UPDATE = "update"
    SYNC = "sync"


class RecordKind(StrEnum):
    """What kind of row an import changed."""

    INSTITUTE = "institute"
    SUBSCRIBER = "subscriber"
    SUBSCRIPTION = "subscription"
    SUPPRESSION = "suppression"


class ChangeAction(StrEnum):
    """What an import did to a row."""

    CREATED = "created"
    UPDATED = "updated"
    REMOVED = "removed"


def one_of(column: str, values: type[StrEnum]) -> CheckConstraint:
    """A check that `column` holds one of the enumeration's words."""
    words = ", ".join(f"'{value.value}'" for value in values)
    return CheckConstraint(f"{column} IN ({words})", name=column)


def instant() -> Mapped[datetime]:
    """A column that holds a moment, set to now by the database."""
    return mapped_column(DateTime(timezone=True), server_default=func.now())


def own_fields() -> Mapped[dict[str, object]]:
    """A column for what an association keeps besides the columns that there are."""
    return mapped_column(JSONB, server_default=text("'{}'"))


class Institute(Base):
    """A member organisation. One that was merged into another keeps its row, and names its successor."""

    __tablename__ = "institute"
    __table_args__ = (
        one_of("status", InstituteStatus),
        Index("ix_institute_successor_id", "successor_id", postgresql_where=text("successor_id IS NOT NULL")),
    )
    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    name: Mapped[str] = mapped_column(Text, unique=True)
    short_name: Mapped[str | None] = mapped_column(Text)
    province: Mapped[str | None] = mapped_column(Text)
    city: Mapped[str | None] = mapped_column(Text)
    kind: Mapped[str | None] = mapped_column(Text)
    status: Mapped[str] = mapped_column(Text, server_default=InstituteStatus.MEMBER.value)
    membership_number: Mapped[str | None] = mapped_column(Text, unique=True)
    since: Mapped[date | None] = mapped_column(Date)
    until: Mapped[date | None] = mapped_column(Date)
    notes: Mapped[str | None] = mapped_column(Text)
    fields: Mapped[dict[str, object]] = own_fields()
    successor_id: Mapped[int | None] = mapped_column(ForeignKey("institute.id"))
    created_at: Mapped[datetime] = instant()
    updated_at: Mapped[datetime] = instant()


class InstituteName(Base):
    """A name by which an institute is found: the current one (that of its row), short ones, and those of the past.

    `key` is the name as names are compared (`subscribers.institutes.key_of`). A merged institute's names are its successor's.
    """

    __tablename__ = "institute_name"
    __table_args__ = (
        one_of("kind", NameKind),
        UniqueConstraint("institute_id", "key"),
        Index(None, "key"),
        Index("uq_institute_name_current", "key", unique=True, postgresql_where=text("kind = 'current'")),
    )
    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    institute_id: Mapped[int] = mapped_column(ForeignKey("institute.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(Text)
    key: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)
    since: Mapped[date | None] = mapped_column(Date)
    until: Mapped[date | None] = mapped_column(Date)


class Subscriber(Base):
    """One address: a person or an office, usually of an institute. `rank` is its place among the contacts there, 1 the first.

    The hash is that of `canonical`, so that its index keeps both unique, and is what an address is found by.
    `merged_into_id` leads to the one whom the address belongs to now, which is itself not merged.
    """

    __tablename__ = "subscriber"
    __table_args__ = (
        one_of("state", SubscriberState),
        one_of("role", Role),
        Index(None, "institute_id"),
        Index("ix_subscriber_merged_into_id", "merged_into_id", postgresql_where=text("merged_into_id IS NOT NULL")),
    )
    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    address: Mapped[str] = mapped_column(Text)
    canonical: Mapped[str] = mapped_column(Text)
    domain: Mapped[str] = mapped_column(Text)
    address_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    name: Mapped[str | None] = mapped_column(Text)
    role: Mapped[str | None] = mapped_column(Text)
    institute_id: Mapped[int | None] = mapped_column(ForeignKey("institute.id"))
    rank: Mapped[int | None] = mapped_column(SmallInteger)
    language: Mapped[str | None] = mapped_column(Text)
    phone: Mapped[str | None] = mapped_column(Text)
    fields: Mapped[dict[str, object]] = own_fields()
    state: Mapped[str] = mapped_column(Text, server_default=SubscriberState.ACTIVE.value)
    merged_into_id: Mapped[int | None] = mapped_column(ForeignKey("subscriber.id"))
    # The domain is in ASCII, so what is longer in octets than in characters is the local part.
    needs_smtputf8: Mapped[bool] = mapped_column(
        Boolean, Computed("octet_length(canonical) <> char_length(canonical)", persisted=True)
    )
    created_at: Mapped[datetime] = instant()
    updated_at: Mapped[datetime] = instant()


class MailingList(Base):
    """A list that mailings are addressed to, and which of an institute's contacts on it receive them.

    `tracking` is how far what they do is counted. `frequencies` are the days between two issues that a subscriber may choose.
    """

    __tablename__ = "mailing_list"
    __table_args__ = (one_of("succession", Succession), one_of("tracking", TrackingMode))
    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    slug: Mapped[str] = mapped_column(Text, unique=True)
    name: Mapped[str] = mapped_column(Text)
    succession: Mapped[str] = mapped_column(Text, server_default=Succession.ALL.value)
    double_opt_in: Mapped[bool] = mapped_column(Boolean, server_default=false())
    bounce_policy: Mapped[str | None] = mapped_column(Text)
    tracking: Mapped[str] = mapped_column(Text, server_default=TrackingMode.AGGREGATE.value)
    frequencies: Mapped[list[int]] = mapped_column(ARRAY(SmallInteger), server_default="{}")
    created_at: Mapped[datetime] = instant()


class Subscription(Base):
    """What one subscriber wants of one list, now."""

    __tablename__ = "subscription"
    __table_args__ = (one_of("state", SubscriptionState), Index(None, "subscriber_id"))
    list_id: Mapped[int] = mapped_column(ForeignKey("mailing_list.id"), primary_key=True)
    subscriber_id: Mapped[int] = mapped_column(ForeignKey("subscriber.id"), primary_key=True)
    state: Mapped[str] = mapped_column(Text)
    since: Mapped[datetime] = instant()


class Import(Base):
    """One import of a file: looked at, and taken back whole, by its id."""

    __tablename__ = "import_batch"
    __table_args__ = (one_of("mode", ImportMode),)
    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    file_name: Mapped[str] = mapped_column(Text)
    sha256: Mapped[str] = mapped_column(Text)
    list_id: Mapped[int | None] = mapped_column(ForeignKey("mailing_list.id"))
    mode: Mapped[str] = mapped_column(Text)
    actor: Mapped[str] = mapped_column(Text)
    started_at: Mapped[datetime] = instant()
    finished_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    counts: Mapped[dict[str, object]] = mapped_column(JSONB, server_default=text("'{}'"))
    rejects: Mapped[list[object]] = mapped_column(JSONB, server_default=text("'[]'"))
    undone_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    undone_by: Mapped[str | None] = mapped_column(Text)


class ImportChange(Base):
    """What an import did to one row, for the undo to read. `list_id` goes with a subscription, whose row is a subscriber's.

    No foreign key: rows come by the million, with their import in one transaction, and imports are never removed.
    """

    __tablename__ = "import_change"
    __table_args__ = (
        one_of("kind", RecordKind),
        one_of("action", ChangeAction),
        Index(None, "import_id"),
    )
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    import_id: Mapped[int] = mapped_column(Integer)
    kind: Mapped[str] = mapped_column(Text)
    row_id: Mapped[int] = mapped_column(Integer)
    list_id: Mapped[int | None] = mapped_column(Integer)
    action: Mapped[str] = mapped_column(Text)
    before: Mapped[dict[str, object] | None] = mapped_column(JSONB(none_as_null=True))
    after: Mapped[dict[str, object] | None] = mapped_column(JSONB(none_as_null=True))


class Consent(Base):
    """One entry of the consent ledger: rows are only ever added, which a trigger sees to, and go with the person (migration 0018).

    `source` and `line` are a file's name and a line in it. `import_id` has no foreign key, as in `ImportChange`.
    """

    __tablename__ = "consent"
    __table_args__ = (one_of("state", SubscriptionState), Index(None, "subscriber_id"))
    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    list_id: Mapped[int] = mapped_column(ForeignKey("mailing_list.id"))
    subscriber_id: Mapped[int] = mapped_column(ForeignKey("subscriber.id", ondelete="CASCADE"))
    state: Mapped[str] = mapped_column(Text)
    method: Mapped[str] = mapped_column(Text)
    evidence: Mapped[str] = mapped_column(Text)
    actor: Mapped[str | None] = mapped_column(Text)
    text_version: Mapped[str | None] = mapped_column(Text)
    source: Mapped[str | None] = mapped_column(Text)
    line: Mapped[int | None] = mapped_column(Integer)
    import_id: Mapped[int | None] = mapped_column(Integer)
    at: Mapped[datetime] = instant()


class Suppression(Base):
    """An address never to be written to, by hash, so that it outlives the subscriber's row. Without a list it is for all."""

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
    actor: Mapped[str | None] = mapped_column(Text)
    import_id: Mapped[int | None] = mapped_column(ForeignKey("import_batch.id"))
    since: Mapped[datetime] = instant()
    until: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class Segment(Base):
    """An expression over subscribers, kept by name."""

    __tablename__ = "segment"
    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    name: Mapped[str] = mapped_column(Text, unique=True)
    expression: Mapped[str] = mapped_column(Text)
    created_by: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = instant()


class SignUp(Base):
    """Somebody's wish to be on a list, until its mailbox has confirmed it. `prefix` is the network that it came from, and no more."""

    __tablename__ = "sign_up"
    __table_args__ = (Index(None, "address_hash"), Index(None, "requested_at"))
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    list_id: Mapped[int] = mapped_column(ForeignKey("mailing_list.id", ondelete="CASCADE"))
    address: Mapped[str] = mapped_column(Text)
    address_hash: Mapped[bytes] = mapped_column(LargeBinary)
    domain: Mapped[str] = mapped_column(Text)
    name: Mapped[str | None] = mapped_column(Text)
    language: Mapped[str | None] = mapped_column(Text)
    prefix: Mapped[str] = mapped_column(Text)
    text_version: Mapped[str] = mapped_column(Text)
    requested_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    confirmed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class Audit(Base):
    """Who changed what, when: rows are only ever added, which a trigger sees to (migration 0007, docs/operators.md)."""

    __tablename__ = "audit"
    __table_args__ = (Index(None, "subject", "subject_id"), Index(None, "at"))
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    at: Mapped[datetime] = instant()
    actor: Mapped[str] = mapped_column(Text)
    action: Mapped[str] = mapped_column(Text)
    subject: Mapped[str] = mapped_column(Text)
    subject_id: Mapped[int | None] = mapped_column(Integer)
    before: Mapped[dict[str, object] | None] = mapped_column(JSONB(none_as_null=True))
    after: Mapped[dict[str, object] | None] = mapped_column(JSONB(none_as_null=True))
    reason: Mapped[str | None] = mapped_column(Text)
