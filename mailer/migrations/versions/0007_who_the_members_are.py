"""Institutes with their names and fates, contacts in order, imports that can be taken back, and who changed what."""

import unicodedata

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_REASONS = "'unsubscribed', 'complaint', 'hard_bounce', 'refused', 'erased', 'staff'"

# The table is only added to. What may change its rows is the erasure of a person, by a function that belongs to the table's owner: where
# the program's role is another (docs/operators.md), that is all it can do to them.
_GUARD = """
    CREATE FUNCTION audit_is_only_added_to() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'UPDATE' AND current_setting('jianbao.erasing', true) = 'on' THEN
            RETURN NEW;
        END IF;
        RAISE EXCEPTION 'the audit is only ever added to: % is refused', TG_OP USING ERRCODE = 'insufficient_privilege';
    END $$"""
_ROWS = """
    CREATE TRIGGER audit_rows BEFORE UPDATE OR DELETE ON audit FOR EACH ROW EXECUTE FUNCTION audit_is_only_added_to()"""
_TABLE = """
    CREATE TRIGGER audit_table BEFORE TRUNCATE ON audit FOR EACH STATEMENT EXECUTE FUNCTION audit_is_only_added_to()"""
# What is recorded of the person gives way to `placeholder`, and so does the address wherever else it is mentioned. `pattern` is a
# regular expression, and `placeholder` has nothing in it that JSON or the expression would take for its own.
_ERASE = """
    CREATE FUNCTION erase_from_audit(subscribers integer[], pattern text, placeholder text) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
    DECLARE
        changed bigint;
    BEGIN
        PERFORM set_config('jianbao.erasing', 'on', true);
        UPDATE audit SET
            before = CASE WHEN before IS NULL THEN NULL
                          WHEN about THEN jsonb_build_object('erased', placeholder)
                          ELSE regexp_replace(before::text, pattern, placeholder, 'gi')::jsonb END,
            after = CASE WHEN after IS NULL THEN NULL
                         WHEN about THEN jsonb_build_object('erased', placeholder)
                         ELSE regexp_replace(after::text, pattern, placeholder, 'gi')::jsonb END,
            reason = CASE WHEN NOT about THEN regexp_replace(reason, pattern, placeholder, 'gi') END
        FROM (SELECT id AS mention, subject IN ('subscriber', 'subscription') AND subject_id = ANY(subscribers) AS about
              FROM audit WHERE subject IN ('subscriber', 'subscription') AND subject_id = ANY(subscribers)
                            OR concat(before::text, after::text, reason) ~* pattern) mentions
        WHERE id = mention;
        GET DIAGNOSTICS changed = ROW_COUNT;
        PERFORM set_config('jianbao.erasing', 'off', true);
        RETURN changed;
    END $$"""

_CLOSE_ROLES = """
    UPDATE subscriber SET role = CASE role WHEN '院所领导' THEN 'director' WHEN '办公室' THEN 'office' WHEN '科研处' THEN 'research'
                                           ELSE 'other' END
    WHERE role NOT IN ('director', 'office', 'research', 'other')"""


