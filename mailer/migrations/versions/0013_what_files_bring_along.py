"""What a file left doubtful, and the pictures that issues show."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("revision", sa.Column("doubts", sa.ARRAY(sa.Text()), server_default="{}", nullable=False))
    op.create_table(
        "picture",
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_picture")),
    )


def downgrade() -> None:
    op.drop_table("picture")
    op.drop_column("revision", "doubts")
