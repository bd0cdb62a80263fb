"""From a mailing whose time has come to batches: who is written to, once, and what is frozen then. Against a real PostgreSQL."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine, text

from mailer import deliveries, issues, mailings, planning
from mailer.terms import InDoubtPolicy
from tests import factories

SIX = [f"reader{n}@{'qq' if n % 2 else '163'}.example" for n in range(6)]


def counts(engine: Engine, mailing_id: int) -> mailings.Counts:
    with engine.connect() as connection:
        return mailings.counts(connection, mailing_id)


def test_a_mailing_is_planned_once_with_every_candidate_accounted_for(engine: Engine) -> None:
    excluded = factories.subscribe(engine, [SIX[0]], "board")
    scheduled = factories.schedule(engine, SIX, excluded=(excluded,))
    with engine.begin() as connection:
        complain = (
            "INSERT INTO suppression (address_hash, reason, evidence) SELECT address_hash, 'complaint', 't' FROM subscriber"
        )
        connection.execute(text(f"{complain} WHERE canonical = :address"), {"address": SIX[1]})
        doubt = "UPDATE subscription SET state = 'unconfirmed' FROM subscriber s WHERE s.id = subscriber_id"
        connection.execute(text(f"{doubt} AND canonical = :address"), {"address": SIX[2]})
    assert factories.start(engine) == [scheduled.mailing_id]
    assert factories.start(engine) == []
    with engine.connect() as connection:
        skipped = dict(connection.execute(text("SELECT address, reason FROM delivery WHERE state = 'skipped'")).all())
    assert skipped == {SIX[0]: "on an excluded list", SIX[1]: "suppressed: complaint", SIX[2]: "unconfirmed"}
    seen = counts(engine, scheduled.mailing_id)
    assert (seen.recipients, seen.pending, seen.skipped) == (6, 3, 3)


def test_without_the_right_to_leave_references_unchecked_the_same_is_planned(engine: Engine) -> None:
    factories.schedule(engine, SIX)
    with engine.begin() as connection:
        connection.execute(text("CREATE ROLE planning_role"))
        for kind in ("TABLES", "SEQUENCES"):
            connection.execute(text(f"GRANT ALL ON ALL {kind} IN SCHEMA public TO planning_role"))
    try:
        with engine.begin() as connection:
            connection.execute(text("SET LOCAL ROLE planning_role"))
            assert len(planning.start_due(connection, datetime.now(UTC), {})) == 1
        assert factories.states(engine) == dict.fromkeys(SIX, "pending")
    finally:
        with engine.begin() as connection:
            connection.execute(text("DROP OWNED BY planning_role; DROP ROLE planning_role"))


def test_who_has_left_the_list_is_no_candidate(engine: Engine) -> None:
    scheduled = factories.schedule(engine, SIX)
    with engine.begin() as connection:
        connection.execute(text("UPDATE subscription SET state = 'unsubscribed' WHERE subscriber_id = 1"))
    factories.start(engine)
    assert counts(engine, scheduled.mailing_id).recipients == 5


def test_an_address_gets_one_message_however_many_lists_and_contacts_have_it(engine: Engine) -> None:
    board = factories.subscribe(engine, ["Reader@qq.example", "other@qq.example"], "board")
    scheduled = factories.schedule(engine, ["reader@QQ.example", "Reader@qq.example"])
    with engine.begin() as connection:
        lists = text("UPDATE mailing SET list_ids = CAST(:lists AS integer[]) WHERE id = :id")
        connection.execute(lists, {"lists": [scheduled.list_id, board], "id": scheduled.mailing_id})
    factories.start(engine)
    assert sorted(address.lower() for address in factories.states(engine)) == ["other@qq.example", "reader@qq.example"]
    assert counts(engine, scheduled.mailing_id).recipients == 2


def test_what_is_changed_meanwhile_does_not_touch_a_mailing_under_way(engine: Engine) -> None:
    terms = replace(factories.TERMS, in_doubt=InDoubtPolicy.HOLD, give_up_hours=7.0)
    scheduled = factories.schedule(engine, ["reader@qq.example"], terms)
    with engine.begin() as connection:
        edition_id = connection.execute(text("SELECT edition_id FROM mailing")).scalar_one()
        issues.set_sender(connection, scheduled.publication, "another@sender.example")
        connection.execute(text("UPDATE publication SET theme = 'another'"))
        again = replace(factories.ISSUE, articles=(replace(factories.ISSUE.articles[0], title="改过的标题"),))
        changed = issues.import_issue(
            connection, again, slug=None, source_name="a.txt", source_sha256="1" * 64, warnings=(), created_by="test"
        )
        issues.freeze_edition(connection, changed.stored.revision_id, replace(factories.EDITION, subject="another"))
    factories.start(engine)
    (batch_id,) = factories.batch_ids(engine)
    with engine.begin() as connection:
        claimed = deliveries.claim(connection, batch_id, "w1", datetime.now(UTC) + timedelta(seconds=1))
    assert claimed is not None
    assert (claimed.terms, claimed.edition_id) == (terms, edition_id)


def test_each_batch_belongs_to_one_provider(engine: Engine) -> None:
    factories.schedule(engine, SIX)
    factories.start(engine)
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT provider, last_id - first_id + 1 AS size FROM batch")).all()
    assert sorted(rows) == [("netease", 3), ("tencent", 3)]
