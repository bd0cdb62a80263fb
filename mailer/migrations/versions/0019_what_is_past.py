"""A table for the deliveries of mailings that ended long ago, and room in the other for what becomes of each delivery.

A foreign key looks at one table alone and not at those that inherit from it, so that none can lead to a delivery any more.
"""

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_LED_TO_DELIVERIES = {"event": "NO ACTION", "feedback": "NO ACTION", "receipt": "CASCADE"}


def upgrade() -> None:
    for table in _LED_TO_DELIVERIES:
        op.drop_constraint(op.f(f"fk_{table}_delivery_id_delivery"), table)
    op.execute("""
        CREATE TABLE past_delivery (
            CONSTRAINT pk_past_delivery PRIMARY KEY (id),
            CONSTRAINT uq_past_delivery_mailing_id_subscriber_id UNIQUE (mailing_id, subscriber_id),
            CONSTRAINT fk_past_delivery_mailing_id_mailing FOREIGN KEY (mailing_id) REFERENCES mailing (id)
        ) INHERITS (delivery)""")
    op.execute(
        "ALTER TABLE delivery SET (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.02)"
    )


def downgrade() -> None:
    op.execute("ALTER TABLE delivery RESET (autovacuum_vacuum_scale_factor, autovacuum_analyze_scale_factor)")
    op.execute("ALTER TABLE delivery SET (fillfactor = 70)")
    op.execute("ALTER TABLE past_delivery NO INHERIT delivery")
    op.execute("INSERT INTO delivery SELECT * FROM past_delivery")
    op.drop_table("past_delivery")
    for table, then in _LED_TO_DELIVERIES.items():
        op.create_foreign_key(
            op.f(f"fk_{table}_delivery_id_delivery"), table, "delivery", ["delivery_id"], ["id"], ondelete=then
        )
