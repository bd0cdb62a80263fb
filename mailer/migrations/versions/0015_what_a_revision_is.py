"""Whether a revision is still collected, or corrects what was sent."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("revision", sa.Column("kind", sa.Text(), server_default="text", nullable=False))
    op.create_check_constraint("kind", "revision", "kind IN ('text', 'draft', 'correction')")


def downgrade() -> None:
    op.drop_column("revision", "kind")
