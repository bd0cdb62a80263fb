"""Mastheads in every usual form, and the ones that are not enough."""

from __future__ import annotations

from datetime import date

import pytest

from mailer.importers import organisations
from mailer.importers.dates import find_date
from mailer.importers.lines import split_lines
from mailer.importers.masthead import Masthead, masthead_length, read_masthead
from mailer.importers.numbering import find_number
from mailer.importers.text import read_text_issue
from mailer.issue import Issue
from mailer.manuscript import read_manuscript, write_manuscript
from subscribers.errors import InputError

ARTICLE = "\n\n院所联合攻关取得突破\n\n（来源：科技日报）\n\n近日，院所联合攻关取得突破。\n"


def read(text: str) -> Masthead:
    return read_masthead(split_lines(text), [], "a.txt")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("2023年第9期（总第190期）", (2023, 9, 190)),
        ("2023 年第 9 期（总第 190 期）", (2023, 9, 190)),
        ("２０２３年第９期", (2023, 9, None)),
        ("二〇二三年第九期（总第一百九十期）", (2023, 9, 190)),
        ("二○二三年第十二期", (2023, 12, None)),
        ("2023年 第9期 (总190期)", (2023, 9, 190)),
        ("第9期（总第190期） 2023年8月3日", (2023, 9, 190)),
        ("（2023年第9期 总第190期）", (2023, 9, 190)),
        ("[2023] 9号", (2023, 9, None)),
        ("〔2023〕第9期", (2023, 9, None)),
        ("（2023）第9期", (2023, 9, None)),
        ("2023年第9号", (2023, 9, None)),
        ("2023年9期", (2023, 9, None)),
        ("2023年第9辑", (2023, 9, None)),
        ("总第190期 2023年第9期", (2023, 9, 190)),
        ("2023年8月号", (2023, 8, None)),
        ("No. 9, 2023年", (2023, 9, None)),
        ("2023年度第9期 累计第190期", (2023, 9, 190)),
        ("第1卷第9期 2023年", (2023, 9, None)),
        ("第 1 9 0 期 2023年", (2023, 190, None)),
        ("总第190期 2023年8月3日", (2023, 190, 190)),
        ("2023年第9-10期", (2023, 9, None)),
        ("2023年第九、十期合刊", (2023, 9, None)),
        ("2023年第9-10期合刊（总第190～191期）", (2023, 9, 190)),
        ("总第190、191期 2023年第9期、第10期", (2023, 9, 190)),
        ("总第190期、第9期 2023年", (2023, 9, 190)),
        ("总第190期/2023年第9期", (2023, 9, 190)),
        ("2023年第9期 总期号：190", (2023, 9, 190)),
        ("No.9, 2023年 (Total No.190)", (2023, 9, 190)),
        ("(2023)9", (2023, 9, None)),
        ("2023-09（总第190期）", (2023, 9, 190)),
    ],
)
def test_the_number_is_read(line: str, expected: tuple[int, int, int | None]) -> None:
    masthead = read(f"信息集锦\n{line}\n")
    assert (masthead.year, masthead.number, masthead.total_number) == expected


@pytest.mark.parametrize(
    "printed",
    [
        "2023年8月3日", "2023 年 8 月 3 日", "２０２３年８月３日", "二〇二三年八月三日", "二○二三年八月三日", "2023-08-03", "2023/8/3",
        "2023.8.3", "2023．08．03", "8月3日", "2023年8月3日 星期四", "出版日期：2023年8月3日",
        "3 August 2023", "August 3, 2023", "Aug. 3rd, 2023", "AUG 3 2023", "Thursday, 3rd of August, 2023",
    ],
)  # fmt: skip
def test_the_date_is_read(printed: str) -> None:
    assert read(f"信息集锦\n2023年第9期\n{printed}\n").date == date(2023, 8, 3)
    assert read(f"{printed}\n信息集锦\n2023年第9期\n").date == date(2023, 8, 3)


def test_the_year_may_stand_in_the_date_alone() -> None:
    masthead = read("信息集锦\n第9期\n二〇二三年八月三日\n")
    assert (masthead.year, masthead.number, masthead.date) == (2023, 9, date(2023, 8, 3))


