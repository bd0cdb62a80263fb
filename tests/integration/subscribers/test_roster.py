"""The list of members from files as people keep them, against a real PostgreSQL."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import xlsxwriter

from subscribers.errors import InputError
from subscribers.importing.source import look_at
from subscribers.models import InstituteStatus, NameKind
from subscribers.roster import read_roster
from tests.integration.conftest import Jianbao

CHINESE = """附件：会员单位名录,,,,,,,,
单位名称,简称,曾用名,省份,会员编号,会籍,入会时间,备注,院长
云南省农业科学院,云南农科院、滇农科院,云南省农业试验站,云南省,A017,会员,1998年5月,,张
四川省农业科学院,,,四川省,A018,已退会,2001/3/1,停缴会费,李
,,,,,,,,
贵州省农业科学院,,,贵州省,A019,待定,,,王
"""


def write(folder: Path, text: str, name: str = "名录.csv", encoding: str = "utf-8") -> Path:
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize("encoding", ["utf-8-sig", "gb18030", "utf-16"])
def test_a_list_of_members_comes_in_as_it_is_kept(tmp_path: Path, encoding: str) -> None:
    roster = read_roster(look_at(write(tmp_path, CHINESE, encoding=encoding)))
    assert [(one.line, one.name) for one in roster.entries] == [(3, "云南省农业科学院"), (4, "四川省农业科学院")]
    assert roster.entries[0].also == [("滇农科院", NameKind.SHORT), ("云南省农业试验站", NameKind.FORMER)]
    values = roster.entries[1].values
    assert (str(values["since"]), values["status"], values["notes"]) == ("2001-03-01", InstituteStatus.FORMER, "停缴会费")
    assert [(one.line, one.name) for one in roster.rejects] == [(6, "贵州省农业科学院")]
    assert roster.left_out == ["院长"]


def test_a_workbook_and_a_bare_list_of_names_come_in_too(tmp_path: Path) -> None:
    with xlsxwriter.Workbook(tmp_path / "a.xlsx") as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["Name", "Short name", "Province", "field.网址"])
        sheet.write_row(1, 0, ["云南省农业科学院", "云南农科院", "云南省", "https://a.example"], book.add_format())
    (entry,) = read_roster(look_at(tmp_path / "a.xlsx")).entries
    assert entry.values == {"short_name": "云南农科院", "province": "云南省", "fields": {"网址": "https://a.example"}}
    with xlsxwriter.Workbook(tmp_path / "b.xlsx") as book:
        book.add_worksheet().write_column(0, 0, ["单位名称", "云南省农业科学院"])
        book.add_worksheet()
        book.add_worksheet("说明").write_column(0, 0, ["本表由办公室维护", "每年一月更新"])
    roster = read_roster(look_at(tmp_path / "b.xlsx"))
    assert ([one.name for one in roster.entries], len(roster.notes)) == (["云南省农业科学院"], 1)
    names = read_roster(look_at(write(tmp_path, "云南省农业科学院\n四川省农业科学院\n", "a.txt"))).entries
    assert [one.name for one in names] == ["云南省农业科学院", "四川省农业科学院"]


def test_a_list_of_several_pages_is_read_as_an_office_prints_it(tmp_path: Path) -> None:
    with xlsxwriter.Workbook(tmp_path / "a.xlsx") as book:
        sheet = book.add_worksheet()
        for row, cells in enumerate(
            [
                ["序号", "单位名称", "简称", "入会时间", "状态"],
                [1, "云南省农业科学院", "云南农科院\n滇农科院", 42000, "在册"],
                ["小计", "1家"],
                ["序号", "单位名称", "简称", "入会时间", "状态"],
                [2, "总计算中心", "", "2014年", "候补"],
                ["", "合  计：2家"],
            ]
        ):
            sheet.write_row(row, 0, cells)
    roster = read_roster(look_at(tmp_path / "a.xlsx"))
    assert [(one.name, str(one.values["since"]), one.values["status"], one.also) for one in roster.entries] == [
        ("云南省农业科学院", "2014-12-27", "member", [("滇农科院", NameKind.SHORT)]),
        ("总计算中心", "2014-01-01", "candidate", []),
    ]
    assert [(one.line, one.reason.partition(",")[0]) for one in roster.rejects] == [
        (3, "this is a line of sums"),
        (6, "this is a line of sums"),
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("省份,城市\n云南省,昆明\n", "no column holds the institutes' names. It begins with: 省份, 城市"),
        ("", "empty"),
        ("<html><table><tr><td>单位</td></tr></table></html>", "web page"),
    ],
)
def test_a_file_without_institutes_is_refused_with_the_reason(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        read_roster(look_at(write(tmp_path, text)))


def outcome(jianbao: Jianbao, *words: str | Path) -> dict[str, int]:
    result = jianbao("institute", "import", *map(str, words), "--json")
    found = json.loads(result.stdout)
    return {"exit": result.exit_code, **{name: found[name] for name in ("created", "updated", "unchanged", "rejected")}}


def test_good_rows_go_in_and_a_second_import_changes_nothing(jianbao: Jianbao, tmp_path: Path) -> None:
    path = write(tmp_path, CHINESE)
    assert outcome(jianbao, path, "--dry-run") == {"exit": 1, "created": 2, "updated": 0, "unchanged": 0, "rejected": 1}
    assert jianbao("institute", "list", "--json").stdout == "[]\n"
    assert outcome(jianbao, path) == {"exit": 1, "created": 2, "updated": 0, "unchanged": 0, "rejected": 1}
    assert outcome(jianbao, path, "--update") == {"exit": 1, "created": 0, "updated": 0, "unchanged": 2, "rejected": 1}
    shown = json.loads(jianbao("institute", "show", "滇农科院", "--json").stdout)
    assert (shown["name"], shown["since"], shown["status"]) == ("云南省农业科学院", "1998-05-01", "member")


def test_update_fills_and_changes_and_takes_nothing_away(jianbao: Jianbao, tmp_path: Path) -> None:
    outcome(jianbao, write(tmp_path, CHINESE))
    later = write(tmp_path, "单位,省份,城市,会员号\n云南农科院,,昆明市,A017\n云南省现代农业研究院,,,A017\n", "later.csv")
    assert outcome(jianbao, later) == {"exit": 0, "created": 0, "updated": 0, "unchanged": 2, "rejected": 0}
    assert outcome(jianbao, later, "--update") == {"exit": 0, "created": 0, "updated": 2, "unchanged": 0, "rejected": 0}
    shown = json.loads(jianbao("institute", "show", "云南省现代农业研究院", "--json").stdout)
    assert (shown["name"], shown["province"], shown["city"]) == ("云南省农业科学院", "云南省", "昆明市")


def test_strict_takes_all_or_nothing(jianbao: Jianbao, tmp_path: Path) -> None:
    refused = jianbao("institute", "import", str(write(tmp_path, CHINESE)), "--strict")
    assert "nothing was imported" in str(refused.exception)
    assert jianbao("institute", "list", "--json").stdout == "[]\n"


def test_a_number_that_belongs_to_another_institute_is_rejected(jianbao: Jianbao, tmp_path: Path) -> None:
    outcome(jianbao, write(tmp_path, CHINESE))
    wrong = write(tmp_path, "单位,会员号\n四川省农业科学院,A017\n新疆农业科学院,A099\n", "wrong.csv")
    assert outcome(jianbao, wrong, "--update") == {"exit": 1, "created": 1, "updated": 0, "unchanged": 0, "rejected": 1}
