"""The tables of what is sent: publications, issues and their revisions, editions, mailings, batches, deliveries, events."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
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
    text,
    true,
)
from sqlalchemy.dialects.postgresql import JSONB, UUID
from sqlalchemy.orm import Mapped, mapped_column

from subscribers.db import Base
from subscribers.models import TrackingMode, instant, one_of


class MailingStatus(StrEnum):
    """Where a mailing stands."""

    DRAFT = "draft"
    SCHEDULED = "scheduled"
    SENDING = "sending"
    PAUSED = "paused"
    CANCELLED = "cancelled"
    FINISHED = "finished"


class DeliveryState(StrEnum):
    """The fate of one edition on its way to one subscriber. ACCEPTED is a server's 250, never a reader's eyes."""

    PENDING = "pending"
    DEFERRED = "deferred"
    ACCEPTED = "accepted"
    BOUNCED = "bounced"
    COMPLAINED = "complained"
    FAILED = "failed"
    SKIPPED = "skipped"
    IN_DOUBT = "in_doubt"


class EventKind(StrEnum):
    """What a reader, or a machine in front of one, did."""

    OPEN = "open"
    CLICK = "click"
    UNSUBSCRIBE = "unsubscribe"


class Origin(StrEnum):
    """Who made a hit, as far as it shows."""

    PERSON = "person"
    MACHINE = "machine"
    UNKNOWN = "unknown"


class Cause(StrEnum):
    """Why a breaker opened."""

    UNKNOWN_USERS = "unknown_users"
    CONTENT = "content"
    REPUTATION = "reputation"
    OUR_FAULT = "our_fault"
    COMPLAINTS = "complaints"
    STAFF = "staff"


class AlarmScope(StrEnum):
    """Whose members left together."""

    INSTITUTE = "institute"
    DOMAIN = "domain"


class AlarmState(StrEnum):
    """What became of an alarm: staff took the departures back, or let them stand."""

    RAISED = "raised"
    UNDONE = "undone"
    DISMISSED = "dismissed"


class Hold(StrEnum):
    """What a batch waits for, other than its time: the mailing's first part and the wait after it, or staff."""

    CANARY = "canary"
    BREAKER = "breaker"


class ArchiveAccess(StrEnum):
    """Who may read the issues of a publication on the web."""

    PRIVATE = "private"  # whoever got one by mail, by the link in it
    PUBLIC = "public"


class RevisionKind(StrEnum):
    """What a revision is: a text that was read or edited, one that is still collected, one that corrects what was sent."""

    TEXT = "text"
    DRAFT = "draft"
    CORRECTION = "correction"


class Publication(Base):
    """A numbered series. With `archive` public its issues are on the web for everybody, with `receipt` readers are asked for one."""

    __tablename__ = "publication"
    __table_args__ = (one_of("archive", ArchiveAccess),)
    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    slug: Mapped[str] = mapped_column(Text, unique=True)
    title: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)
    publisher: Mapped[str] = mapped_column(Text)
    sender: Mapped[str | None] = mapped_column(Text)
    theme: Mapped[str] = mapped_column(Text, server_default="official")
    fields: Mapped[dict[str, str]] = mapped_column(JSONB, server_default="{}")
    needs_approval: Mapped[bool] = mapped_column(Boolean, server_default=false())
    archive: Mapped[str] = mapped_column(Text, server_default=ArchiveAccess.PRIVATE.value)
    receipt: Mapped[bool] = mapped_column(Boolean, server_default=false())
    created_at: Mapped[datetime] = instant()


class IssueRow(Base):
    """One number of a publication; what it says is in its revisions."""

    __tablename__ = "issue"
    __table_args__ = (UniqueConstraint("publication_id", "year", "number"),)
    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    publication_id: Mapped[int] = mapped_column(ForeignKey("publication.id"))
    year: Mapped[int] = mapped_column(Integer)
    number: Mapped[int] = mapped_column(Integer)
    total_number: Mapped[int | None] = mapped_column(Integer)
    last_number: Mapped[int | None] = mapped_column(Integer)  # of a double number
    last_total_number: Mapped[int | None] = mapped_column(Integer)
    date: Mapped[date | None] = mapped_column(Date)
    created_at: Mapped[datetime] = instant()


