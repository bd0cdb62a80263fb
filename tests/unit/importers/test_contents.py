"""Contents of every build, and what is said where they and the text do not agree."""

from __future__ import annotations

import pytest

from mailer.block import BlockKind
from mailer.importers.entries import announced
from mailer.importers.layout import _parts
from mailer.importers.lines import Line
from mailer.importers.markers import marker_of
from mailer.importers.reading import Reading
from mailer.importers.text import read_text_issue

MASTHEAD = "东江省科研院所协会\n信息集锦\n简报\n2023年第9期（总第190期）\n2023年8月3日\n\n"
FIRST, SECOND, THIRD = "院所联合攻关取得新突破", "科技金融服务体系将加快完善", "成都出台推动科技成果转化28条"
SOURCE = "（来源：科技日报）\n\n"
TEXT = "近日，有关单位召开会议，研究部署下一阶段工作。\n\n会议强调，要加强协同，务求实效。\n\n"
ARTICLES = "".join(f"{title}\n\n{SOURCE}{TEXT}" for title in (FIRST, SECOND, THIRD))


def read(contents: str, articles: str = ARTICLES) -> Reading:
    return read_text_issue((MASTHEAD + contents + "\n\n" + articles).encode(), "a.txt")


def titles(reading: Reading) -> list[str]:
    return [article.title for article in reading.issue.articles]


@pytest.mark.parametrize(
    "heading",
    [
        "【本期目录】",
        "目录",
        "目 录",
        "目　　录",
        "本期导读",
        "要目：",
        "【本期要目】",
        "CONTENTS",
        "目录 CONTENTS",
        "■ 目 次 ■",
    ],
)
def test_every_usual_heading_opens_the_contents(heading: str) -> None:
    reading = read(f"{heading}\n\n★{FIRST}\n★{SECOND}\n★{THIRD}")
    assert reading.issue.contents_headings == (heading,)
    assert [entry.title for entry in reading.issue.contents] == [FIRST, SECOND, THIRD] == titles(reading)
    assert reading.warnings == ()


@pytest.mark.parametrize(
    "entries",
    [
        "★{0}\n★{1}\n★{2}", "☆ {0}\n☆ {1}\n☆ {2}", "- ★{0}\n- ★{1}\n- ★{2}", "• {0}\n• {1}\n• {2}", "◆{0}\n◆{1}\n◆{2}",
        "- {0}\n- {1}\n- {2}",
        "* {0}\n* {1}\n* {2}", "1. {0}\n2. {1}\n3. {2}", "1、{0}\n2、{1}\n3、{2}", "1．{0}\n2．{1}\n3．{2}", "（1）{0}\n（2）{1}\n（3）{2}",
        "一、{0}\n二、{1}\n三、{2}", "（一）{0}\n（二）{1}\n（三）{2}", "①{0}\n②{1}\n③{2}", "1 {0}\n2 {1}\n3 {2}",
        "{0}\n{1}\n{2}", "{0}\n\n{1}\n\n{2}",
        "{0}………… 1\n{1}………… 3\n{2}………… 12", "{0}...... 1\n{1}...... 3\n{2}...... 12", "{0} · · · · 1\n{1} · · · · 3\n{2} · · · · 12",
        "{0}（1）\n{1}（3）\n{2}（12）", "{0}\t1\n{1}\t3\n{2}\t12", "{0}    1\n{1}    3\n{2}    12", "1. {0} P1\n2. {1} P3\n3. {2} P12",
        "{0}……王明 / 1\n{1}……李 刚 / 3\n{2}……科研处 / 12", "{0} 1\n{1} 3\n{2} 12",
        "P1 {0}\nP3 {1}\nP12 {2}", "1. {0}（协会秘书处）\n2. {1}（科技日报）\n3. {2}（成都日报）",
    ],
)  # fmt: skip
def test_every_usual_entry_announces_its_article(entries: str) -> None:
    lines = entries.format(FIRST, SECOND, THIRD)
    reading = read("目录\n" + lines)
    assert [entry.title for entry in reading.issue.contents] == [FIRST, SECOND, THIRD] == titles(reading)
    assert [entry.line for entry in reading.issue.contents] == lines.replace("\n\n", "\n").split("\n")
    assert reading.warnings == ()