def test_the_number_may_be_of_another_year_than_the_date() -> None:
    masthead = read("信息集锦\n2023年第12期\n2024年1月5日\n")
    assert (masthead.year, masthead.number, masthead.date) == (2023, 12, date(2024, 1, 5))


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("中国科学技术院所联谊会\n信息集锦\n简报", ("中国科学技术院所联谊会", "信息集锦", "简报")),
        ("简报\n信息集锦\n中国科学技术院所联谊会", ("中国科学技术院所联谊会", "信息集锦", "简报")),
        ("信息集锦 简报\n主办：中国科学技术院所联谊会", ("中国科学技术院所联谊会", "信息集锦", "简报")),
        ("《科研动态》\n东江省农业科学院办公室编", ("东江省农业科学院办公室", "科研动态", "动态")),
        ("科 技 工 作 简 报\n主办单位：东江省科学技术协会", ("东江省科学技术协会", "科技工作简报", "工作简报")),
        ("简　　报\n东江省科学技术协会", ("东江省科学技术协会", "简报", "简报")),
        ("东江省科学技术协会工作通讯", ("东江省科学技术协会", "东江省科学技术协会工作通讯", "工作通讯")),
        ("《信息集锦》简报\n编印单位：东江省科学技术协会", ("东江省科学技术协会", "信息集锦", "简报")),
        ("院所之窗\n主管：东江省科学技术厅\n主办：东江省科研院所协会", ("东江省科研院所协会", "院所之窗", "")),
        ("内部资料 注意保存\n舆情专报\n责任编辑：王明\n东江省社会科学院", ("东江省社会科学院", "舆情专报", "专报")),
        ("东江省社会科学院\n决策内参\n秘书处编", ("东江省社会科学院", "决策内参", "内参")),
        ("Association of Research Institutes\nNewsletter", ("Association of Research Institutes", "Newsletter", "")),
        ("China Academy of Labs\n信息集锦\n简报\n东江省科学院", ("东江省科学院", "信息集锦", "简报")),
        ("Institute News", ("", "Institute News", "")),
        ("NEWSLETTER\n生物医药月报\n中部生物医药产业促进会", ("中部生物医药产业促进会", "生物医药月报", "月报")),
    ],
)
def test_publisher_title_and_kind_are_told_apart(lines: str, expected: tuple[str, str, str]) -> None:
    names = read(f"{lines}\n2023年第9期\n2023年8月3日\n").names
    assert (names.publisher, names.title, names.kind) == expected


def test_a_line_without_end_is_looked_at_no_further_than_a_name_is_long(monkeypatch: pytest.MonkeyPatch) -> None:
    looked_at: list[int] = []
    known = organisations.is_organisation

    def is_organisation(text: str) -> bool:
        looked_at.append(len(text))
        return known(text)

    monkeypatch.setattr(organisations, "is_organisation", is_organisation)
    longest = "云" * 40 + "区" + "农" * 6 + "局"
    assert organisations.leading_organisation(longest + "简报" * 1000) == longest
    assert max(looked_at) == len(longest)


def test_without_contents_the_masthead_ends_where_the_first_headline_stands() -> None:
    lines = split_lines("信息集锦\n简报\n2023年第9期\n2023年8月3日\n东江省科学院编" + ARTICLE)
    assert lines[masthead_length(lines)].text == "院所联合攻关取得突破"


@pytest.mark.parametrize(
    "below",
    [
        "2023年8月3日", "出版日期：2023年8月3日", "日期：2023年8月3日", "2023年8月3日出版", "2023年8月3日印发", "[2023年8月3日]", "2023.8.3 Thu",
        "二〇二三年八月三日  癸卯年六月十七", "编发时间：2023年8月3日\n东江省科学院编", "发布日期：2023-08-03\n网址：http://www.example.org",
        "2023年8月\n2023年8月3日",
    ],
)  # fmt: skip
def test_a_date_in_any_words_is_the_mastheads_and_no_headline(below: str) -> None:
    reading = read_text_issue(f"东江省科学院\n信息集锦\n简报\n2023年第9期\n{below}{ARTICLE}".encode(), "a.txt")
    assert reading.issue.date == date(2023, 8, 3)
    assert [article.title for article in reading.issue.articles] == ["院所联合攻关取得突破"]
    assert reading.warnings == ()


@pytest.mark.parametrize("headline", ["2023年8月3日会议召开", "2023年8月3日会议召开\n一、会议概况"])
def test_a_headline_may_begin_with_a_date(headline: str) -> None:
    text = f"东江省科学院\n信息集锦\n简报\n2023年第9期\n\n{headline}\n\n会议讨论了协会的工作，代表们作了发言。\n"
    assert [article.title for article in read_text_issue(text.encode(), "a.txt").issue.articles] == ["2023年8月3日会议召开"]


