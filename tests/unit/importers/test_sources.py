"""The source line: what is one, what is none, and what it says."""

from __future__ import annotations

import pytest

from mailer.importers.sources import glued_source, is_byline, is_source, is_staff, parse_source


@pytest.mark.parametrize(
    ("line", "source", "authors"),
    [
        ("（来源：中国高新技术产业导报）", "中国高新技术产业导报", ()),
        ("（来源：科技日报 作者：钮 钦 刘冬梅）", "科技日报", ("钮钦", "刘冬梅")),
        ("来源：新华社北京8月1日电", "新华社", ()),
        ("（来源：新华社　2023年8月1日）", "新华社", ()),
        ("来源 | 科技日报", "科技日报", ()),
        ("稿件来源：办公室　撰稿：张伟　审核：李刚", "办公室", ("张伟",)),
        ("发布时间：2023-08-01 来源：省科技厅 浏览：123次", "省科技厅", ()),
        ("（摘自《科技日报》2023年8月1日第3版）", "科技日报", ()),
        ("（摘自2023年8月1日《科技日报》）", "科技日报", ()),
        ("转载自：人民网", "人民网", ()),
        ("——转自《中国科学报》", "中国科学报", ()),
        ("——《科技日报》8月3日", "科技日报", ()),
        ("（据新华社报道）", "新华社", ()),
        ("（云南省科学技术院供稿）", "云南省科学技术院", ()),
        ("（科技处 王五一 供稿）", "科技处", ("王五一",)),
        ("（本报记者 张伟 通讯员 李刚）", None, ("张伟", "李刚")),
        ("作者：张伟（中国科学院院士）、李刚等", None, ("张伟", "李刚")),
        ("（作者：东江省科技情报研究所 郑凯 曾敏）", "东江省科技情报研究所", ("郑凯", "曾敏")),
        ("作者：John Smith, Mary Brown", None, ("John Smith", "Mary Brown")),
        ("作者：约翰·史密斯", None, ("约翰·史密斯",)),
        ("文/张伟 图/李刚", None, ("张伟",)),
        ("编译：张伟 来源：Nature", "Nature", ("张伟",)),
        ("张伟 编译自 https://www.example.org/roadmap", "https://www.example.org/roadmap", ("张伟",)),
        ("（新华社）", "新华社", ()),
        ("2023年08月01日 09:30 来源：新华网", "新华网", ()),
        ("发布时间：2023-08-01 09:30  来源：科技日报  浏览次数：1234", "科技日报", ()),
        ("来 源：科技日报", "科技日报", ()),
        ("【来源】科技日报", "科技日报", ()),
        ("［来源］科技日报　［作者］张伟", "科技日报", ("张伟",)),
        ("【来源：科技日报】【作者：张伟、李刚】", "科技日报", ("张伟", "李刚")),
        ("（来源：科技日报", "科技日报", ()),
        ("—— 来源：科技日报", "科技日报", ()),
        ("（來源：科技日報 作者：張偉）", "科技日報", ("張偉",)),
        ("（据新华社北京8月1日电）", "新华社", ()),
        ("（科技日报北京8月1日电）", "科技日报", ()),
        ("（据科技日报报道 记者张伟、李刚）", "科技日报", ("张伟", "李刚")),
        ("（摘自《经济日报》2023年8月1日 作者 张伟、李刚）", "经济日报", ("张伟", "李刚")),
        ("（来源：科技日报 记者 张伟 通讯员 李刚）", "科技日报", ("张伟", "李刚")),
        ("来源：微信公众号“科技中国”，作者张伟", "微信公众号“科技中国”", ("张伟",)),
        ("（中国科学报 记者 张伟）", "中国科学报", ("张伟",)),
        ("作者：张伟 单位：东江大学", None, ("张伟",)),
        ("（作者：张伟，系东江大学教授）", None, ("张伟",)),
        ("（作者：系统工程研究所 张伟）", "系统工程研究所", ("张伟",)),
        ("（来稿单位：东江热工院）", "东江热工院", ()),
        ("（来源：Science | 作者：John Smith）", "Science", ("John Smith",)),
        ("Source: Nature", "Nature", ()),
    ],
)
def test_a_source_line_is_known_anywhere_and_taken_apart(line: str, source: str | None, authors: tuple[str, ...]) -> None:
    assert is_source(line)
    assert parse_source(line) == (source, authors)


@pytest.mark.parametrize(
    ("line", "source", "authors"),
    [
        ("钮 钦  刘冬梅", None, ("钮钦", "刘冬梅")),
        ("□ 本报记者 张伟", None, ("张伟",)),
        ("人民日报记者 张伟", "人民日报", ("张伟",)),
        ("作者 张伟", None, ("张伟",)),
        ("中国电子报 记者 张伟", "中国电子报", ("张伟",)),
        ("（办公室 张伟）", "办公室", ("张伟",)),
        ("材料研究所 张伟", "材料研究所", ("张伟",)),
        ("欧阳海洋", None, ("欧阳海洋",)),
        ("2023年8月1日", None, ()),
    ],
)
def test_less_will_do_below_a_headline(line: str, source: str | None, authors: tuple[str, ...]) -> None:
    assert not is_source(line)
    assert is_byline(line)
    assert parse_source(line) == (source, authors)


@pytest.mark.parametrize(
    "line",
    [
        "（作者钮钦系中国科学技术发展战略研究院副研究员；刘冬梅系研究员）", "（作者单位：东江大学）", "记者：您好，请介绍一下。",
        "记者：有哪些亮点？",
        "时间：2023年8月3日", "地点：昆明", "（完）", "（本文有删节）", "（一）总体要求", "一、总体要求", "来源于网络", "主要做法", "协同攻关",
        "文件：见附件",
        "各会员单位：", "（转载请注明出处）", "来源：科技日报。会议指出，要加强协同。",
    ],
)  # fmt: skip
def test_other_lines_are_no_source_lines(line: str) -> None:
    assert not is_source(line)
    assert not is_byline(line)


@pytest.mark.parametrize(
    ("line", "end"),
    [
        ("取得圆满成功。（来源：科技日报）", "（来源：科技日报）"),
        ("他说：“很好。”（摘自《科技日报》（海外版））", "（摘自《科技日报》（海外版））"),
        ("更好服务决策。                （科研处 周强）", "（科研处 周强）"),
    ],
)
def test_a_source_behind_the_last_sentence_is_found(line: str, end: str) -> None:
    start = glued_source(line)
    assert start is not None
    assert line[start:] == end


@pytest.mark.parametrize(
    "line", ["取得圆满成功。（张伟）", "取得成功（来源：科技日报）的消息", "会议召开。（见附件）", "（来源：科技日报）", "）"]
)
def test_other_brackets_stay_with_their_sentence(line: str) -> None:
    assert glued_source(line) is None


@pytest.mark.parametrize(
    "line",
    ["编辑：周敏   审核：吴刚", "责任编辑 | 周敏", "（编辑 周敏 审核 吴刚）", "编辑：周敏", "初审：周敏 复审：吴刚 终审：王明"],
)
def test_who_worked_on_a_text_is_told_from_who_wrote_it(line: str) -> None:
    assert is_staff(line)
    assert not is_source(line)


@pytest.mark.parametrize(
    "line", ["编辑部工作会议召开", "审核工作取得进展", "编辑：会议指出，要加强协同。", "图1 各地投入", "（完）"]
)
def test_other_lines_name_no_staff(line: str) -> None:
    assert not is_staff(line)
