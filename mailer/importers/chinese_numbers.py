"""Numbers as Chinese bulletins print them: 9, ９, 九, 十二, 一百九十, 一九〇, 二○二三."""

from __future__ import annotations

import unicodedata

_SPELLINGS = ("〇零○◯ＯOo", "一壹", "二贰两", "三叁", "四肆", "五伍", "六陆", "七柒", "八捌", "九玖")
_DIGITS = {character: value for value, characters in enumerate(_SPELLINGS) for character in characters}
_UNITS = {"十": 10, "拾": 10, "百": 100, "佰": 100, "千": 1000, "仟": 1000}
_SCORES = {"廿": 20, "卅": 30}

# One number, also letter-spaced (第 1 9 0 期), to be put between the words that bound it.
NUMBER = r"(?:\d(?:\s*\d)*|[〇零○◯OＯo一二两三四五六七八九十百千廿卅](?:\s*[〇零○◯OＯo一二两三四五六七八九十百千廿卅])*)"


def number_of(text: str) -> int | None:
    """The whole number a text spells, white space left out of account; None where it spells none."""
    characters = "".join(unicodedata.normalize("NFKC", text).split())
    if characters.isdecimal():
        return int(characters)
    if not characters or any(c not in _DIGITS and c not in _UNITS and c not in _SCORES for c in characters):
        return None
    if any(c in _UNITS or c in _SCORES for c in characters):
        return _counted(characters)
    return int("".join(str(_DIGITS[c]) for c in characters))


def _counted(characters: str) -> int:
    """一百九十: each digit is multiplied by the unit behind it; a unit with no digit before it counts once (十二)."""
    total = digit = 0
    for character in characters:
        if character in _UNITS:
            total += max(digit, 1) * _UNITS[character]
            digit = 0
        elif character in _SCORES:
            total += _SCORES[character]
        else:
            digit = _DIGITS[character]
    return total + digit
