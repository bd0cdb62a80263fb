"""An issue of a double number says where that ends: 第9-10期 was kept, shown and mailed as number 9."""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("issue", sa.Column("last_number", sa.Integer()))
    op.add_column("issue", sa.Column("last_total_number", sa.Integer()))


def downgrade() -> None:
    op.drop_column("issue", "last_total_number")
    op.drop_column("issue", "last_number")
