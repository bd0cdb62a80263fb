"""`jianbao segment`, and mailings to a segment, on a real database."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine, text

from mailer import mailings, planning
from mailer.activity import freeze_segment, select_segment
from mailer.cli import cli
from mailer.issue import ref_of
from mailer.models import MailingStatus
from mailer.terms import SegmentTerm
from subscribers import merging, records, store
from subscribers.address import parse_address
from subscribers.errors import InputError
from subscribers.segments.vocabulary import Moment
from subscribers.store import NewSubscriber
from tests import factories

Segment = Callable[..., Result]
PEOPLE = {"li@yn.example": "云南", "wang@yn.example": "云南", "zhao@zj.example": "浙江", "qian@nowhere.example": None}


@pytest.fixture
def segment(engine: Engine, database_url: str, redis_url: str, tmp_path: Path) -> Segment:
    """`jianbao segment` with four people on the list `members`, one of them on `press` too."""
    with engine.begin() as connection:
        members, press = store.create_list(connection, "members", "会员"), store.create_list(connection, "press", "新闻")
        people = [
            NewSubscriber(parse_address(address), institute=province and f"{province}某所", province=province)
            for address, province in PEOPLE.items()
        ]
        store.add_subscribers(connection, people, members, method="test", evidence="a test")
        store.add_subscribers(connection, people[:1], press, method="test", evidence="a test")

    def run(*words: str) -> Result:
        ours = {"DATABASE_URL": database_url, "REDIS_URL": redis_url, "DATA_DIR": str(tmp_path)}
        return CliRunner().invoke(cli, ["segment", *words], env={f"JIANBAO_{name}": value for name, value in ours.items()})

    return run


def found(result: Result) -> list[str]:
    assert result.exit_code == 0, (result.stderr, result.exception)
    return sorted(person["address"] for person in json.loads(result.stdout)["sample"])


def test_a_segment_is_tried_with_a_count_and_a_sample(segment: Segment) -> None:
    tried = segment("test", "institute.province in (云南, 浙江) and not list(press)", "--sample", "1", "--json")
    document = json.loads(tried.stdout)
    assert (document["count"], document["of"]) == (2, 4)
    assert document["sample"] == [{"address": "wang@yn.example", "name": None, "institute": "云南某所"}]
    assert "2 of 4 subscribers" in segment("test", "institute.province in (云南, 浙江) and not list(press)").stdout


def test_a_fault_in_an_expression_is_bad_input(segment: Segment) -> None:
    refused = segment("test", "institute.province in (云南")
    assert isinstance(refused.exception, InputError)
    assert "^" in str(refused.exception)


def test_saved_segments_are_used_by_name_and_inside_others(segment: Segment, engine: Engine) -> None:
    assert segment("save", "西部", "institute.province = 云南").exit_code == 0
    assert segment("save", "其他", "list(members) and not segment(西部)").exit_code == 0
    assert found(segment("test", "西部", "--json")) == ["li@yn.example", "wang@yn.example"]
    assert found(segment("test", "其他", "--json")) == ["qian@nowhere.example", "zhao@zj.example"]
    assert json.loads(segment("show", "西部", "--json").stdout)["expression"] == "institute.province = 云南"
    assert [one["name"] for one in json.loads(segment("list", "--json").stdout)] == ["其他", "西部"]
    with engine.connect() as connection:
        noted = connection.execute(
            text("SELECT action, after ->> 'name' FROM audit WHERE subject = 'segment' ORDER BY id")
        ).all()
    assert [tuple(row) for row in noted] == [("save", "西部"), ("save", "其他")]


def test_a_segment_cannot_be_made_of_itself_nor_be_taken_from_under_another(segment: Segment) -> None:
    segment("save", "a", "list(members)")
    segment("save", "b", "segment(a)")
    assert "a → b → a" in str(segment("save", "a", "segment(b)").exception)
    assert "is a part of b" in str(segment("remove", "a").exception)
    assert segment("remove", "b").exit_code == 0
    assert segment("remove", "a").exit_code == 0


def test_one_that_is_not_understood_any_more_keeps_no_other_from_being_removed(segment: Segment, engine: Engine) -> None:
    assert segment("save", "a", "list(press)").exit_code == 0
    assert segment("save", "b", "list(members)").exit_code == 0
    with engine.begin() as connection:
        connection.execute(text("UPDATE mailing_list SET slug = 'media' WHERE slug = 'press'"))
    assert segment("remove", "b").exit_code == 0


@pytest.mark.parametrize("name", ["two words", "and", "", "a(b)", "x" * 61])
def test_a_name_that_could_not_be_written_in_an_expression_is_refused(segment: Segment, name: str) -> None:
    assert "cannot name a segment" in str(segment("save", name, "list(members)").exception)


def test_every_word_is_listed_with_what_it_takes(segment: Segment) -> None:
    words = {row["word"]: row["takes"] for row in json.loads(segment("words", "--json").stdout)}
    assert words["subscriber.role"] == "director, office, research, other"
    assert words["list(…)"].startswith("members, press;")


@pytest.mark.parametrize(
    ("held", "asked", "is_in"),
    [
        ("50%", "contains %", True),
        ("50", "contains %", False),
        ("a_b", "starts with a_", True),
        ("axb", "starts with a_", False),
    ],
)
def test_signs_of_the_database_s_patterns_stand_for_themselves(
    segment: Segment, engine: Engine, held: str, asked: str, is_in: bool
) -> None:
    with engine.begin() as connection:
        connection.execute(text("UPDATE institute SET city = :held"), {"held": held})
    assert bool(found(segment("test", f"institute.city {asked}", "--json"))) is is_in


# --- Mailings --------------------------------------------------------------------------------------------------------------------


def _schedule(engine: Engine, expression: str) -> int:
    with engine.begin() as connection:
        frozen = SegmentTerm(freeze_segment(connection, expression), "Asia/Shanghai")
    return factories.schedule(engine, list(PEOPLE), replace(factories.TERMS, segment=frozen)).mailing_id


def test_a_mailing_goes_to_those_who_are_in_its_segment_when_it_begins(segment: Segment, engine: Engine) -> None:
    segment("save", "西部", "institute.province = 云南")
    mailing_id = _schedule(engine, "西部")
    segment("save", "西部", "institute.province = 浙江")
    with engine.begin() as connection:
        connection.execute(text("UPDATE institute SET province = '云南' WHERE province = '浙江'"))
        terms = mailings.find_mailing(connection, mailing_id).terms
        chosen = planning.chosen_by(connection, terms, datetime.now(UTC))
        assert planning.count_audience(connection, [1], chosen) == 3
        assert planning.recipients_by_provider(connection, mailing_id, {}, chosen) == {"other": 3}
    factories.start(engine)
    assert sorted(factories.states(engine)) == ["li@yn.example", "wang@yn.example", "zhao@zj.example"]


def test_a_mailing_whose_segment_is_not_understood_any_more_waits_for_staff(segment: Segment, engine: Engine) -> None:
    mailing_id = _schedule(engine, "not list(press)")
    with engine.begin() as connection:
        connection.execute(text("UPDATE mailing_list SET slug = 'media' WHERE slug = 'press'"))
    assert factories.start(engine) == []
    with engine.begin() as connection:
        record = mailings.find_mailing(connection, mailing_id)
    assert record.status is MailingStatus.PAUSED
    assert "'press' is no list" in str(record.reason)


def test_what_went_to_a_record_that_was_merged_went_to_the_person(segment: Segment, engine: Engine) -> None:
    factories.schedule(engine, list(PEOPLE))
    factories.start(engine)
    now = datetime.now(UTC)
    with engine.begin() as connection:
        connection.execute(text("UPDATE delivery SET state = 'accepted' WHERE subscriber_id = 1"))
        gone, kept = (records.read(connection, number) for number in (1, 2))
        merging.merge(connection, gone, kept, actor="test", now=now)
    assert found(segment("test", "received(last 1)", "--json")) == ["wang@yn.example"]
    assert found(segment("test", "not received(last 1)", "--json")) == ["qian@nowhere.example", "zhao@zj.example"]
    with engine.begin() as connection:
        connection.execute(text("UPDATE delivery SET state = 'bounced' WHERE subscriber_id = 1"))
    assert found(segment("test", "bounced()", "--json")) == []  # That is the other mailbox's.


def test_an_issue_of_a_double_number_is_meant_by_either(segment: Segment, engine: Engine) -> None:
    factories.schedule(engine, list(PEOPLE))
    factories.start(engine)
    with engine.begin() as connection:
        connection.execute(text("UPDATE delivery SET state = 'accepted' WHERE subscriber_id = 1"))
        numbers = connection.execute(
            text("UPDATE issue SET last_number = number + 1 RETURNING year, number, last_number")
        ).one()
    for number in numbers[1:]:
        assert found(segment("test", f"received({ref_of(numbers.year, number)})", "--json")) == ["li@yn.example"]
    assert segment("test", f"received({ref_of(numbers.year, numbers.last_number + 1)})").exit_code != 0


@pytest.mark.parametrize("expression", ["received()", "not received()", "clicked(last 90 days)", "not opened(last 3)"])
def test_deliveries_are_joined_and_not_looked_through_for_each_subscriber(engine: Engine, expression: str) -> None:
    with engine.begin() as connection:
        chosen = select_segment(connection, expression, Moment(datetime.now(UTC), ZoneInfo("Asia/Shanghai")))
        words = str(chosen.compile(connection, compile_kwargs={"literal_binds": True}))
        plan = "\n".join(connection.exec_driver_sql(f"EXPLAIN {words}").scalars())
    assert "SubPlan" not in plan
