"""Two records of one person made one, against a real PostgreSQL."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine, text

from mailer import people
from mailer.activity import select_segment
from mailer.returns import ledger
from subscribers import merging, records, subscriptions, suppression
from subscribers.address import parse_address
from subscribers.errors import InputError
from subscribers.importing import batches
from subscribers.models import ImportMode, SubscriptionState, SuppressionReason
from subscribers.segments.saved import count
from subscribers.segments.vocabulary import Moment
from subscribers.suppression import NewSuppression
from tests import factories
from tests.integration.subscribers.importing import import_text
from tests.integration.subscribers.person import NEW, NOW, OLD, read, wish


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


@pytest.mark.parametrize(("state", "received"), [("accepted", 1), ("complained", 1), ("bounced", 0), ("failed", 0)])
def test_whoever_got_an_issue_at_the_merged_address_has_received_it(engine: Engine, state: str, received: int) -> None:
    factories.schedule(engine, [OLD])
    factories.start(engine)
    factories.subscribe(engine, [NEW], "press")
    with engine.begin() as connection:
        connection.execute(text("UPDATE delivery SET state = :state"), {"state": state})
        old, new = read(connection, OLD), read(connection, NEW)
        merging.merge(connection, old, new, actor="li", now=NOW)
        assert people.hand_over(connection, old.id, new.id) == received
        moment = Moment(NOW, ZoneInfo("Asia/Shanghai"))
        segments = [
            select_segment(connection, expression, moment) for expression in ("received(2026-11)", "not received(2026-11)")
        ]
        assert [count(connection, segment) for segment in segments] == [received, 1 - received]
        assert [one.address for one in people.deliveries_of(connection, records.family(connection, new.id), 10)] == [OLD]
        (sent,) = ledger.sent_to(connection, [OLD], datetime.now(UTC))[OLD]
        assert (sent.subscriber_id == new.id, ledger.sent_to(connection, [NEW], datetime.now(UTC))) == (bool(received), {})


def test_whoever_got_an_issue_at_both_addresses_keeps_both_deliveries(engine: Engine) -> None:
    factories.schedule(engine, [OLD, NEW])
    factories.start(engine)
    with engine.begin() as connection:
        connection.execute(text("UPDATE delivery SET state = 'accepted'"))
        old, new = read(connection, OLD), read(connection, NEW)
        merging.merge(connection, old, new, actor="li", now=NOW)
        assert people.hand_over(connection, old.id, new.id) == 0
    assert factories.states(engine) == {OLD: "accepted", NEW: "accepted"}


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