@pytest.mark.parametrize(
    "columns",
    [("【政策动态】", "【院所风采】"), ("〖政策动态〗", "〖院所风采〗"), ("政策动态：", "院所风采："), ("◎政策动态", "◎院所风采"),
     ("一、政策动态", "二、院所风采"),
     ("政策动态", "院所风采")],
)  # fmt: skip
@pytest.mark.parametrize("entry", ["★{}", "1. {}", "{}"])
def test_entries_stand_in_the_columns_above_them(columns: tuple[str, str], entry: str) -> None:
    contents = "\n".join([columns[0], entry.format(FIRST), entry.format(SECOND), columns[1], entry.format(THIRD)])
    article = [f"{title}\n\n{SOURCE}{TEXT}" for title in (FIRST, SECOND, THIRD)]
    text = f"{columns[0]}\n\n{article[0]}{article[1]}{columns[1]}\n\n{article[2]}"
    reading = read("目录\n" + contents, text)
    assert titles(reading) == [FIRST, SECOND, THIRD]
    assert [entry.column for entry in reading.issue.contents] == ["政策动态", "政策动态", "院所风采"]
    assert [article.column for article in reading.issue.articles] == ["政策动态", "政策动态", "院所风采"]
    assert [article.column_line for article in reading.issue.articles] == [columns[0], None, columns[1]]


@pytest.mark.parametrize("entries", ["★{}\n  {}\n★{}", "1. {}\n   {}\n2. {}", "{}\n{}\n{}"])
def test_an_entry_on_two_lines_is_one(entries: str) -> None:
    reading = read("目录\n" + entries.format(FIRST[:7], FIRST[7:], SECOND), ARTICLES.split(THIRD)[0])
    assert [entry.title for entry in reading.issue.contents] == [FIRST, SECOND] == titles(reading)


@pytest.mark.parametrize(
    "headline",
    [
        "院所联合 攻关取得新突破",
        "院所联合攻关\n取得新突破",
        "院所联合攻关\n\n— 2 —\n\n取得新突破",
        "院所联合\n\n\f攻关取得\n新突破",
    ],
)
def test_a_headline_that_is_broken_is_found_and_put_together(headline: str) -> None:
    reading = read(f"目录\n★{FIRST}\n★{SECOND}\n★{THIRD}", ARTICLES.replace(FIRST, headline))
    assert titles(reading) == [FIRST, SECOND, THIRD]
    assert reading.warnings == ()


@pytest.mark.parametrize(
    ("announced", "printed"),
    [
        ("“八八战略”引领发展：浙江观察", "\"八八战略\"引领发展:浙江观察"),
        ("中国ＡＩ大会召开（二）", "中国AI大会召开(二)"),
        ("争当创新驱动发展先行军", "争当创新驱动发展先行军——记杭州高新区"),
    ],
)  # fmt: skip
def test_punctuation_width_and_subtitles_do_not_count(announced: str, printed: str) -> None:
    reading = read(f"目录\n★{announced}\n★{SECOND}", f"{printed}\n\n{SOURCE}{TEXT}{SECOND}\n\n{TEXT}")
    assert titles(reading) == [printed, SECOND]
    assert reading.warnings == ()


def test_a_headline_that_differs_a_little_is_found_with_a_warning() -> None:
    printed = "院所联合开展攻关取得新突破"
    reading = read(f"目录\n★{FIRST}\n★{SECOND}\n★{THIRD}", ARTICLES.replace(FIRST, printed))
    assert titles(reading) == [printed, SECOND, THIRD]
    assert reading.warnings == (
        f"a.txt:8: the contents print '{FIRST}', the headline in line 12 is '{printed}'. Correct one of the two.",
    )


def test_two_meetings_that_differ_in_their_number_are_two_articles() -> None:
    third, fourth = "协会第三次会员大会在昆明召开", "协会第四次会员大会在昆明召开"
    reading = read(f"目录\n★{third}\n★{SECOND}", f"{fourth}\n\n{SOURCE}{TEXT}{SECOND}\n\n{SOURCE}{TEXT}")
    assert titles(reading) == [fourth, SECOND]
    assert [warning.split(": ", 1)[1] for warning in reading.warnings] == [
        f"the contents announce '{third}', but no headline below says it. Correct one, or add the article.",
        f"the contents do not announce '{fourth}'. Add it to them.",
    ]


def test_an_announced_article_that_is_missing_is_named_and_its_entry_kept() -> None:
    reading = read(f"目录\n★{FIRST}\n★院士专家走进县域\n★{SECOND}\n★{THIRD}")
    assert titles(reading) == [FIRST, SECOND, THIRD]
    assert [entry.title for entry in reading.issue.contents] == [FIRST, "院士专家走进县域", SECOND, THIRD]
    assert reading.warnings == (
        "a.txt:9: the contents announce '院士专家走进县域', but no headline below says it. Correct one, or add the article.",
    )


def test_an_article_the_contents_lack_is_named() -> None:
    reading = read(f"目录\n★{FIRST}\n★{THIRD}")
    assert titles(reading) == [FIRST, SECOND, THIRD]
    assert [warning.split(": ", 1)[1] for warning in reading.warnings] == [
        f"the contents do not announce '{SECOND}'. Add it to them."
    ]