class Revision(Base):
    """One state of an issue's text; never changed, only followed by the next."""

    __tablename__ = "revision"
    __table_args__ = (UniqueConstraint("issue_id", "number"), one_of("kind", RevisionKind))
    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    issue_id: Mapped[int] = mapped_column(ForeignKey("issue.id"))
    number: Mapped[int] = mapped_column(Integer)
    source_name: Mapped[str] = mapped_column(Text)
    source_sha256: Mapped[str] = mapped_column(Text)
    content: Mapped[dict[str, object]] = mapped_column(JSONB)
    warnings: Mapped[list[str]] = mapped_column(ARRAY(Text))
    doubts: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    kind: Mapped[str] = mapped_column(Text, server_default=RevisionKind.TEXT.value)
    created_by: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = instant()


class PictureRow(Base):
    """A picture that issues show, named by its hash; never changed.

    It is kept here and not in files, so that one backup holds a whole issue, and every machine that sends or shows it has it.
    """

    __tablename__ = "picture"
    sha256: Mapped[str] = mapped_column(Text, primary_key=True)
    content: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = instant()


class EditionRow(Base):
    """A revision as it was rendered; frozen, named by its hash."""

    __tablename__ = "edition"
    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    revision_id: Mapped[int] = mapped_column(ForeignKey("revision.id"), index=True)
    sha256: Mapped[str] = mapped_column(Text, unique=True)
    content: Mapped[dict[str, object]] = mapped_column(JSONB)
    created_at: Mapped[datetime] = instant()


class Approval(Base):
    """A person's word that an edition may be sent, as it is."""

    __tablename__ = "approval"
    __table_args__ = (UniqueConstraint("edition_id", "approved_by"),)
    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    edition_id: Mapped[int] = mapped_column(ForeignKey("edition.id"))
    approved_by: Mapped[str] = mapped_column(Text)
    note: Mapped[str | None] = mapped_column(Text)
    approved_at: Mapped[datetime] = instant()


class Mailing(Base):
    """An edition, an audience, a time and a pace. `terms` is the frozen copy of the settings that it is sent under.

    Nothing of it leaves before `closed_until`, which the scheduler sets outside its hours, and staff when they let it go on.
    `heard_at` is when its refusals in the SMTP session were last taken into the feedback.
    """

    __tablename__ = "mailing"
    __table_args__ = (one_of("status", MailingStatus), one_of("tracking", TrackingMode), Index(None, "status"))
    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    issue_id: Mapped[int] = mapped_column(ForeignKey("issue.id"))
    edition_id: Mapped[int] = mapped_column(ForeignKey("edition.id"))
    list_ids: Mapped[list[int]] = mapped_column(ARRAY(Integer))
    excluded_list_ids: Mapped[list[int]] = mapped_column(ARRAY(Integer))
    terms: Mapped[dict[str, object]] = mapped_column(JSONB)
    status: Mapped[str] = mapped_column(Text)
    reason: Mapped[str | None] = mapped_column(Text)
    stuck_since: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    closed_until: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    started_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    finished_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    heard_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    created_by: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = instant()
    tracking: Mapped[str] = mapped_column(Text, server_default=TrackingMode.AGGREGATE.value)
    salt: Mapped[bytes | None] = mapped_column(LargeBinary, server_default=text("uuid_send(gen_random_uuid())"))


class _DeliveryColumns:
    mailing_id: Mapped[int] = mapped_column(ForeignKey("mailing.id"))
    subscriber_id: Mapped[int] = mapped_column(Integer)
    address: Mapped[str] = mapped_column(Text)
    name: Mapped[str | None] = mapped_column(Text)
    institute: Mapped[str | None] = mapped_column(Text)
    provider: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Text)
    attempts: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    next_attempt_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    settled_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    reason: Mapped[str | None] = mapped_column(Text)
    reply: Mapped[str | None] = mapped_column(Text)
    relay: Mapped[str | None] = mapped_column(Text)
    deferred_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    times_deferred: Mapped[int] = mapped_column(SmallInteger, server_default="0")


