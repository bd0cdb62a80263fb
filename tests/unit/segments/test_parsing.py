"""Expressions read, written again, and refused with a finger on the place."""

from __future__ import annotations

from contextlib import suppress
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from subscribers.errors import InputError
from subscribers.segments.expanding import understand
from subscribers.segments.parsing import DEEPEST, parse
from subscribers.segments.printing import print_expression
from subscribers.segments.tokens import LONGEST, SegmentError
from subscribers.segments.tree import And, Call, Comparison, DaysAgo, Expression, LastDays, Named, Not, Operator, Or
from subscribers.segments.words import with_saved
from tests.unit.segments.expressions import CALLS, VOCABULARY, comparisons, trees

_OWN = ("subscriber.fields.职称", "institute.fields.Job title", 'subscriber.fields."')
_TREES = trees(st.one_of(comparisons(VOCABULARY, _OWN), CALLS, st.just(Call("segment", (Named("西部"),)))))


def _province(*names: str) -> Comparison:
    return Comparison("institute.province", Operator.IN, names)


@given(_TREES)
@settings(max_examples=300)
def test_what_is_written_is_read_back_as_it_was(tree: Expression) -> None:
    written = print_expression(tree)
    assert parse(written, VOCABULARY) == tree
    assert print_expression(parse(written, VOCABULARY)) == written


