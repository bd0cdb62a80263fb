"""The address and its hash say the same: one of the two unique indexes is enough, and an import fills it in half the time."""

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_constraint("uq_subscriber_canonical", "subscriber", type_="unique")


def downgrade() -> None:
    op.create_unique_constraint("uq_subscriber_canonical", "subscriber", ["canonical"])
