"""Addresses that are valid and yet doubtful: a slip in a common domain, an office's mailbox, one that nobody reads or that is thrown away.

A doubt is a warning with a proposal. It changes nothing and refuses nothing: `qq.con` may be somebody's own domain one day.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from importlib.resources import files

from disposable_email_domains import blocklist

from subscribers.address import Address


class DoubtKind(StrEnum):
    """Why an address is doubtful."""

    TYPO = "typo"
    NO_MAIL = "no_mail"
    DISPOSABLE = "disposable"
    UNATTENDED = "unattended"
    ROLE = "role"


@dataclass(frozen=True, slots=True)
class Doubt:
    """One doubt in the words that staff read; `proposal` is the address that was probably meant, where there is one."""

    kind: DoubtKind
    why: str
    proposal: str | None = None


_TABLE = tomllib.loads(files("subscribers").joinpath("doubts.toml").read_text(encoding="utf-8"))
COMMON_DOMAINS: frozenset[str] = frozenset(_TABLE["common"])
_REAL = COMMON_DOMAINS.union(_TABLE["also_real"])
_DOUBLE_ENDINGS = frozenset(_TABLE["double_endings"])
_ACADEMIC = tuple(_TABLE["academic"])
_NO_ENDINGS: Mapping[str, str] = {ending: right for right, endings in _TABLE["no_endings"].items() for ending in endings}
_WRONG_ENDINGS: Mapping[str, frozenset[str]] = {right: frozenset(endings) for right, endings in _TABLE["wrong_endings"].items()}
_UNATTENDED = frozenset(_TABLE["unattended"])
_ROLES = frozenset(_TABLE["roles"])
DOUBTFUL_MAILBOXES = _UNATTENDED | _ROLES  # without figures at the end
# vip163.com and its like
_WITHOUT_DOTS: Mapping[str, str] = {right.replace(".", "", 1): right for right in COMMON_DOMAINS if right.startswith("vip.")}
_LONG_ENOUGH = 5  # A shorter name is too near to others: qq.com to aa.com, 163.com to 162.com.


def _divide(domain: str) -> tuple[str, str]:
    labels = domain.split(".")
    size = 2 if ".".join(labels[-2:]) in _DOUBLE_ENDINGS and len(labels) > 2 else 1
    return ".".join(labels[:-size]), ".".join(labels[-size:])


def _nearest() -> Mapping[tuple[str, int], Sequence[tuple[str, str]]]:
    """By the ending and the length of the name that were typed, the names and domains that one slip may have made of it, in order.

    Lists have thousands of domains: with this each is held against a few of the common ones, and most against none.
    """
    near: dict[tuple[str, int], list[tuple[str, str]]] = {}
    for right in sorted(COMMON_DOMAINS):
        name, ending = _divide(right)
        endings = {ending, *_WRONG_ENDINGS.get(ending, ()), *(no for no, meant in _NO_ENDINGS.items() if meant == ending)}
        for typed in endings:
            for length in range(len(name) - 1, len(name) + 2):
                near.setdefault((typed, length), []).append((name, right))
    return near


_NEAR = _nearest()


def doubts_about(address: Address, *, takes_mail: bool | None = None) -> tuple[Doubt, ...]:
    """What is doubtful about an address, the gravest first. `takes_mail` is what DNS said of its domain; None: nobody asked."""
    local = address.canonical.rpartition("@")[0]
    found = [_of_domain(address.domain), _of_mailbox(local)]
    if meant := meant_domain(address.domain):
        why = f"{address.domain} looks like a slip for {meant}"
        found.append(Doubt(DoubtKind.TYPO, why, f"{address.written.rpartition('@')[0]}@{meant}"))
    if takes_mail is False:
        found.append(Doubt(DoubtKind.NO_MAIL, f"{address.domain} takes no mail: it has neither an MX record nor an address"))
    order = list(DoubtKind)
    return tuple(sorted((doubt for doubt in found if doubt), key=lambda doubt: order.index(doubt.kind)))


@lru_cache(maxsize=65536)
def meant_domain(domain: str) -> str | None:
    """The domain that was probably meant where `domain` looks like a slip for it; None where it does not."""
    if domain in _REAL:
        return None
    name, ending = _divide(domain)
    near = _NEAR.get((ending, len(name)), ())
    for slip in (str.__eq__, is_slip):
        for right_name, right in near:
            if slip(name, right_name):
                return right
    if domain in _WITHOUT_DOTS:
        return _WITHOUT_DOTS[domain]
    if ending in _NO_ENDINGS or (ending == "cm" and name.endswith(_ACADEMIC)):
        return f"{name}.{'cn' if name.endswith(_ACADEMIC) else _NO_ENDINGS[ending]}"
    return None


def is_slip(typed: str, right: str) -> bool:
    """Whether one slip of a hand makes `right` into `typed`: a letter doubled, and in longer names also one left out, added,
    changed behind the first, or two of them swapped."""
    if len(typed) == len(right) + 1:
        places = [place for place in range(len(typed)) if typed[:place] + typed[place + 1 :] == right]
        doubled = any(typed[place] in typed[max(0, place - 1) : place] + typed[place + 1 : place + 2] for place in places)
        return doubled or (bool(places) and len(right) >= _LONG_ENOUGH)
    if len(right) < _LONG_ENOUGH:
        return False
    if len(typed) == len(right) - 1:
        return any(right[:place] + right[place + 1 :] == typed for place in range(len(right)))
    different = [place for place in range(len(right)) if len(typed) == len(right) and typed[place] != right[place]]
    match different:
        case [place]:
            return place > 0
        case [first, second]:
            return second == first + 1 and typed[first] == right[second] and typed[second] == right[first]
        case _:
            return False


def _of_domain(domain: str) -> Doubt | None:
    labels = domain.split(".")
    parents = {".".join(labels[place:]) for place in range(len(labels) - 1)}
    if parents & _REAL or not parents & blocklist:
        return None
    return Doubt(DoubtKind.DISPOSABLE, f"{domain} gives out mailboxes that are thrown away after minutes")


def _of_mailbox(local: str) -> Doubt | None:
    mailbox = local.partition("+")[0].rstrip("0123456789")
    if mailbox in _UNATTENDED:
        return Doubt(DoubtKind.UNATTENDED, f"nobody reads what is written to {local}@")
    if mailbox in _ROLES:
        return Doubt(
            DoubtKind.ROLE, f"{local}@ is an office's mailbox: whoever works there reads it, and may leave the list for all"
        )
    return None
