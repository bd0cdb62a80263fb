import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.encoding.base64_form import Base64Form, Slot

WIDTHS = (32, 1, None, None)
VALUES = st.tuples(
    *[st.binary(min_size=width or 0, max_size=200 if width is None else width) for width in WIDTHS],
)
PIECES = st.lists(
    st.one_of(
        st.binary(max_size=4),
        st.sampled_from([b"%", b"%b", b"https://example.org/c/", b"." * 400, "各位同仁：".encode()]),
        st.sampled_from([Slot(index, width) for index, width in enumerate(WIDTHS)]),
    ),
    max_size=12,
)


def plainly_filled(pieces: list[bytes | Slot], values: tuple[bytes, ...]) -> bytes:
    return b"".join(values[piece.index] if isinstance(piece, Slot) else piece for piece in pieces)


@given(PIECES, VALUES)
def test_decoding_gives_exactly_the_text_with_its_slots_filled(pieces, values):
    lines = b"\r\n".join(Base64Form(pieces).fill(values)).split(b"\r\n")
    assert base64.b64decode(b"".join(lines), validate=True) == plainly_filled(pieces, values)


@given(PIECES, VALUES)
def test_no_line_is_longer_than_76_characters_or_breaks_a_group(pieces, values):
    lines = b"\r\n".join(Base64Form(pieces).fill(values)).split(b"\r\n")
    assert all(len(line) <= 76 and len(line) % 4 == 0 for line in lines)
    assert not any(b"=" in line for line in lines[:-1]), "padding may stand at the very end alone (RFC 2045 §6.8)"


@given(PIECES, VALUES, VALUES)
def test_a_form_keeps_nothing_of_the_recipient_before(pieces, first, second):
    form = Base64Form(pieces)
    before = form.fill(first)
    form.fill(second)
    assert form.fill(first) == before


@given(PIECES, VALUES)
def test_the_opening_is_the_same_for_every_recipient(pieces, values):
    form = Base64Form(pieces)
    assert b"\r\n".join(form.fill(values)).startswith(form.opening)


@pytest.mark.parametrize("length", range(4))
def test_slots_may_stand_as_close_as_they_like(length):
    pieces = [Slot(0, 2), b"x" * length, Slot(1), b"y" * length, Slot(1), b"z" * length]
    filled = b"".join(Base64Form(pieces).fill([b"ab", b""]))
    assert base64.b64decode(filled) == b"ab" + b"x" * length + b"y" * length + b"z" * length
