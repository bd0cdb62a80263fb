"""The server that remembers when messages came."""

from __future__ import annotations

import asyncio
from typing import cast

from hypothesis import given
from hypothesis import strategies as st

from benchmarks.recorder import Recorder, Session

_MESSAGE = b"MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n"
_CONTENT = b"Subject: x\r\n\r\nDATA\r\nQUIT\r\n..\r\n\r\n.\r\n"


class _Wire:
    def __init__(self) -> None:
        self.written = b""

    def write(self, data: bytes) -> None:
        self.written += data

    def close(self) -> None:
        self.written += b"closed"


@given(st.integers(min_value=1, max_value=4), st.lists(st.integers(min_value=1, max_value=20), max_size=40))
def test_every_message_is_counted_once_wherever_its_octets_are_cut(messages: int, cuts: list[int]) -> None:
    heard = b"EHLO x.example\r\n" + (_MESSAGE + _CONTENT) * messages + b"QUIT\r\n"
    record = Recorder(0)
    wire = _Wire()
    session = Session(record)
    session.connection_made(cast(asyncio.Transport, wire))
    for size in cuts:
        session.data_received(heard[:size])
        heard = heard[size:]
    session.data_received(heard)
    assert len(record.times) == messages
    assert wire.written.count(b"354 ") == messages
    assert wire.written.endswith(b"221 2.0.0 Bye\r\nclosed")