def test_what_the_contents_say_twice_is_named() -> None:
    reading = read(f"目录\n1. {FIRST}\n2. {SECOND}\n2. {THIRD}\n4. {FIRST}")
    assert titles(reading) == [FIRST, SECOND, THIRD]
    said = [warning.split(": ", 1)[1] for warning in reading.warnings]
    assert "the contents have the number 2 twice. Correct the contents." in said
    assert f"the contents have the title '{FIRST}' twice. Correct the contents." in said


def test_the_order_of_the_contents_need_not_be_that_of_the_text() -> None:
    assert titles(read(f"目录\n★{THIRD}\n★{FIRST}\n★{SECOND}")) == [FIRST, SECOND, THIRD]


def test_contents_that_no_heading_opens_are_known_by_what_comes_again() -> None:
    reading = read(f"★{FIRST}\n★{SECOND}\n★{THIRD}")
    assert [entry.title for entry in reading.issue.contents] == [FIRST, SECOND, THIRD] == titles(reading)
    assert reading.issue.contents_headings == ()


def test_page_numbers_on_lines_of_their_own_are_no_entries() -> None:
    reading = read(f"目录\n{FIRST}\n1\n{SECOND}\n3\n{THIRD}\n7")
    assert [entry.title for entry in reading.issue.contents] == [FIRST, SECOND, THIRD] == titles(reading)


def test_text_above_the_first_headline_is_kept_and_named() -> None:
    reading = read(f"目录\n★{FIRST}\n★{SECOND}\n★{THIRD}", "本期内容较多，请读者留意。\n\n" + ARTICLES)
    assert titles(reading) == [FIRST, SECOND, THIRD]
    assert any("本期内容较多，请读者留意。" in warning for warning in reading.warnings) or reading.issue.unplaced == ()


def test_a_short_entry_below_a_marked_column_is_no_column() -> None:
    reading = read(
        f"目录\n◆政策动态\n{FIRST}\n◆专家观点\n{SECOND}\n◆会员风采\n会员风采录", ARTICLES + f"会员风采录\n\n{SOURCE}{TEXT}"
    )
    assert [entry.title for entry in reading.issue.contents] == [FIRST, SECOND, "会员风采录"]


def test_headlines_may_be_numbered_in_two_digits() -> None:
    articles = "".join(f"{number:02} {title}\n\n{SOURCE}{TEXT}" for number, title in enumerate((FIRST, SECOND, THIRD), 1))
    reading = read(f"目录\n1. {FIRST}\n2. {SECOND}\n3. {THIRD}", articles)
    assert titles(reading) == [f"01 {FIRST}", f"02 {SECOND}", f"03 {THIRD}"]
    assert reading.warnings == ()


@pytest.mark.parametrize(
    "below", ["来源：科技日报\n\n编辑：周敏   审核：吴刚", "（来源：科技日报）\n\n责任编辑 | 周敏", "（编辑 周敏 审核 吴刚）"]
)
def test_without_contents_who_edited_an_article_is_no_headline(below: str) -> None:
    articles = "".join(f"{title}\n\n{TEXT}{below}\n\n" for title in (FIRST, SECOND, THIRD))
    reading = read("", articles)
    assert titles(reading) == [FIRST, SECOND, THIRD]
    assert [len(article.blocks) for article in reading.issue.articles[:2]] == [2, 2]


def test_without_contents_headlines_may_stand_in_brackets() -> None:
    reading = read("", "".join(f"【{title}】\n【来源：科技日报】\n\n{TEXT}\n\n" for title in (FIRST, SECOND, THIRD)))
    assert titles(reading) == [f"【{title}】" for title in (FIRST, SECOND, THIRD)]


def test_without_contents_the_line_below_a_column_is_a_headline_though_others_have_a_byline() -> None:
    first, second = (f"【{column}】\n\n{title}\n\n" for column, title in (("政策动态", FIRST), ("院所风采", SECOND)))
    text = "近日，有关单位召开会议，研究部署下一阶段工作。" * 4
    assert titles(read("", f"{first}张伟\n\n{text}\n\n{second}{text}\n\n{text}\n")) == [FIRST, SECOND]


@pytest.mark.parametrize("between", [" " * 600, "." * 600, ". " * 300])
def test_a_leader_that_is_longer_than_any_line_is_not_looked_for(between: str) -> None:
    line = f"{FIRST}{between}1"
    assert [title for _, title in announced([Line(1, 0, line)], 0, 1)] == [line]


def test_a_leader_with_words_behind_it_takes_no_longer_than_another() -> None:
    """These lines would take minutes where every dot may begin a leader that ends at every other."""
    lines = [Line(1, 0, f"{FIRST}{'.' * 90}学会办公室主任李某某同志")] * 500
    assert {title for index in range(500) for _, title in announced(lines, index, index + 1)} == {lines[0].text}


def test_a_line_may_begin_with_any_number_of_labels() -> None:
    assert "".join(part.text for part in _parts(Line(1, 0, "编者按：" * 2000 + "完"))) == "编者按：" * 2000 + "完"