class Delivery(_DeliveryColumns, Base):
    """One edition to one subscriber: the address as it was then, its state, the last reply. Never a second row for the two.

    `deferred_at` is when it was put off first: from then on there is patience with it; later by as long as it was due since, and could not
    be tried. `times_deferred` is how often a server has said
    so; of `attempts` some may have had no answer.

    What asks for deliveries finds those of the past as well (`PastDelivery`), and changes them; `ONLY delivery` are those at hand.
    """

    __tablename__ = "delivery"
    # Rows are updated once or twice and no updated column is indexed: with room in each page those updates stay in it (HOT). What
    # is written then is a third of a row, and some thirty neighbours are written at once (docs/adr/0010).
    __table_args__ = (
        one_of("state", DeliveryState),
        UniqueConstraint("mailing_id", "subscriber_id"),
        {
            "postgresql_with": {
                "fillfactor": 50,
                "autovacuum_vacuum_scale_factor": 0.05,
                "autovacuum_analyze_scale_factor": 0.02,
            }
        },
    )
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)


class PastDelivery(_DeliveryColumns, Base):
    """A delivery of a mailing that ended long ago, moved out of the table that is sent from. It is still a delivery, by inheritance."""

    __tablename__ = "past_delivery"
    __table_args__ = (UniqueConstraint("mailing_id", "subscriber_id"), {"postgresql_inherits": "delivery"})
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)


class Batch(Base):
    """A range of one mailing's deliveries at one provider, and the lease on it: one owner at a time, for ever the same range.

    `due_at` is when there is work in it next (null: none left). `horizon` is the last delivery that the present owner may have
    begun: what lies at or before it without an outcome is in doubt when the owner dies. While there is a `hold`, nobody may begin.
    """

    __tablename__ = "batch"
    __table_args__ = (
        one_of("hold", Hold),
        Index(None, "mailing_id"),
        Index("ix_batch_due", "due_at", postgresql_where="due_at IS NOT NULL"),
    )
    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    mailing_id: Mapped[int] = mapped_column(ForeignKey("mailing.id"))
    provider: Mapped[str] = mapped_column(Text)
    first_id: Mapped[int] = mapped_column(BigInteger)
    last_id: Mapped[int] = mapped_column(BigInteger)
    due_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    queued_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    lease: Mapped[str | None] = mapped_column(UUID(as_uuid=False))
    leased_by: Mapped[str | None] = mapped_column(Text)
    leased_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    lease_until: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    horizon: Mapped[int] = mapped_column(BigInteger, server_default="0")
    hold: Mapped[str | None] = mapped_column(Text)


class Breaker(Base):
    """What stopped a mailing, or its mail to one provider, for staff to look at; kept after it was lifted."""

    __tablename__ = "breaker"
    __table_args__ = (one_of("cause", Cause), Index(None, "mailing_id"))
    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    mailing_id: Mapped[int] = mapped_column(ForeignKey("mailing.id"))
    provider: Mapped[str | None] = mapped_column(Text)
    cause: Mapped[str] = mapped_column(Text)
    reason: Mapped[str] = mapped_column(Text)
    opened_at: Mapped[datetime] = instant()
    lifted_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class MailDomain(Base):
    """Who runs a domain's mailboxes, and the host that gave them away: none where the domain takes no mail."""

    __tablename__ = "mail_domain"
    domain: Mapped[str] = mapped_column(Text, primary_key=True)
    provider: Mapped[str] = mapped_column(Text)
    mx: Mapped[str | None] = mapped_column(Text)
    checked_at: Mapped[datetime] = instant()


class WorkYear(Base):
    """A year's public holidays on weekdays, and the weekend days worked in their stead, as staff entered them."""

    __tablename__ = "work_year"
    year: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    days_off: Mapped[list[date]] = mapped_column(ARRAY(Date))
    days_worked: Mapped[list[date]] = mapped_column(ARRAY(Date))
    entered_by: Mapped[str] = mapped_column(Text)
    entered_at: Mapped[datetime] = instant()


