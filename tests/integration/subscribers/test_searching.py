"""People found by what one remembers of them, against a real PostgreSQL."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine

from subscribers import searching, store
from subscribers.address import parse_address
from subscribers.store import NewSubscriber

PEOPLE = (
    NewSubscriber(
        parse_address("wang.fang@ynaas.example"), name="王芳", institute="云南省农业科学院", institute_short="云农科"
    ),
    NewSubscriber(parse_address("ouyang@scaas.example"), name="欧阳 静姝", institute="四川省农业科学院"),
    NewSubscriber(parse_address("bgs@scaas.example"), name="办公室", institute="四川省农业科学院"),
    NewSubscriber(parse_address("100%_x@other.example"), name="O'Brien"),
)


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("wang.fang@ynaas.example", "wang.fang@ynaas.example"),
        ("Wang.Fang＠ynaas.example", "wang.fang@ynaas.example"),
        ("wang.fnag", "wang.fang@ynaas.example"),
        ("wangfang", "wang.fang@ynaas.example"),
        ("ynaas", "wang.fang@ynaas.example"),
        ("云南农科院", "wang.fang@ynaas.example"),
        ("云农科", "wang.fang@ynaas.example"),
        ("云南省农业科学园", "wang.fang@ynaas.example"),
        ("欧阳静姝", "ouyang@scaas.example"),
        ("欧阳静殊", "ouyang@scaas.example"),
        ("100%_x", "100%_x@other.example"),
        ("o'brien", "100%_x@other.example"),
    ],
)
def test_the_nearest_comes_first(engine: Engine, query: str, first: str) -> None:
    with engine.begin() as connection:
        list_id = store.create_list(connection, "members", "members")
        store.add_subscribers(connection, PEOPLE, list_id, method="test", evidence="a test")
        hits = searching.find(connection, query, 20)
    assert [hit.address for hit in hits][:1] == [first]


@pytest.mark.parametrize("query", ["zhao", "", "   ", "%", "\\", "赵"])
def test_nobody_is_found_by_what_is_nobodys(engine: Engine, query: str) -> None:
    with engine.begin() as connection:
        list_id = store.create_list(connection, "members", "members")
        store.add_subscribers(connection, PEOPLE[:3], list_id, method="test", evidence="a test")
        assert searching.find(connection, query, 20) == []