def test_markers_are_looked_for_where_a_line_begins() -> None:
    assert marker_of("- " * 2000 + "★ 要闻") == marker_of("- " * 200 + "★ 要闻")


@pytest.mark.parametrize(("above", "between"), [("", "　　"), ("\n", "　　"), ("\n", "")])
def test_without_contents_wrapped_articles_are_told_apart_by_the_source_at_their_ends(above: str, between: str) -> None:
    lines = [
        "近日，有关单位召开会议，研究部署下一阶段工作，会议强调，",
        "要加强协同，务求实效，把各项任务落到实处，推动院所改革发",
        "展迈上新台阶。",
    ]
    text = f"{between}{lines[0]}\n{lines[1]}\n{lines[2]}\n" * 2
    articles = "".join(f"{above}{title}\n{text}（来源：科技日报）\n" for title in (FIRST, SECOND, THIRD))
    assert titles(read("", articles)) == [FIRST, SECOND, THIRD]


def test_what_has_no_width_ends_no_line() -> None:
    reading = read("", ARTICLES.replace("\n\n", "\u200b\n\n\ufeff").replace("。", "。\u200b"))
    assert titles(reading) == [FIRST, SECOND, THIRD]
    assert [len(article.blocks) for article in reading.issue.articles] == [2, 2, 2]


@pytest.mark.parametrize(("headline", "line"), [("短题", 17), (f"{FIRST}。", 17)])
def test_a_source_within_an_article_is_named_where_another_may_begin(headline: str, line: int) -> None:
    reading = read("", f"{FIRST}\n\n{TEXT}{headline}\n\n（来源：光明日报）\n\n{TEXT}")
    assert titles(reading) == [FIRST]
    (warning,) = reading.warnings
    assert warning.startswith(
        f"a.txt:{line}: '（来源：光明日报）' stands within the article '{FIRST}', as if another one ended or began there."
    )


def test_a_source_at_the_end_is_named_by_nobody() -> None:
    assert read("", f"{FIRST}\n\n{TEXT}（来源：光明日报）\n\n（本文有删节。）\n").warnings == ()


def test_contents_in_one_line_are_the_mastheads() -> None:
    line = f"本期要目：{FIRST}；{SECOND}"
    reading = read(f"{line}\n\n")
    assert titles(reading) == [FIRST, SECOND, THIRD]
    assert reading.issue.masthead[-1] == line
    assert reading.warnings == ()


def test_a_reporter_above_an_interview_is_no_sub_heading() -> None:
    (article,) = read(
        "", f"{FIRST}\n\n本刊记者 周敏\n\n记者：请介绍协会的工作。\n\n陈国梁：今年协会做了三件事。\n"
    ).issue.articles
    assert (article.source_line, article.authors, len(article.blocks)) == ("本刊记者 周敏", ("周敏",), 2)


def test_a_row_of_a_table_is_no_sub_heading() -> None:
    (article,) = read("", f"{FIRST}\n\n{TEXT}序号\t单位\n1\t西安院\n2\t兰州院\n\n注：单位为万元。\n").issue.articles
    assert {block.kind for block in article.blocks} == {BlockKind.PARAGRAPH}


@pytest.mark.parametrize("end", ["会议强调，要加强协同，务求实效。", "东江省科研院所协会\n2023年8月1日", "谢谢大家！"])
def test_without_contents_a_blank_line_tells_headlines_where_no_other_lines_have_one(end: str) -> None:
    said = "近日，有关单位召开会议，研究部署下一阶段工作，各单位负责人参加。"
    body = f"    {said}\n    {said}\n    {end}"
    articles = f"{FIRST}\n{SOURCE.strip()}\n{body}\n\n{SECOND}\n{body}\n\n{THIRD}\n{body}"
    assert titles(read("", articles)) == [FIRST, SECOND, THIRD]


@pytest.mark.parametrize("last", ["2023年8月1日", "谢谢大家！"])
def test_without_contents_what_an_article_ends_with_is_no_headline_though_a_word_like_a_name_stands_below(last: str) -> None:
    long = "".join(TEXT.split()) * 3
    text = f"{FIRST}\n\n{TEXT}{last}\n\n\n简讯\n\n{long}\n\n\n{SECOND}\n\n{SOURCE}{TEXT}"
    reading = read("", text)
    assert last not in titles(reading)
    assert "简讯" not in [article.source_line for article in reading.issue.articles]


def test_without_contents_a_headline_may_stand_below_the_date_that_ends_a_notice() -> None:
    text = f"{FIRST}\n\n{TEXT}东江省科研院所协会\n\n2023年8月1日\n\n\n{SECOND}\n\n{TEXT}"
    assert titles(read("", text)) == [FIRST, SECOND]
