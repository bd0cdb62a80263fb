"""One person's record against a real PostgreSQL: changed, merged, corrected, erased, and accounted for."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, text

from mailer import people
from mailer.held_page import TITLES
from subscribers import erasing, holdings, institutes, merging, records, store, subscriptions, suppression
from subscribers.address import parse_address
from subscribers.errors import InputError
from subscribers.importing import batches
from subscribers.institutes import NewInstitute
from subscribers.models import ImportMode, Role, SubscriptionState, SuppressionReason
from subscribers.records import Amendment
from subscribers.store import NewSubscriber
from subscribers.subscriptions import Wish
from subscribers.suppression import NewSuppression
from tests import factories
from tests.integration.conftest import Jianbao
from tests.integration.subscribers.importing import import_text

NOW = datetime(2026, 11, 20, 8, tzinfo=UTC)
OLD, NEW = "wang@qq.example", "wang.fang@inst.example"


def read(connection: Connection, address: str) -> records.SubscriberRecord:
    return records.find_subscriber(connection, address)


def wish(connection: Connection, address: str, list_id: int) -> Wish:
    return Wish(read(connection, address).id, address, [list_id], "staff", "telephone", NOW, "li")


def every_text(connection: Connection) -> str:
    """Everything that the database holds, as text."""
    names = connection.execute(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).scalars().all()
    return "".join(
        str(connection.execute(text(f"SELECT string_agg(CAST(t AS text), '') FROM {name} t")).scalar()) for name in names
    )


def test_a_merged_address_leads_to_the_one_that_was_kept(engine: Engine) -> None:
    factories.subscribe(engine, [OLD, NEW, "third@inst.example"])
    with engine.begin() as connection:
        merging.merge(connection, read(connection, OLD), read(connection, NEW), actor="li", now=NOW)
        merging.merge(connection, read(connection, NEW), read(connection, "third@inst.example"), actor="li", now=NOW)
        found = read(connection, OLD)
        assert (found.address, list(found.formerly)) == ("third@inst.example", [OLD, NEW])
        with pytest.raises(InputError, match="one record already"):
            merging.merge(connection, found, read(connection, NEW), actor="li", now=NOW)


def test_nobody_is_merged_into_a_record_that_is_being_merged_into_a_third(engine: Engine) -> None:
    factories.subscribe(engine, [OLD, NEW, "third@inst.example"])

    def merge() -> merging.Merged:
        with engine.begin() as connection:
            return merging.merge(connection, old, new, actor="wang", now=NOW)

    with engine.begin() as connection:
        old, new, third = (read(connection, address) for address in (OLD, NEW, "third@inst.example"))
    with ThreadPoolExecutor(1) as threads:
        with engine.begin() as connection:
            merging.merge(connection, new, third, actor="li", now=NOW)
            second = threads.submit(merge)
            with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as observer:
                while not observer.execute(factories.WAITING_FOR_LOCKS).scalar_one():
                    assert not second.done()
        with pytest.raises(InputError, match="was merged or erased at this moment"):
            second.result()
    with engine.begin() as connection:
        assert read(connection, OLD).id == old.id


@pytest.mark.parametrize("leaver", [OLD, NEW])
def test_who_left_with_either_address_is_not_brought_back_by_a_merger(engine: Engine, leaver: str) -> None:
    list_id = factories.subscribe(engine, [OLD, NEW])
    with engine.begin() as connection:
        subscriptions.unsubscribe(connection, wish(connection, leaver, list_id))
        merging.merge(connection, read(connection, OLD), read(connection, NEW), actor="li", now=NOW)
        assert [one.state for one in read(connection, NEW).subscriptions] == [SubscriptionState.UNSUBSCRIBED]


@pytest.mark.parametrize("listed", [OLD, NEW])
def test_who_was_not_in_a_file_with_one_address_and_is_on_the_list_with_the_other_stays_on_it(
    engine: Engine, tmp_path: Path, listed: str
) -> None:
    factories.subscribe(engine, [OLD, NEW])
    import_text(engine, f"email\n{listed}\n", tmp_path / "list.csv", ImportMode.SYNC)
    with engine.begin() as connection:
        merged = merging.merge(connection, read(connection, OLD), read(connection, NEW), actor="li", now=NOW)
    assert [one.state for one in merged.kept.subscriptions] == [SubscriptionState.CONFIRMED]


def test_a_member_does_not_go_with_the_import_that_brought_the_address_merged_with_theirs(
    engine: Engine, tmp_path: Path
) -> None:
    factories.subscribe(engine, [OLD])
    imported = import_text(engine, f"email\n{NEW}\n", tmp_path / "list.csv")
    with engine.begin() as connection:
        merging.merge(connection, read(connection, OLD), read(connection, NEW), actor="li", now=NOW)
        undone = batches.undo(connection, imported.id, "li")
        assert [(one.kind, one.what) for one in undone.kept] == [("subscription", NEW)]
        assert [one.state for one in read(connection, NEW).subscriptions] == [SubscriptionState.CONFIRMED]


def test_who_left_is_not_brought_back_by_the_undo_of_a_file_that_lacked_the_address_merged_with_theirs(
    engine: Engine, tmp_path: Path
) -> None:
    list_id = factories.subscribe(engine, [OLD, NEW, "third@inst.example"])
    with engine.begin() as connection:
        subscriptions.unsubscribe(connection, wish(connection, OLD, list_id))
    imported = import_text(engine, "email\nthird@inst.example\n", tmp_path / "list.csv", ImportMode.SYNC)
    with engine.begin() as connection:
        merging.merge(connection, read(connection, OLD), read(connection, NEW), actor="li", now=NOW)
        undone = batches.undo(connection, imported.id, "li")
        assert [(one.kind, one.what) for one in undone.kept] == [("subscription", NEW)]
        assert [one.state for one in read(connection, NEW).subscriptions] == [SubscriptionState.UNSUBSCRIBED]


def test_an_undo_names_whom_a_file_removed_and_staff_merged_since(engine: Engine, tmp_path: Path) -> None:
    factories.subscribe(engine, [OLD])
    factories.subscribe(engine, [NEW], "press")
    imported = import_text(engine, "email\nthird@inst.example\n", tmp_path / "list.csv", ImportMode.SYNC)
    with engine.begin() as connection:
        merging.merge(connection, read(connection, OLD), read(connection, NEW), actor="li", now=NOW)
        undone = batches.undo(connection, imported.id, "li")
        assert [(one.kind, one.what) for one in undone.kept] == [("subscription", OLD)]


def test_what_a_merged_mailbox_did_stays_with_it_and_what_the_person_decided_goes_along(engine: Engine) -> None:
    factories.subscribe(engine, [OLD, NEW])
    with engine.begin() as connection:
        old = parse_address(OLD)
        for reason in (SuppressionReason.HARD_BOUNCE, SuppressionReason.COMPLAINT):
            list_id = None if reason is SuppressionReason.HARD_BOUNCE else 1
            suppression.suppress(connection, [NewSuppression(old.hash, reason, "x", NOW, list_id=list_id)])
        merging.merge(connection, read(connection, OLD), read(connection, NEW), actor="li", now=NOW)
        assert [one.reason for one in read(connection, NEW).suppressions] == [SuppressionReason.COMPLAINT]


def test_a_link_in_mail_to_the_merged_address_unsubscribes_the_person(engine: Engine) -> None:
    list_id = factories.subscribe(engine, [OLD, NEW])
    with engine.begin() as connection:
        clicked = wish(connection, OLD, list_id)
        merging.merge(connection, read(connection, OLD), read(connection, NEW), actor="li", now=NOW)
        assert subscriptions.unsubscribe(connection, clicked)
        assert [one.state for one in read(connection, NEW).subscriptions] == [SubscriptionState.UNSUBSCRIBED]


def test_a_merged_address_that_is_added_again_is_no_second_recipient(engine: Engine) -> None:
    factories.subscribe(engine, [OLD, NEW])
    with engine.begin() as connection:
        merging.merge(connection, read(connection, OLD), read(connection, NEW), actor="li", now=NOW)
    factories.schedule(engine, [OLD, NEW])
    factories.start(engine)
    assert factories.states(engine) == {NEW: "pending"}


def test_both_histories_are_the_persons_after_a_merger(engine: Engine) -> None:
    factories.schedule(engine, [OLD])
    factories.start(engine)
    factories.subscribe(engine, [NEW], "press")
    with engine.begin() as connection:
        connection.execute(text("UPDATE delivery SET state = 'accepted', settled_at = now()"))
        merging.merge(connection, read(connection, OLD), read(connection, NEW), actor="li", now=NOW)
        ids = records.family(connection, read(connection, NEW).id)
        assert [(one.issue, one.address) for one in people.deliveries_of(connection, ids, 10)] == [("2026-11", OLD)]
        happened = [one.what for one in people.history(connection, ids)]
    assert [happened.count(what) for what in ("accepted", "confirmed", "merge")] == [1, 3, 1]


def test_what_is_under_way_to_the_merged_address_goes_to_the_other_and_never_twice(engine: Engine) -> None:
    factories.schedule(engine, [OLD])
    factories.start(engine)
    factories.subscribe(engine, [NEW], "press")
    with engine.begin() as connection:
        old, new = read(connection, OLD), read(connection, NEW)
        merging.merge(connection, old, new, actor="li", now=NOW)
        assert people.hand_over(connection, old.id, new.id) == 1
        assert people.hand_over(connection, old.id, new.id) == 0
    assert factories.states(engine) == {NEW: "pending"}


def test_a_corrected_address_keeps_the_record_and_what_the_person_decided(engine: Engine) -> None:
    list_id = factories.subscribe(engine, [OLD])
    with engine.begin() as connection:
        before = read(connection, OLD)
        old = parse_address(OLD)
        suppression.suppress(connection, [NewSuppression(old.hash, SuppressionReason.REFUSED, "x", NOW, list_id=list_id)])
        suppression.suppress(connection, [NewSuppression(old.hash, SuppressionReason.HARD_BOUNCE, "x", NOW)])
        assert merging.readdress(connection, before.id, parse_address(NEW), actor="li", reason=None)
        after = read(connection, NEW)
        assert (after.id, [one.reason for one in after.suppressions]) == (before.id, [SuppressionReason.REFUSED])
        assert (read(connection, OLD).id, read(connection, OLD).formerly) == (before.id, [OLD])


def test_a_correction_can_be_taken_back_and_both_addresses_lead_to_the_record(engine: Engine) -> None:
    factories.subscribe(engine, [OLD])
    with engine.begin() as connection:
        first = read(connection, OLD)
        for address in (NEW, "w@third.example", OLD, NEW):
            merging.readdress(connection, first.id, parse_address(address), actor="li", reason=None)
            assert (read(connection, OLD).id, read(connection, address).address) == (first.id, address)
        assert sorted(read(connection, NEW).formerly) == sorted([OLD, "w@third.example"])
        assert records.addresses_of(connection, records.family(connection, first.id)) == {
            parse_address(one) for one in (OLD, NEW, "w@third.example")
        }


@pytest.mark.parametrize("has_left", [False, True])
def test_the_address_of_before_is_not_entered_anew_by_a_file(
    jianbao: Jianbao, engine: Engine, tmp_path: Path, has_left: bool
) -> None:
    factories.subscribe(engine, [OLD])
    jianbao("subscriber", "correct", OLD, NEW)
    if has_left:
        jianbao("subscriber", "unsubscribe", NEW, "--list", "members")
    (tmp_path / "old.csv").write_text(f"email\n{OLD}\n", encoding="utf-8")
    came = json.loads(jianbao("subscriber", "import", str(tmp_path / "old.csv"), "--list", "members", "--json").stdout)
    assert (came["created"], came["unchanged"], came["suppressed"]) == (0, 0 if has_left else 1, 1 if has_left else 0)
    assert [one["reason"] for one in came["left_alone"]] == (["merged"] if has_left else [])
    factories.schedule(engine, [])
    factories.start(engine)
    assert factories.states(engine) == ({} if has_left else {NEW: "pending"})


def test_nobody_is_given_an_address_that_is_somebody_elses(engine: Engine) -> None:
    factories.subscribe(engine, [OLD, NEW])
    with engine.begin() as connection, pytest.raises(InputError, match="subscriber merge OLD"):
        merging.readdress(connection, read(connection, OLD).id, parse_address(NEW), actor="li", reason=None)


def test_nobody_is_given_an_address_that_was_erased(engine: Engine) -> None:
    factories.subscribe(engine, [OLD, NEW])
    with engine.begin() as connection:
        erasing.erase(connection, parse_address(NEW), actor="li", reason="letter", now=NOW)
        with pytest.raises(InputError, match="was erased"):
            merging.readdress(connection, read(connection, OLD).id, parse_address(NEW), actor="li", reason=None)


def test_who_was_erased_is_not_entered_again(engine: Engine) -> None:
    list_id = factories.subscribe(engine, [OLD])
    with engine.begin() as connection:
        erasing.erase(connection, parse_address(OLD), actor="li", reason="letter", now=NOW)
        people = [NewSubscriber(parse_address(one)) for one in (OLD, NEW)]
        added = store.add_subscribers(connection, people, list_id, method="staff", evidence="x")
        assert (added.subscribers, added.subscriptions, added.erased) == (1, 1, 1)
        with pytest.raises(InputError, match="was erased"):
            read(connection, OLD)


def test_erasing_leaves_no_more_than_hashes_anywhere(engine: Engine) -> None:
    factories.schedule(engine, [OLD, NEW, "third@inst.example"])
    factories.start(engine)
    with engine.begin() as connection:
        records.amend(connection, read(connection, OLD).id, Amendment({"name": "王芳芳", "phone": "0871-65891234"}), actor="li")
        merging.readdress(connection, read(connection, OLD).id, parse_address("w@first.example"), actor="li", reason=None)
        merging.merge(connection, read(connection, "w@first.example"), read(connection, NEW), actor="li", now=NOW)
        rejects = json.dumps([{"line": 2, "address": NEW, "reason": "?", "row": "王芳芳"}, {"line": 3, "address": "x"}])
        batch = "INSERT INTO import_batch (file_name, sha256, mode, actor, rejects) VALUES ('a', '', 'new', 'li', :rejects)"
        connection.execute(text(batch), {"rejects": rejects})
        change = (
            "INSERT INTO import_change (import_id, kind, row_id, action, after) VALUES (1, 'subscriber', 1, 'created', :after)"
        )
        connection.execute(text(change), {"after": json.dumps({"address": OLD, "name": "王芳芳"})})
        reply = "UPDATE delivery SET reply = '550 5.1.1 <wang.fang@inst.example> unknown', name = '王芳芳' WHERE address = :a"
        connection.execute(text(reply), {"a": NEW})
        erased = erasing.erase(connection, parse_address(NEW), actor="li", reason="letter", now=NOW)
        people.erase(connection, erased, NOW)
        left = every_text(connection)
    for word in (OLD, NEW, "w@first.example", "王芳芳", "65891234"):
        assert word not in left, word
    assert "third@inst.example" in left
    assert '""line"": 3' in left


def test_every_table_that_names_people_is_known_to_who_erases(engine: Engine) -> None:
    """A new table that holds an address or is about a subscriber is taken care of where people are erased and given what is held."""
    known = {"subscriber", "subscription", "consent", "suppression", "import_change", "import_batch", "audit", "sign_up"}
    known |= {
        "delivery",
        "past_delivery",
        "feedback",
        "feedback_raw",
        "notice",
        "task",
        "proposal",
        "reader_tracking",
        "reader_frequency",
    }
    named = ["subscriber_id", "address", "address_hash", "canonical", "rejects", "envelope_to", "email", "recipient"]
    columns = (
        "SELECT DISTINCT table_name FROM information_schema.columns WHERE table_schema = 'public' AND column_name = ANY(:named)"
    )
    with engine.connect() as connection:
        assert set(connection.execute(text(columns), {"named": named}).scalars()) <= known


def test_an_erased_person_is_never_written_to_again_by_any_address(engine: Engine) -> None:
    factories.subscribe(engine, [OLD])
    with engine.begin() as connection:
        merging.readdress(connection, read(connection, OLD).id, parse_address(NEW), actor="li", reason=None)
        erasing.erase(connection, parse_address(NEW), actor="li", reason="letter", now=NOW)
    factories.schedule(engine, [OLD, NEW])
    factories.start(engine)
    assert factories.states(engine) == {}


def test_a_mailing_under_way_ends_though_a_recipient_was_erased(engine: Engine) -> None:
    factories.schedule(engine, [OLD])
    factories.start(engine)
    with engine.begin() as connection:
        people.erase(connection, erasing.erase(connection, parse_address(OLD), actor="li", reason="letter", now=NOW), NOW)
        states = connection.execute(text("SELECT state, reason FROM delivery")).all()
    assert [tuple(row) for row in states] == [("skipped", "suppressed: erased")]


def test_every_change_is_in_the_audit_with_before_and_after(engine: Engine) -> None:
    factories.subscribe(engine, [OLD])
    with engine.begin() as connection:
        made = institutes.ensure_institutes(connection, [NewInstitute("云南省农业科学院")])
        amendment = Amendment({"role": Role.OFFICE, "institute_id": made["云南省农业科学院"]}, {"职称": "研究员"})
        subscriber_id = read(connection, OLD).id
        assert records.amend(connection, subscriber_id, amendment, actor="li", reason="card")
        assert not records.amend(connection, subscriber_id, amendment, actor="li")
        row = connection.execute(text("SELECT actor, before, after, reason FROM audit")).one()
    assert tuple(row) == (
        "li",
        {"role": None, "fields": {}, "institute": None},
        {"role": "office", "fields": {"职称": "研究员"}, "institute": "云南省农业科学院"},
        "card",
    )


def test_a_person_is_given_all_that_is_held(jianbao: Jianbao, engine: Engine, tmp_path: Path) -> None:
    factories.schedule(engine, [OLD])
    factories.start(engine)
    written = tmp_path / "access.json"
    assert jianbao("subscriber", "access", OLD, str(written)).exit_code == 0
    found = json.loads(written.read_text(encoding="utf-8"))
    assert [len(found[what]) for what in ("subscribers", "subscriptions", "consent", "deliveries")] == [1, 1, 1, 1]
    assert found["consent"][0]["evidence"] == "a test"
    page = tmp_path / "access.html"
    jianbao("subscriber", "update", OLD, "--name", "<王芳>")
    assert jianbao("subscriber", "access", OLD, str(page)).exit_code == 0
    read = page.read_text(encoding="utf-8")
    assert all(one in read for one in (OLD, "&lt;王芳&gt;", "同意与退订的记录", "a test", "寄出的邮件"))
    refused = jianbao("subscriber", "access", OLD, str(tmp_path / "no folder" / "a.html"))
    assert "cannot be written there" in str(refused.exception)


def test_whatever_may_be_held_has_a_title_on_the_page_that_a_person_reads() -> None:
    assert list(TITLES) == [*holdings.TABLES, *people.HELD]


def test_a_dry_run_says_what_would_change_and_changes_nothing(jianbao: Jianbao, engine: Engine) -> None:
    factories.subscribe(engine, [OLD, NEW])
    with engine.connect() as connection:
        before = every_text(connection)
    for words in (
        ("subscriber", "merge", OLD, NEW),
        ("subscriber", "erase", OLD, NEW),
        ("subscriber", "unsubscribe", OLD, NEW, "--all"),
        ("subscriber", "add", "x@y.example", "z@y.example", "--list", "members", "--institute", "新院"),
        ("suppression", "add", OLD, NEW),
    ):
        result = jianbao(*words, "--dry-run")
        assert result.exit_code == 0, result.exception
        assert "dry run: nothing was changed" in result.stderr
    with engine.connect() as connection:
        assert every_text(connection) == before


def test_nothing_is_wider_than_the_terminal(jianbao: Jianbao, engine: Engine) -> None:
    with engine.begin() as connection:
        list_id = store.create_list(connection, "members", "会员单位")
        person = NewSubscriber(parse_address(NEW), name="欧阳静姝", institute="中国热带农业科学院橡胶研究所云南分所筹备办公室")
        store.add_subscribers(connection, [person], list_id, method="test", evidence="a test " * 20, actor="li")
        subscriptions.unsubscribe(connection, wish(connection, NEW, list_id))
    for words in (
        ("subscriber", "show", NEW),
        ("subscriber", "history", NEW),
        ("subscriber", "find", "欧阳"),
        ("audit",),
        ("list", "list"),
    ):
        shown = jianbao(*words)
        assert shown.exit_code == 0, shown.exception
        assert max(sum(2 if "\u2e80" <= c <= "\uffef" else 1 for c in line) for line in shown.stdout.splitlines()) <= 80
