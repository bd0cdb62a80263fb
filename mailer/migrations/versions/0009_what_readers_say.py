"""What readers tell us themselves, and how far lists count them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_KINDS = "'contact_lost', 'institute_unreachable', 'complaint', 'refused', 'successor_proposed'"


def upgrade() -> None:
    op.add_column("publication", sa.Column("archive", sa.Text(), server_default="private", nullable=False))
    op.add_column("publication", sa.Column("receipt", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.create_check_constraint(op.f("ck_publication_archive"), "publication", "archive IN ('private', 'public')")
    op.add_column("mailing_list", sa.Column("tracking", sa.Text(), server_default="aggregate", nullable=False))
    op.add_column("mailing_list", sa.Column("frequencies", sa.ARRAY(sa.SmallInteger()), server_default="{}", nullable=False))
    op.create_check_constraint(
        op.f("ck_mailing_list_tracking"), "mailing_list", "tracking IN ('off', 'aggregate', 'individual')"
    )
    op.drop_constraint(op.f("ck_task_kind"), "task")
    op.create_check_constraint(op.f("ck_task_kind"), "task", f"kind IN ({_KINDS}, 'contact_proposed', 'alarm')")
    op.create_table(
        "reader_tracking",
        sa.Column("subscriber_id", sa.Integer(), nullable=False),
        sa.Column("wish", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("wish IN ('none', 'individual')", name=op.f("ck_reader_tracking_wish")),
        sa.ForeignKeyConstraint(
            ["subscriber_id"],
            ["subscriber.id"],
            name=op.f("fk_reader_tracking_subscriber_id_subscriber"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("subscriber_id", name=op.f("pk_reader_tracking")),
    )
    op.create_table(
        "reader_frequency",
        sa.Column("list_id", sa.Integer(), nullable=False),
        sa.Column("subscriber_id", sa.Integer(), nullable=False),
        sa.Column("days", sa.SmallInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["list_id"], ["mailing_list.id"], name=op.f("fk_reader_frequency_list_id_mailing_list"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["subscriber_id"],
            ["subscriber.id"],
            name=op.f("fk_reader_frequency_subscriber_id_subscriber"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("list_id", "subscriber_id", name=op.f("pk_reader_frequency")),
    )
    op.create_index(op.f("ix_reader_frequency_subscriber_id"), "reader_frequency", ["subscriber_id"])
    op.create_table(
        "proposal",
        sa.Column("id", sa.Integer(), sa.Identity(), nullable=False),
        sa.Column("subscriber_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("fields", postgresql.JSONB(), nullable=False),
        sa.Column("state", sa.Text(), server_default="open", nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_by", sa.Text(), nullable=True),
        sa.CheckConstraint("kind IN ('contact', 'successor')", name=op.f("ck_proposal_kind")),
        sa.CheckConstraint("state IN ('open', 'accepted', 'declined', 'replaced')", name=op.f("ck_proposal_state")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_proposal")),
    )
    op.create_index(
        "uq_proposal_open", "proposal", ["subscriber_id", "kind"], unique=True, postgresql_where=sa.text("state = 'open'")
    )
    op.create_table(
        "receipt",
        sa.Column("delivery_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["delivery_id"], ["delivery.id"], name=op.f("fk_receipt_delivery_id_delivery"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("delivery_id", name=op.f("pk_receipt")),
    )


def downgrade() -> None:
    for table in ("receipt", "proposal", "reader_frequency", "reader_tracking"):
        op.drop_table(table)
    op.execute("DELETE FROM task WHERE kind = 'contact_proposed'")
    op.drop_constraint(op.f("ck_task_kind"), "task")
    op.create_check_constraint(op.f("ck_task_kind"), "task", f"kind IN ({_KINDS}, 'alarm')")
    op.drop_constraint(op.f("ck_mailing_list_tracking"), "mailing_list")
    op.drop_column("mailing_list", "frequencies")
    op.drop_column("mailing_list", "tracking")
    op.drop_constraint(op.f("ck_publication_archive"), "publication")
    op.drop_column("publication", "receipt")
    op.drop_column("publication", "archive")
