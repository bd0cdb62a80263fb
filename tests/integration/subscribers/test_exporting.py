"""Subscribers as files, and back: nothing is lost on the way, and no cell is a formula."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook
from sqlalchemy import Engine, select

from subscribers import store
from subscribers.errors import InputError
from subscribers.exporting.files import write_export
from subscribers.exporting.query import Export, Selection
from subscribers.importing.run import Order, Outcome, run_import
from subscribers.importing.source import look_at
from subscribers.models import ImportMode, Subscriber
from tests import factories
from tests.integration.conftest import Jianbao

_LATEST = datetime(2026, 1, 1)  # noqa: DTZ001 - Hypothesis wants it without a zone
_TABLES = "subscriber, subscription, consent, institute, institute_name, suppression, mailing_list, import_batch, import_change"
_SIGNS = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
_TEXT = st.text(st.one_of(st.sampled_from("=+-@'\"\t\r\n,;\\ 王芳é\u3000|#"), _SIGNS), max_size=12)
_MEMBERS = st.lists(
    st.fixed_dictionaries(
        {"address": st.integers(0, 10**6).map("{}@Inst.example".format)},
        optional={
            "name": _TEXT,
            "institute": _TEXT,
            "province": _TEXT,
            "role": st.sampled_from(["director", "office", "research", "other"]),
            "rank": st.integers(1, 99).map(str),
            "language": st.sampled_from(["zh", "en"]),
            "phone": _TEXT,
            "state": st.sampled_from(["confirmed", "unconfirmed", "unsubscribed"]),
            "suppressed": st.sampled_from(["hard_bounce", "complaint", "staff", "soft_bounce", "list:complaint"]),
            "suppressed_until": st.sampled_from(["2999-01-31", "2999-12-31T08:00:00+08:00"]),
            "suppressed_why": _TEXT,
            "since": st.datetimes(max_value=_LATEST).map("{:%Y-%m-%dT%H:%M:%S.%fZ}".format),
            "fields": st.dictionaries(st.sampled_from(["备注", "a b", "=x"]), _TEXT, max_size=2),
        },
    ),
    min_size=1,
    max_size=5,
    unique_by=lambda member: member["address"],
)


def take_in(engine: Engine, path: Path) -> Outcome:
    """Import a file into an empty database."""
    with engine.begin() as connection:
        factories.empty(connection, _TABLES)
        list_id = store.create_list(connection, "members", "会员")
        return run_import(connection, Order(look_at(path), list_id, ImportMode.NEW, "admin"))


def give_out(engine: Engine, path: Path) -> int:
    with engine.begin() as connection:
        return write_export(Export(connection, Selection(store.find_list(connection, "members"))), path)


def cells(path: Path) -> object:
    if path.suffix == ".xlsx":
        return [[str(cell) for cell in row] for row in CalamineWorkbook.from_path(path).get_sheet_by_index(0).to_python()]
    return path.read_bytes()


@pytest.mark.parametrize("ending", [".csv", ".xlsx", ".jsonl"])
def test_an_export_comes_back_in_without_a_difference(engine: Engine, tmp_path: Path, ending: str) -> None:
    @settings(max_examples=10, phases=[Phase.explicit, Phase.generate], suppress_health_check=list(HealthCheck))
    @given(_MEMBERS)
    def comes_back(members: list[Mapping[str, object]]) -> None:
        given_file, first, second = tmp_path / "given.jsonl", tmp_path / f"first{ending}", tmp_path / f"second{ending}"
        given_file.write_text("".join(json.dumps(member) + "\n" for member in members), encoding="utf-8")
        take_in(engine, given_file)
        assert give_out(engine, first) == len(members)
        outcome = take_in(engine, first)
        assert (outcome.created, outcome.rejects) == (len(members), ())
        give_out(engine, second)
        assert cells(second) == cells(first)

    comes_back()


def test_no_cell_of_a_csv_is_a_formula(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(
        '{"email": "+a@a.example", "name": "=HYPERLINK(1)", "phone": "-1", "fields": {"=x": "@y"}}\n'
    )
    take_in(engine, tmp_path / "a.jsonl")
    give_out(engine, tmp_path / "a.csv")
    with (tmp_path / "a.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[1][0] == "'+a@a.example"
    assert not any(cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row)


def test_without_a_list_everybody_is_given_out_and_a_selection_narrows(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("email\na@a.example\nb@a.example\n")
    take_in(engine, tmp_path / "a.csv")
    with engine.begin() as connection:
        assert write_export(Export(connection, Selection()), tmp_path / "all.jsonl") == 2
        chosen = select(Subscriber.id).where(Subscriber.canonical == "b@a.example")
        assert write_export(Export(connection, Selection(None, chosen)), tmp_path / "some.jsonl") == 1
    assert json.loads((tmp_path / "some.jsonl").read_text()) == {"address": "b@a.example"}


def test_an_export_that_fails_leaves_the_file_that_was_there(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("email\na@a.example\n")
    take_in(engine, tmp_path / "a.csv")
    with engine.begin() as connection:
        export = Export(connection, Selection())
        export.columns = {"address": "(1 / (s.id - s.id))::text"}
        with pytest.raises(psycopg.DataError):
            write_export(export, tmp_path / "a.csv")
    assert (tmp_path / "a.csv").read_text() == "email\na@a.example\n"
    assert list(tmp_path.iterdir()) == [tmp_path / "a.csv"]


def test_the_ending_says_the_kind_of_file(jianbao: Jianbao, tmp_path: Path) -> None:
    done = jianbao("subscriber", "export", "--out", str(tmp_path / "a.doc"))
    assert isinstance(done.exception, InputError)
    assert "Give one of .csv, .xlsx, .jsonl" in str(done.exception)


def test_the_command_gives_out_a_list_and_a_segment_of_it(jianbao: Jianbao, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("邮箱,单位,省份\na@a.example,甲院,云南\nb@b.example,乙院,四川\n")
    jianbao("list", "create", "members", "--name", "会员")
    jianbao("subscriber", "import", str(tmp_path / "a.csv"), "--list", "members")
    out = tmp_path / "out.jsonl"
    done = jianbao(
        "subscriber", "export", "--list", "members", "--segment", "institute.province = 云南", "--out", str(out), "--json"
    )
    assert json.loads(done.stdout)["rows"] == 1
    assert json.loads(out.read_text()).items() >= {"address": "a@a.example", "institute": "甲院", "state": "confirmed"}.items()