class Event(Base):
    """One open, click or unsubscription, as it was seen at the web server.

    `delivery_id` is given for an unsubscription, and for others where the reader agreed to it; `visitor` tells readers apart without
    saying who they are. `hit` is the request's own number, so that it is kept once however often it arrives. `agent`, `network`,
    `speaks` and `after_seconds` are its raw form, which is forgotten after a time; `origin` and `reasons` are what was made of it.
    """

    __tablename__ = "event"
    __table_args__ = (
        one_of("kind", EventKind),
        one_of("origin", Origin),
        Index(None, "delivery_id"),
        Index(None, "mailing_id", "at"),
        Index("uq_event_hit", "hit", unique=True, postgresql_where="hit IS NOT NULL"),
        Index("ix_event_at", "at"),
        Index("ix_event_raw_at", "at", postgresql_where="agent IS NOT NULL"),
        Index("ix_event_departed_at", "at", postgresql_where="kind = 'unsubscribe'"),
        Index("ix_event_unjudged", "at", postgresql_where="judged_by IS NULL AND kind IN ('open', 'click')"),
    )
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    mailing_id: Mapped[int] = mapped_column(ForeignKey("mailing.id"))
    delivery_id: Mapped[int | None] = mapped_column(BigInteger)
    kind: Mapped[str] = mapped_column(Text)
    link: Mapped[int | None] = mapped_column(SmallInteger)
    at: Mapped[datetime] = instant()
    visitor: Mapped[int | None] = mapped_column(BigInteger)
    hit: Mapped[int | None] = mapped_column(BigInteger)
    agent: Mapped[str | None] = mapped_column(Text)
    network: Mapped[str | None] = mapped_column(Text)
    speaks: Mapped[bool] = mapped_column(Boolean, server_default=false())
    after_seconds: Mapped[int] = mapped_column(Integer, server_default="0")
    origin: Mapped[str | None] = mapped_column(Text)
    reasons: Mapped[str | None] = mapped_column(Text)
    judged_by: Mapped[str | None] = mapped_column(Text)


class DepartureAlarm(Base):
    """Members of one institute or mail domain who left within minutes of each other, as link scanners have made them do."""

    __tablename__ = "departure_alarm"
    __table_args__ = (
        one_of("scope", AlarmScope),
        one_of("state", AlarmState),
        Index("uq_departure_alarm_raised", "mailing_id", "scope", "name", unique=True, postgresql_where="state = 'raised'"),
    )
    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    mailing_id: Mapped[int] = mapped_column(ForeignKey("mailing.id"))
    scope: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)
    event_ids: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))
    first_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    last_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    raised_at: Mapped[datetime] = instant()
    state: Mapped[str] = mapped_column(Text, server_default=AlarmState.RAISED.value)
    settled_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    settled_by: Mapped[str | None] = mapped_column(Text)


class Installation(Base):
    """Who this database belongs to, and the last beat of its schedulers; one row, or none before the first of them.

    `key_fingerprint` tells which secret key signs its links, without telling the key.
    """

    __tablename__ = "installation"
    __table_args__ = (CheckConstraint("sole", name="sole"),)
    sole: Mapped[bool] = mapped_column(Boolean, primary_key=True, server_default=true())
    id: Mapped[str] = mapped_column(UUID(as_uuid=False))
    beat: Mapped[int] = mapped_column(BigInteger)
    beat_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    machine: Mapped[str | None] = mapped_column(Text)
    stopped: Mapped[bool] = mapped_column(Boolean)
    key_fingerprint: Mapped[str | None] = mapped_column(Text)


class StreamCursor(Base):
    """How far a stream of the broker has been written into tables; moved in the same transaction as what it brought."""

    __tablename__ = "stream_cursor"
    stream: Mapped[str] = mapped_column(Text, primary_key=True)
    last_id: Mapped[str] = mapped_column(Text)
