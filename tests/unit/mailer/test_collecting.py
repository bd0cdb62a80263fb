"""What comes next in a series, how articles are ordered, and how a correction is said."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.collecting import Numbers, added, corrected, moved, next_numbers, removed
from mailer.issue import Article, ContentsEntry, Issue

TODAY = date(2026, 11, 27)
EMPTY = Issue("联谊会", "信息集锦", "简报", 2026, 12, None, None, articles=())


@pytest.mark.parametrize(
    ("dates", "following"),
    [
        ([], "2026-11-27"),
        (["2026-11-20"], "2026-11-27"),
        (["2026-10-20", "2026-11-20"], "2026-12-20"),
        (["2026-11-30", "2026-12-30"], "2027-01-30"),
        (["2026-12-31", "2027-01-31"], "2027-02-28"),
        (["2026-11-13", "2026-11-20"], "2026-11-27"),
        (["2020-01-01", "2020-02-01"], "2026-11-27"),
    ],
)
def test_the_next_date_is_as_far_from_the_last_as_that_from_the_one_before(dates: list[str], following: str) -> None:
    past = [Numbers(2026, index, None, date.fromisoformat(day)) for index, day in enumerate(dates, 1)]
    assert next_numbers(past, TODAY).date == date.fromisoformat(following)


def test_numbers_begin_anew_with_the_year_and_total_numbers_do_not() -> None:
    past = [Numbers(2026, 11, 228, date(2026, 11, 20)), Numbers(2026, 12, 229, date(2026, 12, 20))]
    assert next_numbers(past, TODAY) == Numbers(2027, 1, 230, date(2027, 1, 20))
    assert next_numbers(past, TODAY, date(2026, 12, 31)) == Numbers(2026, 13, 230, date(2026, 12, 31))


COLUMNS = st.sampled_from([None, "要闻", "动态"])


@given(st.lists(COLUMNS, min_size=1, max_size=8), st.data())
def test_no_article_is_lost_by_moving_and_every_column_is_headed_once_where_it_begins(
    columns: list[str | None], data: st.DataObject
) -> None:
    issue = EMPTY
    for number, column in enumerate(columns):
        heading = f"【{column}】" if column and column not in columns[:number] else None
        issue = added(issue, Article(0, f"第{number}篇", (), column=column, column_line=heading))
    places = st.integers(1, len(columns))
    position, to = data.draw(places), data.draw(places)
    after = moved(issue, position, to)
    assert after.articles[to - 1].title == issue.articles[position - 1].title
    assert sorted(article.title for article in after.articles) == sorted(article.title for article in issue.articles)
    assert [article.position for article in after.articles] == list(range(1, len(columns) + 1))
    before = [None, *(article.column for article in after.articles)]
    for article, above in zip(after.articles, before, strict=False):
        begins = article.column is not None and article.column != above
        assert article.column_line == (f"【{article.column}】" if begins else None)
    less, taken = removed(after, to)
    assert taken.title not in [article.title for article in less.articles]


def test_printed_contents_give_way_to_those_made_of_the_headlines() -> None:
    printed = replace(EMPTY, contents=(ContentsEntry("★ 甲", "甲"),), contents_headings=("本期目录",))
    assert added(printed, Article(1, "乙", ())).contents == ()


def test_corrections_are_said_once_each_at_the_top_and_in_printed_contents() -> None:
    sent = replace(added(EMPTY, Article(1, "甲", ())), contents=(ContentsEntry("★ 甲", "甲"),))
    once = corrected(sent, added(EMPTY, Article(1, "甲二", ())), "“甲”应为“甲二”。")
    assert [(article.position, article.title) for article in once.articles] == [(1, "更正"), (2, "甲二")]
    twice = corrected(once, sent, "仍为“甲”。")
    assert [block.text for block in twice.articles[0].blocks] == ["“甲”应为“甲二”。", "仍为“甲”。"]
    assert [entry.title for entry in twice.contents] == ["更正", "甲"]
    assert corrected(twice, twice, "仍为“甲”。") == twice
