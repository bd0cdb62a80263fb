"""What a publication gives its theme, whether its issues need a second person's word, and these words."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("publication", sa.Column("fields", postgresql.JSONB(), server_default="{}", nullable=False))
    op.add_column("publication", sa.Column("needs_approval", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.create_table(
        "approval",
        sa.Column("id", sa.Integer(), sa.Identity(), nullable=False),
        sa.Column("edition_id", sa.Integer(), nullable=False),
        sa.Column("approved_by", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("approved_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["edition_id"], ["edition.id"], name=op.f("fk_approval_edition_id_edition")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_approval")),
        sa.UniqueConstraint("edition_id", "approved_by", name=op.f("uq_approval_edition_id_approved_by")),
    )


def downgrade() -> None:
    op.drop_table("approval")
    op.drop_column("publication", "needs_approval")
    op.drop_column("publication", "fields")
