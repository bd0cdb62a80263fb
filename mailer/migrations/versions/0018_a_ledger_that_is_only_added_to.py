"""The consent ledger refuses every change. A line of it goes only when the person goes, by an erasure or an import taken back."""

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_GUARD = """
    CREATE FUNCTION consent_is_only_added_to() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
    BEGIN
        IF TG_OP = 'DELETE' AND NOT EXISTS (SELECT FROM subscriber WHERE id = OLD.subscriber_id) THEN
            RETURN OLD;
        END IF;
        RAISE EXCEPTION 'the consent ledger is only ever added to: % is refused', TG_OP USING ERRCODE = 'insufficient_privilege';
    END $$"""
_ROWS = """
    CREATE TRIGGER consent_rows BEFORE UPDATE OR DELETE ON consent FOR EACH ROW EXECUTE FUNCTION consent_is_only_added_to()"""
_TABLE = """
    CREATE TRIGGER consent_table BEFORE TRUNCATE ON consent FOR EACH STATEMENT EXECUTE FUNCTION consent_is_only_added_to()"""
_REFERENCE = "fk_consent_subscriber_id_subscriber"


def upgrade() -> None:
    _refer(ondelete="CASCADE")
    for statement in (_GUARD, _ROWS, _TABLE):
        op.execute(statement)
    # ALWAYS, since a role that may leave out the checks of references, for imports, would leave these out as well.
    for table in ("consent", "audit"):
        for trigger in ("rows", "table"):
            op.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {table}_{trigger}")


def downgrade() -> None:
    for trigger in ("rows", "table"):
        op.execute(f"ALTER TABLE audit ENABLE TRIGGER audit_{trigger}")
        op.execute(f"DROP TRIGGER consent_{trigger} ON consent")
    op.execute("DROP FUNCTION consent_is_only_added_to")
    _refer(ondelete=None)


def _refer(ondelete: str | None) -> None:
    op.drop_constraint(_REFERENCE, "consent", type_="foreignkey")
    op.create_foreign_key(_REFERENCE, "consent", "subscriber", ["subscriber_id"], ["id"], ondelete=ondelete)
