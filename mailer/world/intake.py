"""Octets that came in, cut into command lines and contents. A content's lines are never looked at one by one."""

from __future__ import annotations

_FIRST_SIZE = 256 * 1024
_LEAST_SPACE = 64 * 1024
_LONGEST_LINE = 2048  # RFC 5321 §4.5.3.1.4 asks for 512, and extensions add to it.
_END_OF_CONTENT = b"\r\n.\r\n"


class Intake:
    """A buffer that sockets fill in place: a message costs no allocation but its own copy.

    `space` is where octets go, `filled` says how many came; `line` and `content` take what is whole.
    """

    def __init__(self) -> None:
        self._buffer = bytearray(_FIRST_SIZE)
        self._start = 0  # What was received and not taken lies from here
        self._end = 0  # to here.
        self._searched = 0  # No end of a content begins before this offset.

    def __len__(self) -> int:
        return self._end - self._start

    def space(self) -> memoryview:
        """Room for at least 64 KiB."""
        if len(self._buffer) - self._end < _LEAST_SPACE:
            self._make_space()
        return memoryview(self._buffer)[self._end :]

    def filled(self, count: int) -> None:
        """`count` octets were written into `space`."""
        self._end += count

    def line(self) -> bytes | None:
        """The next line without its CRLF; None while it is not whole. ValueError if it is longer than any command can be."""
        found = self._buffer.find(b"\r\n", self._start, min(self._end, self._start + _LONGEST_LINE))
        if found < 0:
            if len(self) >= _LONGEST_LINE:
                raise ValueError("the command line is too long")
            return None
        return self._take(found, len(b"\r\n"))

    def content(self) -> bytes | None:
        """What stands before the line with a dot alone; None while that has not come."""
        if self._buffer.startswith(b".\r\n", self._start, self._end):
            return self._take(self._start, len(b".\r\n"))  # Empty: the CRLF before the dot is that of the DATA line.
        found = self._buffer.find(_END_OF_CONTENT, max(self._searched, self._start), self._end)
        if found < 0:
            self._searched = self._end - len(_END_OF_CONTENT) + 1
            return None
        return self._take(found + len(b"\r\n"), len(b".\r\n"))

    def _take(self, end: int, ending: int) -> bytes:
        taken = bytes(memoryview(self._buffer)[self._start : end])
        self._start = end + ending
        if self._start == self._end:
            self._start = self._end = 0
        self._searched = 0
        return taken

    def _make_space(self) -> None:
        # A new buffer and not a longer one: a bytearray that a socket's view may still look into cannot be resized.
        waiting = memoryview(self._buffer)[self._start : self._end]
        size = len(self._buffer) * (1 if len(waiting) <= len(self._buffer) // 2 else 2)
        fresh = bytearray(size)
        fresh[: len(waiting)] = waiting
        self._searched = max(0, self._searched - self._start)
        self._buffer, self._start, self._end = fresh, 0, len(waiting)
