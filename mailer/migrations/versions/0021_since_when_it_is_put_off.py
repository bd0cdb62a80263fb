"""A delivery knows when it was put off first: it is given up so long after that, however old its mailing is."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("delivery", sa.Column("deferred_at", sa.DateTime(timezone=True)))  # and of those of the past, who inherit it


def downgrade() -> None:
    op.drop_column("delivery", "deferred_at")