def test_a_column_named_like_a_kind_of_bulletin_is_no_masthead() -> None:
    text = f"东江省科学院\n信息集锦\n简报\n2023年第9期\n2023年8月3日\n\n【院所动态】{ARTICLE}"
    (article,) = read_text_issue(text.encode(), "a.txt").issue.articles
    assert article.column == "院所动态"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("今天天气很好。\n明天也是。\n", r"a\.txt:1: the masthead has no issue number\. Write it .* 2023年第9期"),
        (
            "信息集锦\n简报\n2023年8月3日\n【本期目录】\n★院所联合攻关取得突破" + ARTICLE,
            r"a\.txt:1: the masthead has no issue number",
        ),
        ("\n\n信息集锦\n第9期" + ARTICLE, r"a\.txt:4: the masthead has the number 9, but no year\."),
        (
            "信息集锦\n2023年第9期\n2023年2月30日" + ARTICLE,
            r"a\.txt:3: no calendar has the date in '2023年2月30日'\. Correct the date\.",
        ),
        ("信息集锦\n2023年第9期\n2023年8月3日\n", r"a\.txt:3: no article was found below the masthead\. Put each headline "),
        ("【本期目录】\n★院所联合攻关取得突破" + ARTICLE, r"a\.txt:1: the masthead has no issue number"),
    ],
)
def test_what_is_missing_is_named_with_its_line_and_the_cure(text: str, message: str) -> None:
    with pytest.raises(InputError, match=f"^{message}"):
        read_text_issue(text.encode(), "a.txt")


def test_publisher_and_date_may_stand_in_the_colophon() -> None:
    text = "信息快报\n2023年第9期" + ARTICLE + "\n报送：省政府办公厅\n东江省科学院办公室    2023年8月3日印发\n"
    issue = read_text_issue(text.encode(), "a.txt").issue
    assert (issue.publisher, issue.date) == ("东江省科学院办公室", date(2023, 8, 3))
    assert issue.colophon == ("报送：省政府办公厅", "东江省科学院办公室    2023年8月3日印发")


def test_a_masthead_that_leaves_something_out_is_read_with_a_warning() -> None:
    warnings = read_text_issue(("信息快报\n2023年第9期" + ARTICLE).encode(), "a.txt").warnings
    assert [warning.split(": ", 1)[1].split(",")[0].split(".")[0] for warning in warnings] == [
        "the masthead names no publisher",
        "the masthead has no date with a day",
    ]


@pytest.mark.parametrize("line", ["一" * 5000, "1" * 5000, "第" + "9" * 5000 + "期", "2023年" * 5000])
def test_a_line_that_is_no_line_has_neither_number_nor_date(line: str) -> None:
    assert find_number(line).number is None
    assert find_date(line) is None
    text = f"东江省科学院\n信息集锦\n简报\n2023年第9期\n{line}\n2023年8月3日\n目录\n★院所联合攻关取得突破{ARTICLE}"
    assert read_text_issue(text.encode(), "a.txt").issue.number == 9


def test_traditional_characters_are_read_and_kept() -> None:
    text = (
        "西北地區科研院所協會\n科技信息\n簡報\n二〇二四年第九期（總第一二八期）\n二〇二四年九月二十號\n\n目錄\n1. 協會召開大會表彰先進\n2. 兩部門啟動試點\n\n"
        "協會召開大會表彰先進\n\n（來源：協會秘書處）\n\n近日，協會召開會議。\n\n兩部門啟動試點\n\n（來源：科技日報）\n\n近日，兩部門印發通知。\n"
    )
    reading = read_text_issue(text.encode(), "a.txt")
    issue = reading.issue
    assert (issue.publisher, issue.title, issue.kind) == ("西北地區科研院所協會", "科技信息", "簡報")
    assert (issue.year, issue.number, issue.total_number, issue.date) == (2024, 9, 128, date(2024, 9, 20))
    assert issue.contents_headings == ("目錄",)
    assert [(article.title, article.source, article.column) for article in issue.articles] == [
        ("協會召開大會表彰先進", "協會秘書處", None),
        ("兩部門啟動試點", "科技日報", None),
    ]
    assert reading.warnings == ()


def test_a_total_number_alone_is_taken_for_the_number_and_told() -> None:
    reading = read_text_issue(f"东江省科学院\n信息集锦\n（总第190期）\n2023年8月3日{ARTICLE}".encode(), "a.txt")
    assert (reading.issue.number, reading.issue.total_number) == (190, 190)
    assert "a.txt:1: the masthead has the total number 190 alone" in reading.warnings[0]
    both = read_text_issue(f"东江省科学院\n信息集锦\n第1期（总第1期）\n2023年8月3日{ARTICLE}".encode(), "a.txt")
    assert both.warnings == ()


