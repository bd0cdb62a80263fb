"""A person taken out of all records, against a real PostgreSQL."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import Engine, text

from mailer import people
from subscribers import erasing, merging, records, store
from subscribers.address import parse_address
from subscribers.errors import InputError
from subscribers.records import Amendment
from subscribers.store import NewSubscriber
from tests import factories
from tests.integration.subscribers.person import NEW, NOW, OLD, every_text, read


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
