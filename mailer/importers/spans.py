"""What one line, or up to four lines together, say: a headline may be printed on several."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence

from mailer.importers.lines import Line, columns, key
from mailer.importers.markers import unmarked
from mailer.importers.sources import is_source

MOST_LINES = 4
_WIDEST = 160  # columns of a line that may be part of a headline
_LONGEST = 120  # characters of a headline's key
_MOST_PLACES = 16  # a table's cells may be said thousands of times, a headline is not


class Spans:
    """Finds a key (see `lines.key`) among all spans of one to four lines in constant time."""

    def __init__(self, lines: Sequence[Line]) -> None:
        self._lines = lines
        self._keys = [key(line.text) if columns(line.text) <= _WIDEST and not is_source(line.text) else "" for line in lines]
        self._places: dict[str, list[tuple[int, int]]] = {}
        for start in range(len(lines)):
            for length, said in self.at(start):
                self._places.setdefault(said, []).append((start, length))

    def at(self, start: int) -> Iterator[tuple[int, str]]:
        """The keys that the lines from `start` say: how many lines, and the key, with and without the marker before it."""
        if not self._keys[start]:
            return
        heads = {self._keys[start], key(unmarked(self._lines[start].text))} - {""}
        tail = ""
        for length in range(1, min(MOST_LINES, len(self._lines) - start) + 1):
            if length > 1:
                part = self._keys[start + length - 1]
                if not part or len(tail) + len(part) > _LONGEST:
                    return
                tail += part
            yield from ((length, head + tail) for head in heads)

    def find(self, said: str, first: int = 0) -> list[tuple[int, int]]:
        """The first places from line `first` on where a key is said: the line it begins at, and the number of lines."""
        places = self._places.get(said, [])
        start = bisect_left(places, (first, 0))
        return places[start : start + _MOST_PLACES]

    def last(self, said: str) -> int:
        """The last line at which a key begins to be said; -1 where there is none."""
        places = self._places.get(said)
        return places[-1][0] if places else -1
