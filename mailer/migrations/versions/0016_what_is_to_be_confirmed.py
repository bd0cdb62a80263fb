"""Subscriptions to a service's events that are still to be confirmed."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("feedback_raw", sa.Column("confirm_url", sa.Text(), nullable=True))
    op.add_column("feedback_raw", sa.Column("confirm_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index("ix_feedback_raw_confirm", "feedback_raw", ["id"], postgresql_where=sa.text("confirm_url IS NOT NULL"))


def downgrade() -> None:
    op.drop_index("ix_feedback_raw_confirm", "feedback_raw")
    op.drop_column("feedback_raw", "confirm_at")
    op.drop_column("feedback_raw", "confirm_url")
