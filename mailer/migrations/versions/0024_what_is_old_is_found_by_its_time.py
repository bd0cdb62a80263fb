"""What is old among opens and clicks is found by its time: every hour all of them were read to find it."""

from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_event_at", "event", ["at"])
    op.create_index("ix_event_raw_at", "event", ["at"], postgresql_where="agent IS NOT NULL")


def downgrade() -> None:
    op.drop_index("ix_event_raw_at", "event")
    op.drop_index("ix_event_at", "event")
