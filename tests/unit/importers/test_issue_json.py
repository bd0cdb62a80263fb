"""An issue goes into JSON and comes out of it unchanged."""

from __future__ import annotations

import json
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.block import Block
from mailer.issue import Article, ContentsEntry, Issue

issues = st.from_type(Issue)


@given(issues)
def test_every_issue_is_read_back_from_its_json(issue: Issue) -> None:
    assert Issue.from_json(json.loads(json.dumps(issue.to_json()))) == issue


def test_the_json_has_the_keys_that_scripts_rely_on() -> None:
    block = Block.from_json({"kind": "heading", "text": "一、背景"})
    article = Article(1, "标题", (block,), "要闻", "（来源：科技日报 作者：王明）", "科技日报", ("王明",), "【要闻】")
    issue = Issue("联谊会", "信息集锦", "简报", 2023, 9, 190, date(2023, 8, 3), (article,), (ContentsEntry("★标题", "标题"),))
    document = issue.to_json()
    assert {key: document[key] for key in ("ref", "year", "number", "total_number", "date", "publisher", "title", "kind", "subject")} == {
        "ref": "2023-09", "year": 2023, "number": 9, "total_number": 190, "date": "2023-08-03", "publisher": "联谊会", "title": "信息集锦",
        "kind": "简报", "subject": "【信息集锦】2023年第9期（总第190期）",
    }  # fmt: skip
    assert document["articles"] == [
        {
            "position": 1, "title": "标题", "column": "要闻", "column_line": "【要闻】", "source": "科技日报", "authors": ["王明"],
            "source_line": "（来源：科技日报 作者：王明）", "paragraphs": [{"kind": "heading", "text": "一、背景"}],
        }
    ]  # fmt: skip
    assert document["contents"] == [{"line": "★标题", "title": "标题", "column": None}]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("year", "2023"), ("number", True), ("total_number", 1.5), ("date", 20230803), ("articles", None), ("title", None),
        ("masthead", "简报"),
        ("contents", [["★标题"]]), ("colophon", [1]), ("articles", [{"position": 1}]),
        ("date", "2023-02-30"),
    ],
)  # fmt: skip
def test_a_value_of_another_type_is_refused(key: str, value: object) -> None:
    document = Issue("", "", "", 2023, 9, None, None, ()).to_json() | {key: value}
    with pytest.raises((TypeError, KeyError, ValueError)):
        Issue.from_json(document)
