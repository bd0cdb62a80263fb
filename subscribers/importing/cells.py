"""What people put into one cell: addresses with names, labels and links around them, and text that a spreadsheet has been at."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from subscribers.errors import InputError
from subscribers.importing.headers import WORDS

LONGEST_TEXT = 300
FORMULAS_BEGIN = ("=", "+", "-", "@", "\t", "\r")  # by what a spreadsheet takes a cell for one

_HYPERLINK = re.compile(
    r"""=HYPERLINK\(\s*"(?:mailto:)?(?P<target>[^"]*)"\s*(?:[,;]\s*"(?P<shown>[^"]*)"\s*)?\)""", re.IGNORECASE
)
_QUOTED_FORMULA = re.compile(r"""="(?P<text>(?:[^"]|"")*)\"""")
_FORMULA = re.compile(r"[=+@-]?[A-Z][A-Z0-9.]*\(.*\)?", re.DOTALL)
_LABEL = re.compile(
    r"^\W*(?:e-?mail|mail|邮箱|电子邮箱|电子邮件|电邮|信箱|郵箱|電子郵件)(?:地址|address)?\s*:\s*", re.IGNORECASE
)
_MAIL_HEADER = re.compile(
    r"[\r\n]\s*(?:bcc|cc|to|from|sender|subject|reply-to|return-path|date|mime-version|content-[a-z-]+|x-[a-z-]+)\s*:",
    re.IGNORECASE,
)
_NUMBERED = re.compile(r"^\(?\d{1,5}(?:\.\s+|[、)]\s*)")  # 1. 2、 3) of a list
_TELEPHONE = re.compile(r"\+?[\d()-]{7,}")
_LINK = re.compile(r"\[[^\]]*\]\(mailto:(?P<target>[^)]*)\)", re.IGNORECASE)
_ENTRY = re.compile(
    r"""(?P<name>\s*"[^"]*"\s*|[^<>";,、\n]*)<(?P<angle>[^<>]*)>   # name <address>
    | (?P<bare>(?:"[^"]*"|[^;,、\n<"])+ | .)""",
    re.VERBOSE,
)
_LIKE_ADDRESS = re.compile(r"[^\s@|\t]+@[^\s@|\t]+\.[^\s@|\t]+")
_AFTER = re.compile(r"\s*\((?P<name>[^()@]*)\)\s*$")
_ADDRESS_BEHIND = re.compile(r"\s*[(<（][^()<>（）]*@[^()<>（）]*[)>）]\s*$")
_AROUND_AT = re.compile(r"^(\S+)\s*@\s*(\S+)$")
_LATIN = re.compile(r"[A-Za-z0-9]")
_STRANGE = re.compile(r"[\x00-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufffe\uffff\ud800-\udfff]")
_QUOTES = {ord(sign): '"' for sign in "“”„«»"} | {ord(sign): "'" for sign in "‘’"}
_JOINERS = re.compile(r"[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufffe\uffff\ud800-\udfff]")
# What stands for nothing.
NOTHING = frozenset(spelling for word in WORDS["cells"]["nothing"] for spelling in (word, word.upper(), word.capitalize()))
_GUARDED = re.compile(r"'(?=[=+\-@\t\r'])")


@dataclass(frozen=True, slots=True)
class Found:
    """An address as it stands in a cell, and the name that stands beside it, where there is one."""

    text: str
    name: str = ""


def addresses_in(cell: str) -> list[Found]:
    """The addresses in a cell, each still to be checked. InputError where it holds something else."""
    text = unicodedata.normalize("NFKC", cell).translate(_QUOTES).strip(" \t`")
    if _MAIL_HEADER.search(text):
        raise InputError(f"{text[:60]!r} has a line like those at the head of a mail. Leave only the address there.")
    if text.startswith(("=", "+", "-")) or "HYPERLINK(" in text:
        text = _out_of_formula(text)
    text = _NUMBERED.sub("", text)
    text = _LINK.sub(lambda link: link["target"], text)
    if text.count("@") == 1 and not any(sign in text for sign in ' <>";,、()\n\t:?'):
        return [Found(text.strip("'"))]
    found = list(_entries(text))
    return found or [Found(text)]


def holds_addresses(cell: str) -> bool:
    """Whether there is nothing but addresses in a cell, with or without names."""
    try:
        return all(_LIKE_ADDRESS.fullmatch(found.text) for found in addresses_in(cell))
    except InputError:
        return False


def _out_of_formula(text: str) -> str:
    if quoted := _QUOTED_FORMULA.fullmatch(text):
        return quoted["text"].replace('""', '"').strip()
    link = _HYPERLINK.fullmatch(text)
    if link and "@" in link["target"] and "://" not in link["target"] and link["shown"] in {None, link["target"]}:
        return link["target"]
    if link or ("(" in text and _FORMULA.match(text.lstrip("=+-"))):
        raise InputError(f"{text[:60]!r} is a formula, not an address. Put the address there as text.")
    return text


def _entries(text: str) -> Iterator[Found]:
    waiting = ""  # What stands before an address and may be the first half of a name with a comma in it.
    for entry in _ENTRY.finditer(text):
        if entry["angle"] is not None:
            name = f"{waiting}, {entry['name'].strip()}" if waiting else entry["name"]
            yield Found(_bare(entry["angle"]), _unquoted(name))
            waiting = ""
            continue
        bare = entry["bare"].strip(" \t.;,、")
        if not bare or bare in {"<", ">", '"'}:
            continue
        if waiting:
            yield Found(waiting)
            waiting = ""
        if "@" in bare:
            yield from _apart(bare)
        else:
            waiting = bare
    if waiting:
        yield Found(waiting)


def _apart(text: str) -> Iterator[Found]:
    """The addresses in a piece without commas: `张三 a@b.cn`, `a@b.cn(张三)`, `a@b.cn b@c.cn`, `a@b.cn/b@c.cn`."""
    text = _LABEL.sub("", text)
    after = _AFTER.search(text)
    name = after["name"].strip() if after else ""
    text = text[: after.start()] if after else text
    if text.count("@") > 1:
        for token in re.split(r"[\s/|\\]+", text):
            if "@" in token:
                yield Found(_bare(token), name)
        return
    if spaced := _AROUND_AT.match(text.strip()):
        yield Found(_bare(f"{spaced[1]}@{spaced[2]}"), name)
        return
    tokens = text.split()
    others = [token for token in tokens if "@" not in token]
    others = [token for token in others if not _TELEPHONE.fullmatch(token)]
    if _LATIN.search("".join(others)):
        yield Found(text)  # `zhang san@b.cn` may be one person's address with a slip in it: nobody guesses.
        return
    beside = next((token for token in others if len(token) > 1), "") if others and len(others[0]) > 1 else "".join(others)
    yield from (Found(_bare(token), name or beside.strip(":：")) for token in tokens if "@" in token)


def _bare(text: str) -> str:
    text = _LABEL.sub("", text.strip().strip("'\"<>[]{}"))
    if text[:7].lower() == "mailto:":
        text = text[7:]
    return text.partition("?")[0].strip(" '\"<>.,;:!") if "@" in text.partition("?")[0] else text


def _unquoted(name: str) -> str:
    return name.strip().strip("'\"").replace('\\"', '"').strip(" ,")


def person(text: str) -> str:
    """A name without the address that address books put behind it."""
    return _ADDRESS_BEHIND.sub("", text) if "@" in text else text


def guarded(text: str) -> str:
    """A text that no spreadsheet takes for a formula: an apostrophe stands before one that it would, or that has one already."""
    return f"'{text}" if text.startswith((*FORMULAS_BEGIN, "'")) else text


def unguarded(cell: str) -> str:
    """The text that `guarded` was given, of any cell of a delimited file."""
    return _GUARDED.sub("", cell, count=1) if cell.startswith("'") else cell


def plain(cell: str) -> str:
    """A cell as one line of text: nothing invisible, no control characters, no spaces around, and nothing for what means nothing."""
    text = _JOINERS.sub("", cell) if _STRANGE.search(cell) else cell
    text = " ".join(_STRANGE.sub(" ", text).split())
    if text.startswith('="') and (quoted := _QUOTED_FORMULA.fullmatch(text)):
        text = quoted["text"].replace('""', '"').strip()
    if len(text) > 2 and text[0] == text[-1] == "'":
        text = text[1:-1].strip()
    return "" if text in NOTHING else unicodedata.normalize("NFC", text)
