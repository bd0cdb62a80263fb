"""Suppressions against a real PostgreSQL: what replaces what, and who may lift which."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import xlsxwriter
from sqlalchemy import Engine, text

from subscribers import suppression
from subscribers.address import parse_address
from subscribers.models import SuppressionReason
from subscribers.subscriptions import Wish, unsubscribe
from subscribers.suppression import LiftedBy, NewSuppression
from tests import factories
from tests.integration.conftest import Jianbao

NOW = datetime(2026, 11, 20, 8, tzinfo=UTC)
HASH = b"\1" * 32
DAY = timedelta(days=1)


def reasons_after(engine: Engine, *wanted: NewSuppression) -> list[SuppressionReason]:
    with engine.begin() as connection:
        for one in wanted:
            suppression.suppress(connection, [one])
        return [record.reason for record in suppression.of_address(connection, HASH)]


def new(reason: str, since: datetime = NOW, until: datetime | None = None) -> NewSuppression:
    return NewSuppression(HASH, SuppressionReason(reason), "a test", since, until=until)


@pytest.mark.parametrize(
    ("first", "second", "stands"),
    [
        (new("hard_bounce"), new("complaint"), "complaint"),
        (new("complaint"), new("hard_bounce"), "complaint"),
        (new("erased"), new("staff"), "erased"),
        (new("hard_bounce"), new("staff", until=NOW + DAY), "hard_bounce"),
        (new("soft_bounce", until=NOW + DAY), new("soft_bounce"), "soft_bounce"),
        (new("complaint", until=NOW), new("soft_bounce", since=NOW + DAY), "soft_bounce"),
    ],
)
def test_none_is_weakened_or_shortened(engine: Engine, first: NewSuppression, second: NewSuppression, stands: str) -> None:
    assert reasons_after(engine, first, second) == [stands]


def test_of_several_for_one_address_the_strongest_counts(engine: Engine) -> None:
    with engine.begin() as connection:
        assert suppression.suppress(connection, [new("hard_bounce"), new("unsubscribed"), new("soft_bounce")]) == 1
        assert [record.reason for record in suppression.of_address(connection, HASH)] == ["unsubscribed"]


def test_what_stands_already_changes_nothing(engine: Engine) -> None:
    with engine.begin() as connection:
        assert suppression.suppress(connection, [new("complaint")]) == 1
        assert suppression.suppress(connection, [new("complaint", since=NOW + DAY)]) == 0
        assert suppression.of_address(connection, HASH)[0].since == NOW


@pytest.mark.parametrize("reason", list(SuppressionReason))
def test_staff_lift_what_an_address_did_and_the_person_what_the_person_did(engine: Engine, reason: SuppressionReason) -> None:
    staff_may = reason in {SuppressionReason.HARD_BOUNCE, SuppressionReason.SOFT_BOUNCE, SuppressionReason.STAFF}
    reasons_after(engine, new(reason))
    with engine.begin() as connection:
        assert bool(suppression.lift(connection, HASH, LiftedBy.STAFF)) is staff_may
        suppression.suppress(connection, [new(reason)])
        assert bool(suppression.lift(connection, HASH, LiftedBy.PERSON)) is (reason is not SuppressionReason.STAFF)


def test_staff_put_addresses_down_from_any_list_and_take_back_what_they_may(jianbao: Jianbao, tmp_path: Path) -> None:
    listed = tmp_path / "left.csv"
    listed.write_text(
        "姓名,邮箱\n王芳,Wang＠inst.example\n李娜,li@inst.example；li2@inst.example\n赵,zhao.inst.example\n", encoding="gb18030"
    )
    result = jianbao("suppression", "import", str(listed), "--reason", "hard_bounce")
    assert (result.exit_code, "left.csv:4: no '@'" in result.stderr) == (1, True)
    hashes = tmp_path / "hashes.txt"
    hashes.write_text(f"{'ab' * 32}\n{'CD' * 32}\n", encoding="ascii")
    assert jianbao("suppression", "import", str(hashes), "--reason", "complaint").exit_code == 0
    shown = jianbao("suppression", "list", "--json").stdout.splitlines()
    found = {json.loads(line)["address"] for line in shown}
    assert (len(shown), found) == (5, {"li2@inst.example", "li@inst.example", "Wang@inst.example", None})
    removed = jianbao("suppression", "remove", "wang@inst.example", "--why", "mended")
    assert (removed.exit_code, "written to again" in removed.stderr) == (0, True)
    refused = jianbao("suppression", "remove", "zhang@inst.example", "--why", "?")
    assert (refused.exit_code, "was not suppressed" in refused.stderr) == (1, True)


def test_nothing_of_a_list_of_whom_not_to_write_to_is_passed_over_in_silence(jianbao: Jianbao, tmp_path: Path) -> None:
    listed = tmp_path / "停发.csv"
    listed.write_text("姓名,邮箱,备用邮箱\n王,wang@inst.example,\n李,,li@inst.example\n", encoding="utf-8")
    result = jianbao("suppression", "import", str(listed))
    assert (result.exit_code, "停发.csv:3: there is no address" in result.stderr) == (1, True)
    assert "taken from '邮箱', and not from 备用邮箱" in result.stderr
    assert jianbao("suppression", "import", str(listed), "--map", "备用邮箱=address").exit_code == 1
    book = tmp_path / "停发.xlsx"
    with xlsxwriter.Workbook(book) as made:
        made.add_worksheet("名单").write_column(0, 0, ["邮箱", "zhao@inst.example"])
        made.add_worksheet("说明").write_column(0, 0, ["本表由办公室维护", "每月更新", "邮箱 office@inst.example"])
        made.add_worksheet("旧").hide()
    result = jianbao("suppression", "import", str(book))
    assert [line.partition(":")[0] for line in result.stderr.splitlines()[:2]] == ["停发.xlsx, 说明", "停发.xlsx, 旧"]
    written = [json.loads(line)["address"] for line in jianbao("suppression", "list", "--json").stdout.splitlines()]
    assert sorted(written) == ["li@inst.example", "wang@inst.example", "zhao@inst.example"]


def test_one_who_complained_comes_back_only_by_himself(jianbao: Jianbao) -> None:
    jianbao("suppression", "add", "a@inst.example", "--reason", "complaint")
    refused = jianbao("suppression", "remove", "a@inst.example", "--why", "he is my friend")
    assert (refused.exit_code, "only a confirmed sign-up" in refused.stderr) == (1, True)


def test_a_day_that_is_past_ends_nothing(jianbao: Jianbao) -> None:
    result = jianbao("suppression", "add", "a@inst.example", "--until", "2020-01-01")
    assert "2020-01-01 is past" in str(result.exception)


def test_who_adds_an_address_that_is_suppressed_reads_since_when_by_their_own_clock(jianbao: Jianbao, engine: Engine) -> None:
    jianbao("list", "create", "bulletin", "--name", "简报")
    jianbao("suppression", "add", "a@inst.example")
    with engine.begin() as connection:
        connection.execute(text("UPDATE suppression SET since = '2026-11-27 20:00+00'"))
    assert "since 2026-11-28" in jianbao("subscriber", "add", "a@inst.example", "--list", "bulletin").stderr


@pytest.mark.parametrize("ending", [".csv", ".jsonl"])
def test_suppressions_go_out_and_come_back_with_reason_evidence_list_and_days(
    jianbao: Jianbao, engine: Engine, tmp_path: Path, ending: str
) -> None:
    jianbao("list", "create", "press", "--name", "媒体")
    jianbao("suppression", "add", "a@inst.example", "--reason", "refused", "--why", "=电话，5月3日")
    jianbao("suppression", "add", "b@inst.example", "--list", "press", "--until", "2999-01-31", "--why", "'sabbatical'")
    jianbao("subscriber", "add", "gone@inst.example", "--list", "press")
    jianbao("subscriber", "erase", "gone@inst.example", "--why", "letter", "--yes")
    out, again = tmp_path / f"停发{ending}", tmp_path / f"again{ending}"
    assert jianbao("suppression", "export", "--out", str(out)).exit_code == 0
    assert "gone@" not in out.read_text(encoding="utf-8")
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM suppression"))
    said = jianbao("suppression", "import", str(out))
    assert (said.exit_code, said.stderr.startswith("3 of 3 addresses newly suppressed")) == (0, True)
    jianbao("suppression", "export", "--out", str(again))
    assert sorted(again.read_text(encoding="utf-8").splitlines()) == sorted(out.read_text(encoding="utf-8").splitlines())


def test_the_words_of_another_system_are_understood_or_kept(jianbao: Jianbao, tmp_path: Path) -> None:
    listed = tmp_path / "left.csv"
    rows = "a@inst.example,hard bounce,\nb@inst.example,退订,\nc@inst.example,老王说的,\nd@inst.example,,2020-01-31\ne@x.cn,,soon\n"
    listed.write_text(f"邮箱,原因,截止日期\n{rows}", encoding="utf-8")
    refused = jianbao("suppression", "import", str(listed))
    assert (refused.exit_code, "left.csv:6: 'soon' is no day" in refused.stderr) == (1, True)
    shown = [json.loads(line) for line in jianbao("suppression", "list", "--json").stdout.splitlines()]
    assert {one["address"][0]: (one["reason"], one["evidence"]) for one in shown} == {
        "a": ("hard_bounce", "left.csv"),
        "b": ("unsubscribed", "left.csv"),
        "c": ("staff", "老王说的"),
    }


@pytest.mark.parametrize(("reason", "until"), [("staff", NOW - DAY), ("staff", NOW + DAY), ("hard_bounce", None)])
def test_who_leaves_when_the_subscription_is_gone_is_brought_back_by_nothing_that_stood_there(
    engine: Engine, reason: str, until: datetime | None
) -> None:
    address = parse_address("wang@inst.example")
    list_id = factories.subscribe(engine, ["li@inst.example"])
    weaker = NewSuppression(address.hash, SuppressionReason(reason), "a test", NOW - 2 * DAY, list_id=list_id, until=until)
    with engine.begin() as connection:
        suppression.suppress(connection, [weaker])
        assert unsubscribe(connection, Wish(7, address.written, [list_id], "page", "delivery 7", NOW))
        assert [(one.reason, one.until) for one in suppression.of_address(connection, address.hash)] == [("unsubscribed", None)]