@pytest.mark.parametrize(
    ("line", "is_told"),
    [
        *(("会议由联谊会秘书长主持，来自七个省市的代表参加了会议并交流了经验。", True), ("（来源：科技日报）", True)),
        *(("“秉中持正、求新博闻。”", False), ("内部资料，请勿外传，仅供各会员单位参考，未经许可不得转载。", False)),
    ],
)
def test_text_in_a_masthead_is_told_because_no_article_shows_it(line: str, is_told: bool) -> None:
    contents = "\n\n目录\n1. 院所联合攻关取得突破"
    reading = read_text_issue(f"东江省科学院\n信息集锦\n2023年第9期\n{line}\n2023年8月3日{contents}{ARTICLE}".encode(), "a.txt")
    assert line in reading.issue.masthead
    assert [said for said in reading.warnings if "and in no article" in said] == (
        [f"a.txt:4: {line!r} stands in the masthead, and in no article. Move it below a headline."] if is_told else []
    )


def test_the_rows_of_a_table_keep_their_numbers_and_pages_lose_theirs() -> None:
    head, text = (
        "东江省科学院\n信息集锦\n2023年第9期\n2023年8月3日",
        "会议由联谊会秘书长主持，来自七个省市的代表参加了会议并交流了经验。",
    )
    rows = "\n\n1\n甲研究院\n2\n乙研究所\n3\n丙大学\n\n"
    reading = read_text_issue(f"{head}{ARTICLE}{text}{rows}{text}\n\n4\n\n{text * 3}\n\n5\n\n{text}".encode(), "a.txt")
    assert reading.issue.furniture == ("4", "5")
    said = [block.text for block in reading.issue.articles[0].blocks]
    assert said[said.index("1") :][:6] == ["1", "甲研究院", "2", "乙研究所", "3", "丙大学"]


@pytest.mark.parametrize("line", ["Vol. 12, No. 9, August 2023", "No. 9 | Aug. 2023", "Issue 9, August 2023"])
def test_an_english_masthead_may_have_its_year_behind_a_month(line: str) -> None:
    masthead = read(f"Newsletter\n{line}\n")
    assert (masthead.year, masthead.number, masthead.date) == (2023, 9, None)


@pytest.mark.parametrize("text", ["In may 2000 people came", "On March 10, 2000 copies were printed", "we march 2000 miles"])
def test_a_count_behind_the_word_for_a_month_is_no_date(text: str) -> None:
    assert find_date(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "May 2023 issue",
        "MAY 2023",
        "Sent on 3 May 2023 from Beijing",
        "may be read from June 2023",
        "Published August 3, 2023 by the Secretariat",
    ],
)
def test_and_these_are_dates(text: str) -> None:
    assert find_date(text) is not None


@pytest.mark.parametrize(
    ("line", "numbers", "totals"),
    [
        ("2023年第9-10期（总第190-191期）", "9-10", "190-191"),
        ("2023年第九、十期合刊", "9-10", None),
        ("2023年第9/10期（总第190期）", "9-10", "190"),
        ("2023年第7、8、9期合刊 总第188～190期", "7-9", "188-190"),
        ("2023年第9期、第10期 总第190、191期", "9-10", "190-191"),
        ("总第190-191期 2023年8月3日", "190-191", "190-191"),
        ("2023年第10-9期", "10", None),
        ("2023年第9期（总第190期）", "9", "190"),
    ],
)
def test_a_double_number_is_taken_as_it_is(line: str, numbers: str, totals: str | None) -> None:
    reading = read_text_issue(f"东江省科学院\n信息集锦\n简报\n{line}\n2023年8月3日{ARTICLE}".encode(), "a.txt")
    issue = reading.issue
    assert (issue.numbers, issue.total_numbers) == (numbers, totals)
    assert issue.subject == f"【信息集锦】2023年第{numbers}期" + (f"（总第{totals}期）" if totals else "")
    assert Issue.from_json(issue.to_json()) == issue
    assert read_manuscript(write_manuscript(issue), "a.md") == issue
    assert not any("number" in warning for warning in reading.warnings if "total" not in warning)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("2023年第12期—2024年第1期合刊", True),
        ("2023年第12期、2024年第1期", True),
        ("2023年第9期（总第190期）", False),
        ("第1卷第9期 2023年", False),
        ("2023年第9-10期（总第190-191期）", False),
    ],
)
def test_a_number_across_years_is_told(line: str, told: bool) -> None:
    text = f"东江省科学院\n信息集锦\n简报\n{line}\n2023年8月3日{ARTICLE}"
    warnings = " ".join(read_text_issue(text.encode(), "a.txt").warnings)
    assert ("has two numbers, of which 12 of 2023 is taken" in warnings) is told
