"""Who a database belongs to, so that a copy of it does not send by itself; and since when a mailing has been stuck."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "installation",
        sa.Column("sole", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("id", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("beat", sa.BigInteger(), nullable=False),
        sa.Column("beat_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("machine", sa.Text(), nullable=True),
        sa.Column("stopped", sa.Boolean(), nullable=False),
        sa.CheckConstraint("sole", name=op.f("ck_installation_sole")),
        sa.PrimaryKeyConstraint("sole", name=op.f("pk_installation")),
    )
    op.add_column("mailing", sa.Column("stuck_since", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("mailing", "stuck_since")
    op.drop_table("installation")
