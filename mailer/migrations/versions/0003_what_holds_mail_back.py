"""What holds mail back other than its time: a first part that is out, a breaker, the hours of the day; and the years of workdays."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("mailing", sa.Column("closed_until", sa.DateTime(timezone=True), nullable=True))
    op.add_column("batch", sa.Column("hold", sa.Text(), nullable=True))
    op.create_check_constraint(op.f("ck_batch_hold"), "batch", "hold IN ('canary', 'breaker')")
    op.create_table(
        "breaker",
        sa.Column("id", sa.Integer(), sa.Identity(), nullable=False),
        sa.Column("mailing_id", sa.Integer(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=True),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("lifted_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "cause IN ('unknown_users', 'content', 'reputation', 'our_fault', 'complaints', 'staff')",
            name=op.f("ck_breaker_cause"),
        ),
        sa.ForeignKeyConstraint(["mailing_id"], ["mailing.id"], name=op.f("fk_breaker_mailing_id_mailing")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_breaker")),
    )
    op.create_index(op.f("ix_breaker_mailing_id"), "breaker", ["mailing_id"])
    op.create_table(
        "work_year",
        sa.Column("year", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("days_off", postgresql.ARRAY(sa.Date()), nullable=False),
        sa.Column("days_worked", postgresql.ARRAY(sa.Date()), nullable=False),
        sa.Column("entered_by", sa.Text(), nullable=False),
        sa.Column("entered_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("year", name=op.f("pk_work_year")),
    )


def downgrade() -> None:
    op.drop_table("work_year")
    op.drop_table("breaker")
    op.drop_constraint(op.f("ck_batch_hold"), "batch")
    op.drop_column("batch", "hold")
    op.drop_column("mailing", "closed_until")
