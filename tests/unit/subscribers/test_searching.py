"""How near what was typed is to what was meant; and that asking for its pieces leaves out nobody who is near enough."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from rapidfuzz.distance import OSA

from subscribers.searching import abbreviates, distance, pieces_of, slips_allowed

_words = st.text(alphabet="abc云南省", min_size=1, max_size=14)


@st.composite
def _mistyped(draw: st.DrawFn) -> tuple[str, str]:
    """A word, and what became of it by as many slips as are allowed in what was typed."""
    word = typed = draw(_words)
    for _ in range(slips_allowed(word)):
        place = draw(st.integers(0, len(typed)))
        match draw(st.sampled_from(["drop", "add", "change", "swap"])):
            case "drop":
                typed = typed[:place] + typed[place + 1 :]
            case "add":
                typed = typed[:place] + draw(st.sampled_from("abc云南省")) + typed[place:]
            case "change":
                typed = typed[:place] + draw(st.sampled_from("abc云南省")) + typed[place + 1 :]
            case _:
                typed = typed[:place] + typed[place + 1 : place + 2] + typed[place : place + 1] + typed[place + 2 :]
    return word, typed


@given(_mistyped())
def test_whoever_is_near_enough_has_a_piece_of_what_was_typed(pair: tuple[str, str]) -> None:
    word, typed = pair
    if typed and OSA.distance(typed, word) <= slips_allowed(typed):
        assert any(piece in word for piece in pieces_of(typed))


@given(_words)
def test_the_pieces_are_the_whole(word: str) -> None:
    assert "".join(pieces_of(word)) == word
    assert all(pieces_of(word))


def test_the_word_itself_is_nearer_than_its_beginning_and_that_than_a_slip() -> None:
    found = [distance("wang", [word]) for word in ("wang", "wangfang", "xwang", "wagn")]
    assert found == sorted(found)
    assert len(set(found)) == 4


def test_a_chinese_short_form_is_known_by_its_order_and_its_first_sign() -> None:
    assert abbreviates("云南农科院", "云南省农业科学院")
    assert not abbreviates("农科院", "云南省农业科学院")
    assert not abbreviates("云院农", "云南省农业科学院")
