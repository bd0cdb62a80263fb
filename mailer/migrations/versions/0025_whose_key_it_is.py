"""An installation knows the key that signs its links, by a fingerprint: a machine with another one is told so."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("installation", sa.Column("key_fingerprint", sa.Text()))


def downgrade() -> None:
    op.drop_column("installation", "key_fingerprint")
