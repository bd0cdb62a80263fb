"""The house style that an issue is read by: how Chinese and Latin letters stand together, which words are doubtful, which hosts are not."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from enum import StrEnum
from importlib.resources import files
from pathlib import Path

from mailer.preflight import Level
from subscribers.errors import InputError


class Spacing(StrEnum):
    """What stands between a Chinese character and a Latin letter or a digit."""

    ANY = "any"
    NONE = "none"  # as GB/T 15834 and most newspapers have it
    SPACE = "space"


@dataclass(frozen=True, slots=True)
class Doubtful:
    """A word that somebody should look at: why, what to write instead, and whether it must not be sent."""

    word: str
    kind: str
    why: str
    instead: str
    level: Level


@dataclass(frozen=True, slots=True)
class Guide:
    """What the rules ask. `hosts` are those that links may lead to, with all below them; empty for any."""

    spacing: Spacing = Spacing.ANY
    words: tuple[Doubtful, ...] = ()
    hosts: frozenset[str] = frozenset()


def read_words(own: Path | None = None) -> tuple[Doubtful, ...]:
    """The list that is shipped, and one's own; what one's own says of a word holds. InputError names what is wrong in it."""
    shipped = tomllib.loads((files("mailer.proofreading") / "words.toml").read_text(encoding="utf-8"))
    words = {word.word: word for word in _words(shipped, "words.toml")}
    if own is not None:
        try:
            document = tomllib.loads(own.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise InputError(f"{own}: {error}. Mend it, or unset JIANBAO_WORDS_FILE.") from error
        words |= {word.word: word for word in _words(document, str(own))}
    return tuple(word for word in words.values() if word.kind != "allowed")


def _words(document: dict[str, object], name: str) -> list[Doubtful]:
    entries = document.get("words")
    if not isinstance(entries, list):
        raise InputError(
            f"{name}: there is no [[words]] in it. Give tables with `kind`, `why` and `words`, as words.toml has them."
        )
    return [doubtful for entry in entries for doubtful in _entry(entry, name)]


def _entry(entry: object, name: str) -> list[Doubtful]:
    match entry:
        case {"kind": str(kind), "words": list(words), **rest}:
            why, instead, level = rest.get("why", ""), rest.get("instead", ""), rest.get("level", "warning")
            if isinstance(level, str) and level in list(Level) and all(isinstance(word, str) and word for word in words):
                return [Doubtful(word, kind, str(why), str(instead), Level(level)) for word in words]
    raise InputError(f"{name}: {entry!r} is no entry. Give kind, words, and why, instead and level (error, warning) as wanted.")
