"""Hits are found by their time within a mailing, and those to be judged without the unsubscriptions, which nobody judges."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("ix_event_unjudged", table_name="event")
    op.create_index(
        "ix_event_unjudged",
        "event",
        ["at"],
        postgresql_where=sa.text("judged_by IS NULL AND kind IN ('open', 'click')"),
    )
    op.create_index(op.f("ix_event_mailing_id_at"), "event", ["mailing_id", "at"])
    op.drop_index(op.f("ix_event_mailing_id"), table_name="event")


def downgrade() -> None:
    op.create_index(op.f("ix_event_mailing_id"), "event", ["mailing_id"])
    op.drop_index(op.f("ix_event_mailing_id_at"), table_name="event")
    op.drop_index("ix_event_unjudged", table_name="event")
    op.create_index("ix_event_unjudged", "event", ["at"], postgresql_where=sa.text("judged_by IS NULL"))
