"""A delivery knows how often a server has put it off: attempts that nobody answered are no steps towards giving it up."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("delivery", sa.Column("times_deferred", sa.SmallInteger, server_default="0", nullable=False))
    # As it was counted so far.
    op.execute("UPDATE delivery SET times_deferred = attempts WHERE state = 'deferred' AND attempts > 0")


def downgrade() -> None:
    op.drop_column("delivery", "times_deferred")
