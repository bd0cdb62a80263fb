"""Institutes through the years, against a real PostgreSQL: renamed, merged, and found by whatever name."""

from __future__ import annotations

import json
from datetime import date

import pytest
from sqlalchemy import Engine, text

from subscribers import institutes, memberships, store
from subscribers.address import parse_address
from subscribers.errors import InputError
from subscribers.models import InstituteStatus, NameKind
from subscribers.store import NewSubscriber
from tests.integration.conftest import Jianbao

ON = date(2026, 3, 1)
TEA, FARM, CROPS = "云南省茶叶研究所", "云南省农业科学院", "云南省经济作物研究所"


def contact(address: str, institute: str, rank: int | None) -> NewSubscriber:
    return NewSubscriber(parse_address(address), institute=institute, rank=rank)


def make(engine: Engine) -> dict[str, int]:
    people = [contact("tea1@t.example", TEA, 1), contact("tea@t.example", TEA, None), contact("farm1@f.example", FARM, 1)]
    with engine.begin() as connection:
        list_id = store.create_list(connection, "members", "members")
        store.add_subscribers(
            connection, [*people, contact("farm2@f.example", FARM, 2)], list_id, method="test", evidence="a test"
        )
        return {name: institutes.find_institute(connection, name) for name in (TEA, FARM)}


def test_a_renamed_institute_is_found_by_both_names_and_has_one(engine: Engine) -> None:
    ids = make(engine)
    with engine.begin() as connection:
        memberships.rename(connection, ids[TEA], CROPS, ON, actor="li")
        record = memberships.find(connection, TEA)
        assert (record.id, record.name) == (ids[TEA], CROPS)
        assert [(one.name, one.kind, one.since, one.until) for one in record.names] == [
            (CROPS, NameKind.CURRENT, ON, None),
            (TEA, NameKind.FORMER, None, ON),
        ]
        memberships.rename(connection, ids[TEA], TEA, date(2027, 1, 1), actor="li")
        assert [(one.name, one.kind) for one in memberships.find(connection, CROPS).names] == [
            (TEA, NameKind.CURRENT),
            (CROPS, NameKind.FORMER),
        ]


def test_blanks_that_come_along_with_a_name_are_none_of_it(jianbao: Jianbao, engine: Engine) -> None:
    ids = make(engine)
    with engine.begin() as connection:
        memberships.rename(connection, ids[TEA], f"\u3000{CROPS} ", ON, actor="li")
        assert memberships.read(connection, ids[TEA]).name == CROPS
        made = memberships.create(connection, " 云南 \t大学\n", {}, actor="li")
        assert memberships.read(connection, made).name == "云南 大学"
    assert jianbao("subscriber", "add", "new@t.example", "--list", "members", "--institute", f"{FARM} ").exit_code == 0
    nameless = jianbao("subscriber", "add", "other@t.example", "--list", "members", "--institute", "\u3000")
    assert "the name is empty" in str(nameless.exception)
    with engine.begin() as connection:
        assert connection.execute(text("SELECT count(*) FROM institute")).scalar_one() == 3


def test_a_name_that_another_institute_has_is_not_taken_from_it(engine: Engine) -> None:
    ids = make(engine)
    with engine.begin() as connection, pytest.raises(InputError, match="institute merge"):
        memberships.rename(connection, ids[TEA], FARM, ON, actor="li")


def test_a_merged_institutes_contacts_come_after_its_successors_own(engine: Engine) -> None:
    ids = make(engine)
    with engine.begin() as connection:
        assert memberships.merge(connection, ids[TEA], ids[FARM], ON, actor="li") == 2
        record = memberships.find(connection, TEA)
        assert (record.name, [one.address for one in record.contacts]) == (
            FARM,
            ["farm1@f.example", "farm2@f.example", "tea1@t.example", "tea@t.example"],
        )
        gone = memberships.read(connection, ids[TEA])
        assert (gone.status, gone.successor, gone.until) == (InstituteStatus.FORMER, FARM, ON)


def test_successors_of_successors_are_followed(engine: Engine) -> None:
    ids = make(engine)
    with engine.begin() as connection:
        crops = memberships.create(connection, CROPS, {}, actor="li")
        memberships.merge(connection, ids[TEA], crops, ON, actor="li")
        memberships.merge(connection, crops, ids[FARM], ON, actor="li")
        assert institutes.find_institute(connection, TEA) == ids[FARM]
        assert memberships.read(connection, ids[TEA]).successor == FARM
        with pytest.raises(InputError, match="one institute already"):
            memberships.merge(connection, ids[FARM], institutes.find_institute(connection, TEA), ON, actor="li")


def test_who_is_added_under_a_merged_institutes_name_comes_to_its_successor(engine: Engine) -> None:
    ids = make(engine)
    with engine.begin() as connection:
        memberships.merge(connection, ids[TEA], ids[FARM], ON, actor="li")
        store.add_subscribers(connection, [contact("new@t.example", TEA, None)], 1, method="test", evidence="a test")
        assert "new@t.example" in [one.address for one in memberships.read(connection, ids[FARM]).contacts]
        assert connection.execute(text("SELECT count(*) FROM institute")).scalar_one() == 2


def test_the_command_line_adds_changes_renames_merges_and_shows(jianbao: Jianbao) -> None:
    for words in (
        (
            "add",
            FARM,
            "--short",
            "云南农科院",
            "--province",
            "云南省",
            "--number",
            "A017",
            "--field",
            "网址=https://farm.example",
        ),
        ("add", TEA, "--status", "candidate"),
        ("update", "云南农科院", "--kind", "研究院", "--since", "1998-05-01", "--why", "章程"),
        ("rename", TEA, CROPS, "--on", "2026-03-01"),
        ("merge", TEA, FARM, "--name", "云南省现代农业研究院", "--on", "2026-04-01"),
    ):
        result = jianbao("institute", *words)
        assert result.exit_code == 0, result.exception
    shown = json.loads(jianbao("institute", "show", CROPS, "--json").stdout)
    assert (shown["name"], shown["membership_number"], shown["since"], shown["fields"]) == (
        "云南省现代农业研究院",
        "A017",
        "1998-05-01",
        {"网址": "https://farm.example"},
    )
    assert {one["name"] for one in shown["names"]} == {"云南省现代农业研究院", "云南农科院", FARM, TEA, CROPS}
    assert "云南省现代农业研究院" in jianbao("institute", "list", "--like", "云南省茶叶所").stdout
    actions = [json.loads(line)["action"] for line in jianbao("audit", "--json").stdout.splitlines()]
    assert actions == ["add", "add", "update", "rename", "merge", "rename"]


def test_a_membership_number_is_one_institutes(jianbao: Jianbao) -> None:
    assert jianbao("institute", "add", FARM, "--number", "A017").exit_code == 0
    refused = jianbao("institute", "add", TEA, "--number", "A017")
    assert isinstance(refused.exception, InputError)
    assert "another institute's" in str(refused.exception)
    assert TEA not in jianbao("institute", "list").stdout
