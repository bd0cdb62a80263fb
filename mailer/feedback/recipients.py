"""Whom a report in words is about: each form in which servers name a recipient, the plainest first."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from string import ascii_lowercase, ascii_uppercase

from mailer.feedback import recipient_forms as forms
from mailer.feedback.address import ADDRESS, addr_spec
from mailer.feedback.mime import Fields

_MOST_RECIPIENTS = 200
_LOWER = str.maketrans(ascii_uppercase, ascii_lowercase)  # It changes no place of a character, as str.lower may.
_LONGEST_WORDS = 2_000
_FAILED = ("x-failed-recipients", "x-failed-recipient", "x-actual-recipient")


@dataclass(frozen=True, slots=True)
class Named:
    """A recipient and the words of the report that are about it alone; "" where there are none."""

    address: str
    words: str


def named_in(text: str, header: Fields, not_recipients: frozenset[str]) -> list[Named]:
    """The recipients that the report names, each once, in order. `not_recipients` are addresses of ours, in lower case."""
    lower = text.translate(_LOWER)
    not_recipients |= set(forms.CONTACT.findall(lower[:5_000]))
    section = forms.SECTION.search(lower)
    listed = text[section.end() :].split("\n") if section else []
    lines = text.split("\n")
    for form in (_in_transcript, _by_colon, _by_line, _with_reason, _by_name, _x400):
        for place, others in ((listed, frozenset[str]()), (lines, not_recipients)):
            if found := _once(form(place), others):
                return _once((*found, *_expanded(found, text)), frozenset())
    failed = [address for name in _FAILED for value in header.all(name) for address in ADDRESS.findall(value)]
    if failed:
        return _once((Named(address, "") for address in failed), frozenset())
    for form in (_labelled, _sentences, _labelled_in_chinese):
        if found := _once(form(lines), not_recipients):
            return found
    return []


def any_in(text: str, not_recipients: frozenset[str]) -> list[Named]:
    """The one address that the text has, whatever its place; none where it has several."""
    found = _once((Named(address, "") for address in ADDRESS.findall(text)), not_recipients)
    return found if len(found) == 1 else []


def _by_colon(lines: list[str]) -> list[Named]:
    return _blocks(lines, forms.WITH_COLON)


def _by_line(lines: list[str]) -> list[Named]:
    return _blocks(lines, forms.ALONE)


def _with_reason(lines: list[str]) -> list[Named]:
    return _blocks(lines, forms.WITH_REASON)


def _by_name(lines: list[str]) -> list[Named]:
    return _blocks(lines, forms.BY_NAME)


def _blocks(lines: list[str], form: re.Pattern[str]) -> list[Named]:
    """Each line of that form, and the lines below it until the next of them or a second empty line.

    A line further in about the same address goes on with it: servers wrap what they quote.
    """
    starts: list[tuple[int, re.Match[str]]] = []
    for number, line in enumerate(lines):
        if "@" not in line or (found := form.match(line)) is None or forms.FIELD_OF_MESSAGE.match(line):
            continue
        if not (starts and starts[-1][1][1] == found[1] and line[:1].isspace()):
            starts.append((number, found))
    ends = [*(number for number, _ in starts[1:]), len(lines)]
    blocks = []
    for (number, found), end in zip(starts, ends, strict=False):
        own = found[2] if form.groups > 1 and found[2] else ""
        blocks.append(Named(found[1], "\n".join([own, *_until_gap(lines[number + 1 : end])]).strip()[:_LONGEST_WORDS]))
    return blocks


def _until_gap(lines: list[str]) -> list[str]:
    """The lines until the first empty one after words."""
    kept: list[str] = []
    for line in lines[:40]:
        if not line.strip() and any(kept):
            break
        kept.append(line.strip())
    return kept


def _in_transcript(lines: list[str]) -> list[Named]:
    """The recipients of sendmail's transcript where nothing above it lists them: the command, and what was answered."""
    if not any("Transcript of session" in line for line in lines) or any("addresses had" in line for line in lines):
        return []
    found, said = [], ""
    for line in lines:
        if line.startswith((">>>", "While talking", "... while")):
            said = line if line.startswith(">>>") else ""
        elif forms.ANSWERED.match(line):
            said += "\n" + line
        elif final := forms.FINAL.match(line):
            found.append(Named(final[1], f"{said}\n{line}".strip()))
            said = ""
    return found


def local_parts_in(text: str, domain: str) -> list[Named]:
    """The recipients that a server names by their local parts alone, as AOL does of its own; `domain` is the server's."""
    listed = forms.LOCAL_PARTS.search(text)
    if listed is None or not domain:
        return []
    return _once((Named(f"{line.strip()}@{domain}", "") for line in listed[1].split("\n") if line.strip()), frozenset())


def _expanded(found: list[Named], text: str) -> list[Named]:
    return [Named(address, found[0].words) for address in forms.EXPANDED.findall(text)] if len(found) == 1 else []


def _x400(lines: list[str]) -> list[Named]:
    text = "\n".join(lines)
    return [Named(found[1].replace("(a)", "@"), text[found.end() :][:500]) for found in forms.X400.finditer(text)]


def _labelled(lines: list[str]) -> list[Named]:
    found = []
    for number, line in enumerate(lines):
        if "@" in line and not forms.FIELD_OF_MESSAGE.match(line) and (labelled := forms.LABELLED.match(line)):
            words = "\n".join([line, *_until_gap(lines[number + 1 : number + 8])])
            found += [Named(address, words) for address in _with_joined(labelled)]
    return found


def _sentences(lines: list[str]) -> list[Named]:
    joined = " ".join(" ".join(lines).split())
    return [Named(address, "") for found in forms.IN_SENTENCE.finditer(joined) for address in _with_joined(found)]


def _labelled_in_chinese(lines: list[str]) -> list[Named]:
    found = forms.IN_CHINESE.finditer("\n".join(lines))
    return [Named(address, "") for one in found for address in _with_joined(one)]


def _with_joined(named: re.Match[str]) -> Iterator[str]:
    """The address that was named, and those that a comma or an "and" joins to it."""
    following: re.Match[str] | None = named
    for _ in range(_MOST_RECIPIENTS):
        if following is None:
            return
        yield following[1]
        following = forms.JOINED.match(following.string, following.end())


def _once(found: Iterable[Named], not_recipients: frozenset[str]) -> list[Named]:
    kept: dict[str, Named] = {}
    for named in found:
        address = addr_spec(named.address)
        key = address.lower()
        if not address or key in not_recipients or "..." in address:
            continue
        if key not in kept or (not kept[key].words and named.words):
            kept[key] = Named(address, named.words)
    return list(kept.values())[:_MOST_RECIPIENTS]
