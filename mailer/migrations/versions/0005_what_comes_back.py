"""What comes back: raw messages and requests, the facts read from them, how far mailboxes are read, and tasks for staff."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_WAYS = "way IN ('file', 'mailbox', 'listener', 'webhook', 'list', 'session', 'staff')"
_TRUSTS = "trust IN ('session', 'signed', 'verp', 'returned', 'service_id', 'address', 'staff', 'none')"
_STANDINGS = "standing IN ('scored', 'waiting', 'noted', 'old', 'foreign', 'forged', 'unmatched', 'withdrawn')"
_TASKS = "kind IN ('contact_lost', 'institute_unreachable', 'complaint', 'refused', 'successor_proposed', 'alarm')"


def upgrade() -> None:
    op.add_column("mailing_list", sa.Column("bounce_policy", sa.Text(), nullable=True))
    op.add_column("mailing", sa.Column("heard_at", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "feedback_raw",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("way", sa.Text(), nullable=False),
        sa.Column("service", sa.Text(), nullable=True),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("envelope_to", sa.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("null_sender", sa.Boolean(), nullable=True),
        sa.Column("headers", postgresql.JSONB(), server_default="{}", nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("form", sa.Text(), nullable=True),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.Column("trouble", sa.Text(), nullable=True),
        sa.CheckConstraint(_WAYS, name=op.f("ck_feedback_raw_way")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_feedback_raw")),
        sa.UniqueConstraint("digest", name=op.f("uq_feedback_raw_digest")),
    )
    op.create_index("ix_feedback_raw_unread", "feedback_raw", ["id"], postgresql_where=sa.text("read_at IS NULL"))
    op.create_table(
        "feedback",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("raw_id", sa.BigInteger(), nullable=True),
        sa.Column("way", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("delivery_id", sa.BigInteger(), nullable=True),
        sa.Column("subscriber_id", sa.Integer(), nullable=True),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("happening", sa.Text(), nullable=False),
        sa.Column("finding", sa.Text(), nullable=True),
        sa.Column("meaning", sa.Text(), nullable=True),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("known", sa.Boolean(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("diagnostic", sa.Text(), nullable=False),
        sa.Column("trust", sa.Text(), nullable=False),
        sa.Column("standing", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("times_told", sa.Integer(), server_default="1", nullable=False),
        sa.Column("replaced", postgresql.JSONB(), nullable=True),
        sa.Column("before", sa.Text(), nullable=True),
        sa.Column("after", sa.Text(), nullable=True),
        sa.Column("because", sa.Text(), nullable=True),
        sa.CheckConstraint(_WAYS, name=op.f("ck_feedback_way")),
        sa.CheckConstraint(_TRUSTS, name=op.f("ck_feedback_trust")),
        sa.CheckConstraint(_STANDINGS, name=op.f("ck_feedback_standing")),
        sa.ForeignKeyConstraint(
            ["raw_id"], ["feedback_raw.id"], name=op.f("fk_feedback_raw_id_feedback_raw"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(["delivery_id"], ["delivery.id"], name=op.f("fk_feedback_delivery_id_delivery")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_feedback")),
        sa.UniqueConstraint("key", name=op.f("uq_feedback_key")),
    )
    op.create_index(op.f("ix_feedback_delivery_id"), "feedback", ["delivery_id"])
    op.create_index(op.f("ix_feedback_subscriber_id"), "feedback", ["subscriber_id"])
    op.create_index(op.f("ix_feedback_raw_id"), "feedback", ["raw_id"])
    op.create_index("ix_feedback_waiting", "feedback", ["id"], postgresql_where=sa.text("standing = 'waiting'"))
    op.create_index("ix_feedback_unknown", "feedback", ["id"], postgresql_where=sa.text("NOT known"))
    op.create_table(
        "mailbox_cursor",
        sa.Column("mailbox", sa.Text(), nullable=False),
        sa.Column("uid_validity", sa.BigInteger(), nullable=False),
        sa.Column("last_uid", sa.BigInteger(), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("mailbox", name=op.f("pk_mailbox_cursor")),
    )
    op.create_table(
        "task",
        sa.Column("id", sa.Integer(), sa.Identity(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("institute_id", sa.Integer(), nullable=True),
        sa.Column("subscriber_id", sa.Integer(), nullable=True),
        sa.Column("about", sa.Text(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("done_by", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.CheckConstraint(_TASKS, name=op.f("ck_task_kind")),
        sa.ForeignKeyConstraint(
            ["institute_id"], ["institute.id"], name=op.f("fk_task_institute_id_institute"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_task")),
    )
    op.create_index("ix_task_open", "task", ["key"], unique=True, postgresql_where=sa.text("done_at IS NULL"))
    op.create_index(op.f("ix_task_subscriber_id"), "task", ["subscriber_id"])


def downgrade() -> None:
    for table in ("task", "mailbox_cursor", "feedback", "feedback_raw"):
        op.drop_table(table)
    op.drop_column("mailing", "heard_at")
    op.drop_column("mailing_list", "bounce_policy")
