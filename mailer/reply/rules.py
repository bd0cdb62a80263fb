"""The table of replies as files hold it: read, checked, and told about with file, row and cure."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from mailer.reply.verdict import Confidence, Meaning
from subscribers.errors import InputError

Member = TypeVar("Member", bound=StrEnum)
Row = dict[str, object]

SHIPPED = Path(__file__).parent.with_name("replies.toml")
_ESCAPE = re.compile(r"\\.|\{[\d,]+\}")
_ASCII_LETTER = re.compile(r"[A-Za-z0-9<]")
_SOUGHT = frozenset({"match", "regex", "link", "enhanced"})
_KEYS = _SOUGHT | {
    "id", "providers", "codes", "after_content", "until_tomorrow", "alone", "at_home", "meaning", "confidence", "source", "samples",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of the table; what each field means is said at the head of replies.toml."""

    id: str
    meaning: Meaning
    source: str
    providers: frozenset[str]
    words: re.Pattern[str] | None
    beyond_ascii: re.Pattern[str] | None  # Those of the words that no ASCII text can hold.
    links: re.Pattern[str] | None
    codes: tuple[str, ...]
    enhanced: re.Pattern[str] | None
    after_content: bool
    until_tomorrow: bool
    alone: bool
    at_home: bool
    confidence: Confidence
    samples: tuple[str, ...]

    def fits(self, code: int, enhanced: str, words: str, links: str) -> bool:
        """Whether this row speaks of a reply with these codes and words; `links` is the text that its links stand in."""
        if not str(code).startswith(self.codes):
            return False
        if self.enhanced is not None and not self.enhanced.fullmatch(enhanced):
            return False
        if not (self.words or self.beyond_ascii or self.links):
            return True
        if self.words is not None and self.words.search(words):
            return True
        if self.beyond_ascii is not None and not words.isascii() and self.beyond_ascii.search(words):
            return True
        return self.links is not None and self.links.search(links) is not None


@dataclass(frozen=True, slots=True)
class Codes:
    """What codes mean by themselves: the enhanced ones, and the basic ones by `COMMAND prefix`."""

    enhanced: Mapping[str, tuple[Meaning, Confidence]]
    basic: Mapping[str, Meaning]


def read_rules(path: Path) -> tuple[Rule, ...]:
    """The [[reply]] rows of the file, in its order. Raises InputError."""
    rows = _document(path).get("reply", [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise InputError(f"{path.name}: `reply` is no list of tables. Write each rule as [[reply]], one key = value a line.")
    return tuple(_rule(row, f"{path.name}: [[reply]] {number} {row.get('id', '')!r}") for number, row in enumerate(rows, 1))


def read_codes(path: Path) -> Codes:
    """The [enhanced] and [basic] tables of the file, each `x` written out as 4 and 5, so that looking one up is one step."""
    document = _document(path)
    enhanced: dict[str, tuple[Meaning, Confidence]] = {}
    table, where = _table(document, "enhanced", path), f"{path.name}: [enhanced]"
    for code in table:
        meaning, confidence = _strings(table, code, where)
        for class_ in "45" if code.startswith("x") else code[0]:
            enhanced[class_ + code[1:]] = Meaning(meaning), Confidence(confidence)
    table, where = _table(document, "basic", path), f"{path.name}: [basic]"
    return Codes(enhanced, {code: _member(Meaning, table, code, where) for code in table})


def _document(path: Path) -> Row:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path.name}: cannot be read ({error}). Give a TOML file in UTF-8.") from error
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{path.name}: no TOML ({error}). Write each rule as [[reply]], one key = value a line.") from error


def _table(document: Row, key: str, path: Path) -> Row:
    table = document.get(key)
    if not isinstance(table, dict):
        raise InputError(f"{path.name}: [{key}] is missing. Install the package again.")
    return table


def _rule(row: Row, where: str) -> Rule:
    if unknown := sorted(row.keys() - _KEYS):
        raise InputError(f"{where}: unknown key {unknown[0]!r}. Use one of: {', '.join(sorted(_KEYS))}.")
    if not _SOUGHT & row.keys():
        raise InputError(f"{where}: nothing to look for. Give match, regex, link or enhanced.")
    literals = [re.escape(" ".join(literal.lower().split())) for literal in _strings(row, "match", where)]
    sought = [*literals, *_strings(row, "regex", where)]
    links = [re.escape(link.lower()) + r"(?!\d)" for link in _strings(row, "link", where)]
    return Rule(
        id=_string(row, "id", where),
        meaning=_member(Meaning, row, "meaning", where),
        source=_string(row, "source", where),
        providers=frozenset(_strings(row, "providers", where)),
        words=_pattern([pattern for pattern in sought if not _is_beyond_ascii(pattern)], where),
        beyond_ascii=_pattern([pattern for pattern in sought if _is_beyond_ascii(pattern)], where),
        links=_pattern(links, where),
        codes=_strings(row, "codes", where) or ("",),
        enhanced=_pattern([_string(row, "enhanced", where)], where) if "enhanced" in row else None,
        after_content=_flag(row, "after_content", where),
        until_tomorrow=_flag(row, "until_tomorrow", where),
        alone=_flag(row, "alone", where),
        at_home=_flag(row, "at_home", where),
        confidence=_member(Confidence, row, "confidence", where) if "confidence" in row else Confidence.EXPLICIT,
        samples=_strings(row, "samples", where),
    )


def _is_beyond_ascii(pattern: str) -> bool:
    """Whether all its letters are such as no ASCII text has; by this most replies need not be searched for Chinese."""
    letters = _ESCAPE.sub("", pattern)
    return not letters.isascii() and _ASCII_LETTER.search(letters) is None


def _pattern(alternatives: list[str], where: str) -> re.Pattern[str] | None:
    """One pattern of all. ASCII, so that a word's boundary is also where Chinese begins: `SPF校验`."""
    if not alternatives:
        return None
    try:
        return re.compile("|".join(f"(?:{alternative})" for alternative in alternatives), re.IGNORECASE | re.ASCII)
    except re.error as error:
        raise InputError(f"{where}: no regular expression ({error}). Use match for plain words.") from error


def _string(row: Row, key: str, where: str) -> str:
    value = row.get(key)
    if not isinstance(value, str) or not value:
        raise InputError(f'{where}: {key} is missing or no text. Write {key} = "…".')
    return value


def _strings(row: Row, key: str, where: str) -> tuple[str, ...]:
    value = row.get(key, [])
    if not isinstance(value, list) or not all(isinstance(item, str) and item for item in value):
        raise InputError(f'{where}: {key} is no list of texts. Write {key} = ["…", "…"].')
    return tuple(value)


def _flag(row: Row, key: str, where: str) -> bool:
    value = row.get(key, False)
    if not isinstance(value, bool):
        raise InputError(f"{where}: {key} is neither true nor false. Write {key} = true.")
    return value


def _member(kind: type[Member], row: Row, key: str, where: str) -> Member:
    try:
        return kind(_string(row, key, where))
    except ValueError as error:
        raise InputError(f"{where}: unknown {key} {row[key]!r}. Use one of: {', '.join(kind)}.") from error
