"""Octets are cut at the same places however they come in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.world.intake import Intake

contents = st.lists(st.sampled_from([b"a", b".", b"\r\n", b"\n", b"\r", b"..", b"text of a line"]), max_size=12).map(
    lambda parts: b"".join(parts).replace(b"\r\n.\r\n", b"").removeprefix(b".\r\n")
)


def feed(intake: Intake, octets: bytes) -> None:
    intake.space()[: len(octets)] = octets
    intake.filled(len(octets))


def whole(content: bytes) -> bytes:
    """The content, ended by CRLF, without anything in it that could be its end."""
    lines = [line if line != b"." else b".." for line in content.split(b"\r\n")]
    return b"\r\n".join(lines) + b"\r\n" if content else b""


@given(st.lists(contents, min_size=1, max_size=4), st.data())
def test_lines_and_contents_are_the_same_however_the_octets_come_in(sent: list[bytes], data: st.DataObject) -> None:
    messages = [whole(content) for content in sent]
    octets = b"".join(b"DATA\r\n" + message + b".\r\n" for message in messages)
    intake, found, rest = Intake(), [], octets
    in_content = False
    while rest or len(intake):
        if rest:
            size = data.draw(st.integers(1, len(rest)))
            feed(intake, rest[:size])
            rest = rest[size:]
        while (piece := intake.content() if in_content else intake.line()) is not None:
            found += [piece] if in_content else []
            in_content = not in_content
    assert found == messages


def test_a_message_may_be_bigger_than_the_buffer() -> None:
    intake = Intake()
    message = b"0123456789abcdef" * 65536
    for start in range(0, len(message), 50_000):
        feed(intake, message[start : start + 50_000])
        assert intake.content() is None
    feed(intake, b"\r\n.\r\nQUIT\r\n")
    assert intake.content() == message + b"\r\n"
    assert intake.line() == b"QUIT"
    assert len(intake) == 0


def test_an_empty_content_ends_at_once() -> None:
    intake = Intake()
    feed(intake, b".\r")
    assert intake.content() is None
    feed(intake, b"\n")
    assert intake.content() == b""


def test_a_line_that_never_ends_is_refused() -> None:
    intake = Intake()
    feed(intake, b"x" * 2047)
    assert intake.line() is None
    feed(intake, b"x")
    with pytest.raises(ValueError, match="too long"):
        intake.line()