@given(st.text(max_size=40) | st.text("()\"', =!<>andotirsubc.（），云", max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(SegmentError):
        assert parse(print_expression(parse(text, VOCABULARY)), VOCABULARY) == parse(text, VOCABULARY)


@pytest.mark.parametrize(
    ("expression", "tree"),
    [
        ("institute.province in (云南, 浙江)", _province("云南", "浙江")),
        ("institute.province in （云南、浙江）", _province("云南", "浙江")),
        ("institute.province in （云南；浙江）", _province("云南", "浙江")),
        ("institute.province ＝ “云 南”", Comparison("institute.province", Operator.EQUAL, ("云 南",))),
        ("institute.province not in (云南)", Not(_province("云南"))),
        ("institute.kind is not empty", Not(Comparison("institute.kind", Operator.EMPTY, ()))),
        ("subscriber.rank <= 2", Comparison("subscriber.rank", Operator.AT_MOST, (2,))),
        ("subscriber.needs_smtputf8 = no", Comparison("subscriber.needs_smtputf8", Operator.EQUAL, (False,))),
        ("institute.since < 2020-02-29", Comparison("institute.since", Operator.LESS, (date(2020, 2, 29),))),
        ("subscriber.since > 30 days ago", Comparison("subscriber.since", Operator.MORE, (DaysAgo(30),))),
        ('subscriber.fields."Job title" = x', Comparison("subscriber.fields.Job title", Operator.EQUAL, ("x",))),
        ("consent(members, last 90 days)", Call("consent", (Named("members"), LastDays(90)))),
        (
            "list(members) or list(press) and not suppressed()",
            Or(
                (
                    Call("list", (Named("members"),)),
                    And((Call("list", (Named("press"),)), Not(Call("suppressed", ())))),
                )
            ),
        ),
    ],
)
def test_what_an_expression_says(expression: str, tree: Expression) -> None:
    assert parse(expression, VOCABULARY) == tree


@pytest.mark.parametrize(
    ("expression", "column", "why", "allowed"),
    [
        ("", 1, "the end is no condition", "list(…)"),
        ("institute.provine = 云南", 1, "'institute.province' may be meant", "subscriber.address"),
        ("institute.province", 19, "the end is not asked of it", "=, !=, in, contains, not in, starts with"),
        ("institute.province like 云", 20, "holds a text", "contains"),
        ("institute.province in 云南", 23, "cannot stand here", "( and values"),
        ("institute.province in (云南 浙江)", 27, "cannot stand here", "a comma, )"),
        ("institute.province = and", 22, "'and' is a word of the language", "a text"),
        ("subscriber.role = chief", 19, "no value of subscriber.role", "director, office, research, other"),
        ("subscriber.rank contains 1", 17, "holds a whole number", "<="),
        ("subscriber.rank = first", 19, "no whole number", "a whole number from 0 to"),
        ("institute.since = 2023-02-30", 19, "no date", "a date like"),
        ("institute.since = 20230201", 19, "no date", "a date like"),
        ("list(pres)", 6, "'press' may be meant", "members, press"),
        ("list()", 6, "`list` needs a list", "members, press"),
        ("list(members, gone)", 15, "cannot stand here", "unconfirmed, confirmed, unsubscribed"),
        ("list(members, confirmed, now)", 26, "cannot stand here", "Allowed here: )"),
        ("consent(members, last 3)", 18, "`last 3` is not meant here", "last 90 days"),
        ("lists(members)", 1, "no question", "list, consent"),
        ("list(members) list(press)", 15, "cannot follow here", "and, or"),
        ("(list(members)", 15, "the end cannot stand here", "and, or, )"),
        ("list(members) and", 18, "the end is no condition", "not, ("),
        ('institute.city = "昆明', 18, "not closed", "Close it"),
        ("institute.city = 昆\x00明", 19, "control character", "Take it out"),
        ("list(members) ! list(press)", 15, "no sign of the language", "!="),
    ],
)
def test_a_fault_is_shown_where_it_is_with_what_would_be_allowed(expression: str, column: int, why: str, allowed: str) -> None:
    with pytest.raises(SegmentError) as caught:
        parse(expression, VOCABULARY)
    assert caught.value.column == column
    assert why in str(caught.value)
    assert allowed in str(caught.value)


def test_the_caret_stands_under_the_place_also_behind_chinese() -> None:
    with pytest.raises(SegmentError) as caught:
        parse("institute.province in (云南, 浙江) and list(press) and list(新闻)", VOCABULARY)
    _, expression, carets, _ = str(caught.value).split("\n")
    wide = sum(2 if ord(sign) > 0x2E80 else 1 for sign in expression[: expression.index("新")])
    assert carets == " " * wide + "^^^^"


def test_of_a_long_expression_the_part_around_the_place_is_shown() -> None:
    with pytest.raises(SegmentError) as caught:
        parse("list(press) and " * 40 + "list(nobody)" + " and list(press)" * 40, VOCABULARY)
    _, shown, carets, _ = str(caught.value).split("\n")
    assert len(shown) < 80
    assert shown[carets.index("^") : carets.rindex("^") + 1] == "nobody"


@pytest.mark.parametrize("nested", ["(" * 60 + "list(press)" + ")" * 60, "not " * 60 + "list(press)"])
def test_what_is_nested_too_deeply_is_refused(nested: str) -> None:
    with pytest.raises(SegmentError, match=f"{DEEPEST} brackets"):
        parse(nested, VOCABULARY)


def test_what_is_too_long_is_refused() -> None:
    with pytest.raises(InputError, match=f"{LONGEST} are the most"):
        parse("x" * (LONGEST + 1), VOCABULARY)


def test_what_saved_segments_come_to_is_not_too_long_to_be_read_again() -> None:
    named = "subscriber.address in (" + ", ".join(f"office{number}@institute.example.org" for number in range(120)) + ")"
    saved = with_saved(VOCABULARY, dict.fromkeys(("a", "b"), named))
    tree = understand("segment(a) or segment(b)", saved)
    assert understand(print_expression(tree), saved) == tree


def test_a_saved_segment_stands_for_what_it_says() -> None:
    west = with_saved(VOCABULARY, {"西部": "institute.province in (云南, 四川)", "w": "segment(西部) and not list(press)"})
    assert print_expression(understand("list(members) or segment(w)", west)) == (
        "list(members) or institute.province in (云南, 四川) and not list(press)"
    )


def test_segments_that_are_made_of_each_other_are_refused() -> None:
    circle = with_saved(VOCABULARY, {"a": "segment(b) or list(press)", "b": "not segment(c)", "c": "segment(a)"})
    with pytest.raises(InputError, match="a → b → c → a"):
        understand("segment(a)", circle)


def test_saved_segments_cannot_grow_without_bound() -> None:
    saved = {"s0": "list(press) and list(members)"} | {
        f"s{n}": f"segment(s{n - 1}) and segment(s{n - 1})" for n in range(1, 30)
    }
    with pytest.raises(InputError, match="500 are the most"):
        understand("segment(s29)", with_saved(VOCABULARY, saved))


def test_a_fault_in_a_saved_segment_names_it() -> None:
    with pytest.raises(InputError, match="in the saved segment 'a', column 6"):
        understand("segment(a)", with_saved(VOCABULARY, {"a": "list(gone)"}))
