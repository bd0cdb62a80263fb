"""A vocabulary without a database behind it, and random trees that speak it."""

from __future__ import annotations

from datetime import date

from hypothesis import strategies as st

from subscribers.segments import words
from subscribers.segments.tree import (
    And,
    Argument,
    Before,
    Call,
    Comparison,
    DaysAgo,
    Expression,
    LastDays,
    Named,
    Not,
    Operator,
    Or,
    Since,
    Value,
)
from subscribers.segments.vocabulary import FieldKind, Vocabulary

VOCABULARY = words.vocabulary(["members", "press"], {"西部": "institute.province in (云南, 四川)"})
# Everything but control characters and lone surrogates, with the signs of the language and its words made likely.
TEXTS = st.one_of(
    st.sampled_from(
        ["云南", "浙江", "and", "not", "last", "", "a b", '"', "\\", "，", "（x）", "%", "_", "2023", "50%_\\", "'; --"]
    ),
    st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=6),
)
DAYS = st.dates(date(2000, 1, 1), date(2030, 12, 31))


def values(vocabulary: Vocabulary, name: str, texts: st.SearchStrategy[str] = TEXTS) -> st.SearchStrategy[Value]:
    """Values that may stand beside a field."""
    field = vocabulary.field(name)
    assert field is not None
    match field.kind:
        case FieldKind.TEXT:
            return texts
        case FieldKind.CHOICE:
            return st.sampled_from(field.choices)
        case FieldKind.FLAG:
            return st.booleans()
        case FieldKind.NUMBER:
            return st.one_of(st.integers(0, 4), st.integers(0, 10**9))
        case FieldKind.DATE:
            return st.one_of(DAYS, st.builds(DaysAgo, st.integers(0, 400)))


@st.composite
def comparisons(
    draw: st.DrawFn, vocabulary: Vocabulary, own: tuple[str, ...], texts: st.SearchStrategy[str] = TEXTS
) -> Comparison:
    """A field and what may be asked of it."""
    name = draw(st.sampled_from([*vocabulary.fields, *own]))
    field = vocabulary.field(name)
    assert field is not None
    operator = draw(st.sampled_from(field.kind.operators))
    sizes = {Operator.EMPTY: (0, 0), Operator.IN: (1, 3)}
    least, most = sizes.get(operator, (1, 1))
    given = draw(st.lists(values(vocabulary, name, texts), min_size=least, max_size=most))
    return Comparison(name, operator, tuple(given))


_TIMES: st.SearchStrategy[Argument] = st.one_of(
    st.builds(LastDays, st.integers(0, 400)), st.builds(Since, DAYS), st.builds(Before, DAYS)
)
CALLS = st.one_of(
    st.sampled_from(["members", "press"]).flatmap(
        lambda slug: st.one_of(
            st.just(Call("list", (Named(slug),))),
            st.sampled_from(["unconfirmed", "confirmed", "unsubscribed"]).map(lambda s: Call("list", (Named(slug), Named(s)))),
            st.just(Call("consent", (Named(slug),))),
            _TIMES.map(lambda time: Call("consent", (Named(slug), time))),
        )
    ),
    st.just(Call("suppressed", ())),
    st.sampled_from(["staff", "complaint"]).map(lambda reason: Call("suppressed", (Named(reason),))),
)


def trees(leaves: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    """Trees of a few leaves."""

    def combined(parts: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
        several = st.lists(parts, min_size=2, max_size=3).map(tuple)
        return st.one_of(st.builds(Not, parts), st.builds(And, several), st.builds(Or, several))

    return st.recursive(leaves, combined, max_leaves=6)
