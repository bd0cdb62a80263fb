"""Mailboxes whose messages have names instead of numbers: which of them have been read."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("mailbox_cursor", sa.Column("uidls", sa.ARRAY(sa.Text()), server_default="{}", nullable=False))


def downgrade() -> None:
    op.drop_column("mailbox_cursor", "uidls")
