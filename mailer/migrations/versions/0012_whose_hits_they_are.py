"""Opens and clicks without names: a mailing's own, kept once, judged to be a person's or a machine's."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_VISITOR = "('x' || left(encode(sha256(m.salt || int8send(e.delivery_id)), 'hex'), 16))::bit(64)::bigint"


def upgrade() -> None:
    op.add_column("mailing", sa.Column("tracking", sa.Text(), server_default="aggregate", nullable=False))
    op.create_check_constraint(op.f("ck_mailing_tracking"), "mailing", "tracking IN ('off', 'aggregate', 'individual')")
    op.add_column(
        "mailing",
        sa.Column("salt", sa.LargeBinary(), server_default=sa.text("uuid_send(gen_random_uuid())"), nullable=True),
    )
    op.add_column("event", sa.Column("mailing_id", sa.Integer(), nullable=True))
    op.add_column("event", sa.Column("visitor", sa.BigInteger(), nullable=True))
    op.add_column("event", sa.Column("hit", sa.BigInteger(), nullable=True))
    op.add_column("event", sa.Column("agent", sa.Text(), nullable=True))
    op.add_column("event", sa.Column("network", sa.Text(), nullable=True))
    op.add_column("event", sa.Column("speaks", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("event", sa.Column("after_seconds", sa.Integer(), server_default="0", nullable=False))
    op.add_column("event", sa.Column("origin", sa.Text(), nullable=True))
    op.add_column("event", sa.Column("reasons", sa.Text(), nullable=True))
    op.add_column("event", sa.Column("judged_by", sa.Text(), nullable=True))
    # What was counted before this was counted by person, without anybody's word: the numbers stay, and the names go.
    op.execute(
        f"UPDATE event e SET mailing_id = d.mailing_id, visitor = {_VISITOR}, judged_by = 'before' "  # noqa: S608
        "FROM delivery d JOIN mailing m ON m.id = d.mailing_id WHERE d.id = e.delivery_id"
    )
    op.alter_column("event", "mailing_id", nullable=False)
    op.alter_column("event", "delivery_id", nullable=True)
    op.execute("UPDATE event SET delivery_id = NULL WHERE kind <> 'unsubscribe'")
    op.create_check_constraint(op.f("ck_event_origin"), "event", "origin IN ('person', 'machine', 'unknown')")
    op.create_foreign_key(op.f("fk_event_mailing_id_mailing"), "event", "mailing", ["mailing_id"], ["id"])
    op.create_index(op.f("ix_event_mailing_id"), "event", ["mailing_id"])
    op.create_index("uq_event_hit", "event", ["hit"], unique=True, postgresql_where=sa.text("hit IS NOT NULL"))
    op.create_index("ix_event_unjudged", "event", ["at"], postgresql_where=sa.text("judged_by IS NULL"))


def downgrade() -> None:
    # Whose the others were is not known any more.
    op.execute("DELETE FROM event WHERE delivery_id IS NULL")
    op.alter_column("event", "delivery_id", nullable=False)
    op.drop_index("ix_event_unjudged", table_name="event")
    op.drop_index("uq_event_hit", table_name="event")
    op.drop_index(op.f("ix_event_mailing_id"), table_name="event")
    op.drop_constraint(op.f("fk_event_mailing_id_mailing"), "event")
    op.drop_constraint(op.f("ck_event_origin"), "event")
    columns = ("judged_by", "reasons", "origin", "after_seconds", "speaks", "network", "agent", "hit", "visitor", "mailing_id")
    for column in columns:
        op.drop_column("event", column)
    op.drop_column("mailing", "salt")
    op.drop_constraint(op.f("ck_mailing_tracking"), "mailing")
    op.drop_column("mailing", "tracking")
