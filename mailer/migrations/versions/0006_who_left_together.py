"""Alarms about members of one institute or mail domain who left within minutes of each other."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_event_departed_at", "event", ["at"], postgresql_where=sa.text("kind = 'unsubscribe'"))
    op.create_table(
        "departure_alarm",
        sa.Column("id", sa.Integer(), sa.Identity(), nullable=False),
        sa.Column("mailing_id", sa.Integer(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("event_ids", postgresql.ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("raised_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("state", sa.Text(), server_default="raised", nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_by", sa.Text(), nullable=True),
        sa.CheckConstraint("scope IN ('institute', 'domain')", name=op.f("ck_departure_alarm_scope")),
        sa.CheckConstraint("state IN ('raised', 'undone', 'dismissed')", name=op.f("ck_departure_alarm_state")),
        sa.ForeignKeyConstraint(["mailing_id"], ["mailing.id"], name=op.f("fk_departure_alarm_mailing_id_mailing")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_departure_alarm")),
    )
    op.create_index(
        "uq_departure_alarm_raised",
        "departure_alarm",
        ["mailing_id", "scope", "name"],
        unique=True,
        postgresql_where=sa.text("state = 'raised'"),
    )


def downgrade() -> None:
    op.drop_table("departure_alarm")
    op.drop_index("ix_event_departed_at", table_name="event")
