"""A mailbox over POP3 says in plain numbers how often each message was to be removed: spaces behind its name counted that."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.alter_column("mailbox_cursor", "uidls", new_column_name="spaced")
    op.add_column("mailbox_cursor", sa.Column("uidls", JSONB, server_default="{}", nullable=False))
    op.execute("""
        UPDATE mailbox_cursor SET uidls = (
            SELECT jsonb_object_agg(rtrim(one), length(one) - length(rtrim(one))) FROM unnest(spaced) AS one)
        WHERE spaced <> '{}'""")
    op.drop_column("mailbox_cursor", "spaced")


def downgrade() -> None:
    op.alter_column("mailbox_cursor", "uidls", new_column_name="counted")
    op.add_column("mailbox_cursor", sa.Column("uidls", sa.ARRAY(sa.Text()), server_default="{}", nullable=False))
    op.execute("""
        UPDATE mailbox_cursor SET uidls = ARRAY(
            SELECT key || repeat(' ', CAST(value AS integer)) FROM jsonb_each_text(counted))""")
    op.drop_column("mailbox_cursor", "counted")