def upgrade() -> None:
    op.create_table(
        "audit",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Integer(), nullable=True),
        sa.Column("before", postgresql.JSONB(), nullable=True),
        sa.Column("after", postgresql.JSONB(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
    )
    op.create_index(op.f("ix_audit_at"), "audit", ["at"])
    op.create_index(op.f("ix_audit_subject_subject_id"), "audit", ["subject", "subject_id"])
    for statement in (_GUARD, _ROWS, _TABLE, _ERASE, "REVOKE ALL ON FUNCTION erase_from_audit FROM PUBLIC"):
        op.execute(statement)
    op.create_table(
        "segment",
        sa.Column("id", sa.Integer(), sa.Identity(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("expression", sa.Text(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_segment")),
        sa.UniqueConstraint("name", name=op.f("uq_segment_name")),
    )
    op.create_table(
        "import_batch",
        sa.Column("id", sa.Integer(), sa.Identity(), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("list_id", sa.Integer(), nullable=True),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("counts", postgresql.JSONB(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("rejects", postgresql.JSONB(), server_default=sa.text("'[]'"), nullable=False),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("undone_by", sa.Text(), nullable=True),
        sa.CheckConstraint("mode IN ('new', 'update', 'sync')", name=op.f("ck_import_batch_mode")),
        sa.ForeignKeyConstraint(["list_id"], ["mailing_list.id"], name=op.f("fk_import_batch_list_id_mailing_list")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_import_batch")),
    )
    op.create_table(
        "import_change",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("import_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("row_id", sa.Integer(), nullable=False),
        sa.Column("list_id", sa.Integer(), nullable=True),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("before", postgresql.JSONB(), nullable=True),
        sa.Column("after", postgresql.JSONB(), nullable=True),
        sa.CheckConstraint("action IN ('created', 'updated', 'removed')", name=op.f("ck_import_change_action")),
        sa.CheckConstraint(
            "kind IN ('institute', 'subscriber', 'subscription', 'suppression')", name=op.f("ck_import_change_kind")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_import_change")),
    )
    op.create_index(op.f("ix_import_change_import_id"), "import_change", ["import_id"])
    for name in ("actor", "text_version", "source"):
        op.add_column("consent", sa.Column(name, sa.Text(), nullable=True))
    for name in ("line", "import_id"):
        op.add_column("consent", sa.Column(name, sa.Integer(), nullable=True))
    op.add_column("suppression", sa.Column("actor", sa.Text(), nullable=True))
    op.add_column("suppression", sa.Column("import_id", sa.Integer(), nullable=True))
    op.add_column("suppression", sa.Column("until", sa.DateTime(timezone=True), nullable=True))
    op.create_foreign_key(op.f("fk_suppression_import_id_import_batch"), "suppression", "import_batch", ["import_id"], ["id"])
    _set_check("suppression", "reason", f"reason IN ({_REASONS}, 'soft_bounce')")
    op.add_column("mailing_list", sa.Column("succession", sa.Text(), server_default="all", nullable=False))
    op.add_column("mailing_list", sa.Column("double_opt_in", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.create_check_constraint(
        op.f("ck_mailing_list_succession"),
        "mailing_list",
        "succession IN ('all', 'first', 'role:director', 'role:office', 'role:research', 'role:other')",
    )
    _widen_subscriber()
    _widen_institute()


def _widen_subscriber() -> None:
    for column in (
        sa.Column("rank", sa.SmallInteger(), nullable=True),
        sa.Column("language", sa.Text(), nullable=True),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("fields", postgresql.JSONB(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("merged_into_id", sa.Integer(), nullable=True),
        sa.Column(
            "needs_smtputf8",
            sa.Boolean(),
            sa.Computed("octet_length(canonical) <> char_length(canonical)", persisted=True),
            nullable=False,
        ),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
    ):
        op.add_column("subscriber", column)
    op.create_foreign_key(
        op.f("fk_subscriber_merged_into_id_subscriber"), "subscriber", "subscriber", ["merged_into_id"], ["id"]
    )
    op.create_index(
        "ix_subscriber_merged_into_id", "subscriber", ["merged_into_id"], postgresql_where=sa.text("merged_into_id IS NOT NULL")
    )
    _set_check("subscriber", "state", "state IN ('active', 'disabled', 'merged')")
    op.execute(_CLOSE_ROLES)
    op.create_check_constraint(op.f("ck_subscriber_role"), "subscriber", "role IN ('director', 'office', 'research', 'other')")


def _widen_institute() -> None:
    for column in (
        sa.Column("status", sa.Text(), server_default="member", nullable=False),
        sa.Column("membership_number", sa.Text(), nullable=True),
        sa.Column("since", sa.Date(), nullable=True),
        sa.Column("until", sa.Date(), nullable=True),
        sa.Column("notes", sa.Text(), nullable=True),
        sa.Column("fields", postgresql.JSONB(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("successor_id", sa.Integer(), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
    ):
        op.add_column("institute", column)
    op.create_check_constraint(op.f("ck_institute_status"), "institute", "status IN ('member', 'candidate', 'former')")
    op.create_unique_constraint(op.f("uq_institute_membership_number"), "institute", ["membership_number"])
    op.create_foreign_key(op.f("fk_institute_successor_id_institute"), "institute", "institute", ["successor_id"], ["id"])
    op.create_index(
        "ix_institute_successor_id", "institute", ["successor_id"], postgresql_where=sa.text("successor_id IS NOT NULL")
    )
    name = op.create_table(
        "institute_name",
        sa.Column("id", sa.Integer(), sa.Identity(), nullable=False),
        sa.Column("institute_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("since", sa.Date(), nullable=True),
        sa.Column("until", sa.Date(), nullable=True),
        sa.CheckConstraint("kind IN ('current', 'short', 'former')", name=op.f("ck_institute_name_kind")),
        sa.ForeignKeyConstraint(
            ["institute_id"], ["institute.id"], name=op.f("fk_institute_name_institute_id_institute"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_institute_name")),
        sa.UniqueConstraint("institute_id", "key", name=op.f("uq_institute_name_institute_id_key")),
    )
    op.create_index(op.f("ix_institute_name_key"), "institute_name", ["key"])
    op.create_index(
        "uq_institute_name_current", "institute_name", ["key"], unique=True, postgresql_where=sa.text("kind = 'current'")
    )
    assert name is not None
    rows = _names_of_today()
    if rows:
        op.bulk_insert(name, rows)


def _names_of_today() -> list[dict[str, object]]:
    """A row for each name and short name. Of institutes whose names differ in spaces or punctuation, the first keeps the name."""
    institutes = op.get_bind().execute(sa.text("SELECT id, name, short_name FROM institute ORDER BY id")).all()
    rows: list[dict[str, object]] = []
    taken: set[str] = set()
    for institute in institutes:
        own: set[str] = set()
        for name, kind in ((institute.name, "current"), (institute.short_name, "short")):
            key = _key(name or "")
            if not key or key in own:
                continue
            own.add(key)
            kind_here = "short" if kind == "current" and key in taken else kind
            if kind_here == "current":
                taken.add(key)
            rows.append({"institute_id": institute.id, "name": name, "key": key, "kind": kind_here})
    return rows


def _key(name: str) -> str:
    folded = unicodedata.normalize("NFKC", name).casefold()
    return "".join(c for c in folded if unicodedata.category(c)[0] not in "ZPSC") or folded.strip()


def _set_check(table: str, column: str, condition: str) -> None:
    op.drop_constraint(op.f(f"ck_{table}_{column}"), table, type_="check")
    op.create_check_constraint(op.f(f"ck_{table}_{column}"), table, condition)


def downgrade() -> None:
    op.drop_table("institute_name")
    op.drop_constraint(op.f("ck_institute_status"), "institute")
    for name in ("updated_at", "successor_id", "fields", "notes", "until", "since", "membership_number", "status"):
        op.drop_column("institute", name)
    op.drop_constraint(op.f("ck_subscriber_role"), "subscriber")
    op.execute("UPDATE subscriber SET state = 'disabled' WHERE state = 'merged'")
    _set_check("subscriber", "state", "state IN ('active', 'disabled')")
    for name in ("updated_at", "needs_smtputf8", "merged_into_id", "fields", "phone", "language", "rank"):
        op.drop_column("subscriber", name)
    op.drop_column("mailing_list", "double_opt_in")
    op.drop_column("mailing_list", "succession")
    op.execute("UPDATE suppression SET reason = 'hard_bounce' WHERE reason = 'soft_bounce'")
    _set_check("suppression", "reason", f"reason IN ({_REASONS})")
    for name in ("until", "import_id", "actor"):
        op.drop_column("suppression", name)
    for name in ("import_id", "line", "source", "text_version", "actor"):
        op.drop_column("consent", name)
    for table in ("import_change", "import_batch", "segment", "audit"):
        op.drop_table(table)
    op.execute("DROP FUNCTION erase_from_audit")
    op.execute("DROP FUNCTION audit_is_only_added_to")
