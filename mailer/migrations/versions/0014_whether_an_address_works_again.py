"""Whether an address that ended works again: mail that asks, and what is answered."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_STANDINGS = ("scored", "waiting", "noted", "old", "foreign", "forged", "unmatched", "withdrawn")


def _let_stand(*standings: str) -> None:
    words = ", ".join(f"'{standing}'" for standing in standings)
    op.drop_constraint(op.f("ck_feedback_standing"), "feedback")
    op.create_check_constraint(op.f("ck_feedback_standing"), "feedback", f"standing IN ({words})")


def upgrade() -> None:
    op.alter_column("notice", "sign_up_id", nullable=True)
    op.add_column("notice", sa.Column("subscriber_id", sa.Integer(), nullable=True))
    op.add_column("notice", sa.Column("address", sa.Text(), nullable=True))
    op.add_column(
        "notice", sa.Column("requested_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False)
    )
    op.create_foreign_key(
        op.f("fk_notice_subscriber_id_subscriber"), "notice", "subscriber", ["subscriber_id"], ["id"], ondelete="CASCADE"
    )
    op.create_check_constraint(
        op.f("ck_notice_about"),
        "notice",
        "(sign_up_id IS NULL) <> (subscriber_id IS NULL) AND (subscriber_id IS NULL) = (address IS NULL)",
    )
    op.create_index(op.f("ix_notice_subscriber_id"), "notice", ["subscriber_id"])
    _let_stand(*_STANDINGS, "probed")


def downgrade() -> None:
    op.execute("DELETE FROM feedback WHERE standing = 'probed'")
    _let_stand(*_STANDINGS)
    op.execute("DELETE FROM notice WHERE sign_up_id IS NULL")
    op.drop_index(op.f("ix_notice_subscriber_id"), "notice")
    op.drop_constraint(op.f("ck_notice_about"), "notice")
    op.drop_constraint(op.f("fk_notice_subscriber_id_subscriber"), "notice")
    op.drop_column("notice", "requested_at")
    op.drop_column("notice", "address")
    op.drop_column("notice", "subscriber_id")
    op.alter_column("notice", "sign_up_id", nullable=False)
