"""What identifies a person, and has no place in a bulletin: identity numbers, mobile phones, bank cards."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date

from mailer.issue import Issue
from mailer.preflight.finding import Fault, error, warning
from mailer.proofreading.guide import Guide
from mailer.proofreading.passages import Passage, passages

_IDENTITY = re.compile(r"(?<![0-9A-Za-z])\d{17}[\dXx](?![0-9A-Za-z])")
_MOBILE = re.compile(r"(?<![0-9A-Za-z.])(?:\+?86[ -]?)?1[3-9]\d([ -]?)\d{4}\1\d{4}(?![0-9A-Za-z])")
_CARD = re.compile(r"(?<![0-9A-Za-z])[3-6]\d{3}([ -]?)\d{4}\1\d{4}\1\d{4}(?:\1\d{1,3})?(?![0-9A-Za-z])")
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECK = "10X98765432"  # GB 11643-1999


def personal_data(issue: Issue, guide: Guide) -> Iterator[Fault]:
    """No identity number and no bank card; a mobile phone only where its owner agrees (Personal Information Protection Law, art. 13)."""
    for passage in passages(issue):
        yield from _in_passage(passage)


def _in_passage(passage: Passage) -> Iterator[Fault]:
    identities = [found for found in _IDENTITY.finditer(passage.text) if _is_identity(found.group())]
    for found in identities:
        yield error(passage.place, f"an identity number, {_masked(found.group())}", "Take it out.")
    for found in _CARD.finditer(passage.text):
        digits = re.sub(r"\D", "", found.group())
        if _is_card(digits) and not any(found.start() < each.end() and each.start() < found.end() for each in identities):
            yield error(passage.place, f"what looks like a bank card's number, {_masked(digits)}", "Take it out.")
    for found in _MOBILE.finditer(passage.text):
        yield warning(
            passage.place,
            f"a mobile phone number, {_masked(found.group())}",
            "Give the office's number, or ask its owner; whoever gets the bulletin passes it on.",
        )


def _is_identity(text: str) -> bool:
    try:
        born = date(int(text[6:10]), int(text[10:12]), int(text[12:14]))
    except ValueError:
        return False
    total = sum(weight * int(digit) for weight, digit in zip(_WEIGHTS, text, strict=False))
    return born.year > 1870 and _CHECK[total % 11] == text[17].upper()


def _is_card(digits: str) -> bool:
    """Luhn's sum (ISO/IEC 7812-1, annex B)."""
    doubled = [int(digit) * (2 if place % 2 else 1) for place, digit in enumerate(reversed(digits))]
    return len(set(digits)) > 2 and sum(number - 9 if number > 9 else number for number in doubled) % 10 == 0


def _masked(text: str) -> str:
    """Enough of it to be found again; findings are printed and logged."""
    return f"{text[:3]}…{text[-2:]}"
