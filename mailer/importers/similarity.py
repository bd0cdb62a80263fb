"""How alike two printings of one headline are, and which of many is the one that is meant."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from difflib import SequenceMatcher

# Below this two headlines are two articles. 0.75 lets one in four characters differ; numerals must not (see `similarity`).
ALIKE = 0.75
_SHORTEST_PART = 6  # characters of the key
_NUMERALS = re.compile(r"[0-9一二三四五六七八九十百]+")
_CANDIDATES = 5
_COMMON_PAIR = 64  # a pair of characters in more headlines than this tells nothing


def similarity(left: str, right: str) -> float:
    """From 0 to 1, for two keys (see `lines.key`); 0 where their numerals differ: 第三次会议 and 第四次会议 are two headlines.

    A headline that is printed shortened, or without its subtitle, counts as alike as well.
    """
    if left == right:
        return 1.0
    short, long = sorted((left, right), key=len)
    if len(short) >= _SHORTEST_PART and (long.startswith(short) or (long.endswith(short) and 2 * len(short) >= len(long))):
        return 0.9
    if Counter(_NUMERALS.findall(left)) != Counter(_NUMERALS.findall(right)):
        return 0.0
    return SequenceMatcher(None, left, right, autojunk=False).ratio()


class Nearest:
    """Finds the most similar of many keys without comparing each with each: by the pairs of characters they share."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._keys = keys
        self._by_pair: dict[str, list[int]] = {}
        for index, key in enumerate(keys):
            for pair in _pairs(key):
                self._by_pair.setdefault(pair, []).append(index)

    def matches(self, key: str) -> list[tuple[float, int]]:
        """The similarity and the index of each key that is alike, the most similar first."""
        shared: Counter[int] = Counter()
        for pair in _pairs(key):
            indexes = self._by_pair.get(pair, [])
            if len(indexes) <= _COMMON_PAIR:
                shared.update(indexes)
        scores = ((similarity(key, self._keys[index]), index) for index, _ in shared.most_common(_CANDIDATES))
        return sorted(((score, index) for score, index in scores if score >= ALIKE), key=lambda match: (-match[0], match[1]))


def _pairs(key: str) -> set[str]:
    return {key[start : start + 2] for start in range(len(key) - 1)}
