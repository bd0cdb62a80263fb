"""Invented member institutes all over the country, and their contacts, at addresses that no mail can ever reach (RFC 2606)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import count as count_from
from itertools import islice
from math import gcd

from mailer.world.chance import fraction, pick, weighted
from mailer.world.names import FAMILY_NAMES, FIELDS, GIVEN_NAMES, KIND_LATIN, KIND_SHORT, InstituteKind
from mailer.world.places import PROVINCES, Place

_CONTACTS = {1: 35, 2: 30, 3: 20, 4: 15}
_OWN_DOMAIN_SHARE = 0.3
_SHARED_DOMAINS = {"qq": 28, "163": 23, "exmail": 17, "126": 9, "aliyun": 9, "outlook": 4, "139": 4, "gmail": 3, "sina": 3}
_KINDS = tuple(InstituteKind)
_QQ_NUMBERS = 9 * 10**8
_QQ_STEP = 387_420_491  # Shares no factor with _QQ_NUMBERS, so that different serial numbers give different QQ numbers.


class Role(StrEnum):
    """What a contact is at the institute."""

    OFFICE = "办公室"
    DIRECTOR = "院所领导"
    RESEARCH = "科研处"
    OTHER = "其他"


@dataclass(frozen=True, slots=True)
class Person:
    """One contact of a member institute; an office has its own word as its name."""

    address: str
    name: str
    institute: str
    institute_short: str
    province: str
    city: str
    kind: InstituteKind
    role: Role


@dataclass(frozen=True, slots=True)
class _Institute:
    number: int
    name: str
    short: str
    province: Place
    city: Place
    kind: InstituteKind
    label: str  # In Latin letters; no other institute's.


def population(count: int, seed: int) -> Iterator[Person]:
    """`count` contacts, one to four an institute, no address twice; the same seed gives the same people in the same order.

    Institutes go round the provinces, so that 31 of them are one in each.
    """
    return islice((person for number in count_from() for person in _contacts(_institute(number, seed), seed)), count)


def _institute(number: int, seed: int) -> _Institute:
    """The institute with this number. All names of a province are gone through before one comes again with an ordinal."""
    turn, place_in_turn = divmod(number, len(PROVINCES))
    province = PROVINCES[(place_in_turn + int(fraction(seed, "first") * len(PROVINCES))) % len(PROVINCES)]
    seats = tuple(dict.fromkeys((province.place, *province.cities)))
    names = len(seats) * len(FIELDS) * len(_KINDS)
    cycle, step = divmod(turn, names)
    offset = int(fraction(seed, "offset", province.place.latin) * names)
    rest, which_kind = divmod(_permuted(step + offset, names), len(_KINDS))
    which_seat, which_field = divmod(rest, len(FIELDS))
    seat, field, kind = seats[which_seat], FIELDS[which_field], _KINDS[which_kind]
    ordinal, tail = (f"第{cycle + 1}", f"-{cycle + 1}") if cycle else ("", "")
    return _Institute(
        number=number,
        name=f"{seat.name}{ordinal}{field.name}{kind}",
        short=f"{seat.short}{ordinal}{field.short}{KIND_SHORT[kind]}",
        province=province.place,
        city=province.cities[0] if seat == province.place else seat,
        kind=kind,
        label=f"{seat.latin}-{field.latin}-{KIND_LATIN[kind]}{tail}",
    )


def _permuted(step: int, size: int) -> int:
    """The `step`-th of 0 … `size` − 1 on a walk round them whose stride shares no factor with `size`: each once, none in order."""
    stride = next(stride for stride in count_from(size * 5 // 13) if gcd(stride, size) == 1)
    return step * stride % size


def _contacts(institute: _Institute, seed: int) -> Iterator[Person]:
    roles = list(Role)[: weighted(_CONTACTS, seed, "contacts", institute.number)]
    first_given = int(fraction(seed, "given", institute.number) * len(GIVEN_NAMES))
    for index, role in enumerate(roles):
        serial = institute.number * len(Role) + index
        family = pick(FAMILY_NAMES, seed, "family", serial)
        given = GIVEN_NAMES[(first_given + index) % len(GIVEN_NAMES)]  # No two at one institute share it.
        yield Person(
            address=_address(institute, "" if role is Role.OFFICE else f"{family.latin}.{given.latin}", serial, seed),
            name=role.value if role is Role.OFFICE else family.name + given.name,
            institute=institute.name,
            institute_short=institute.short,
            province=institute.province.name,
            city=institute.city.name,
            kind=institute.kind,
            role=role,
        )


def _address(institute: _Institute, person: str, serial: int, seed: int) -> str:
    """At the institute's own domain, or at a provider's, where the institute or the serial number keeps it apart from others."""
    if fraction(seed, "own domain", institute.number) < _OWN_DOMAIN_SHARE:
        return f"{person or 'bgs'}@{institute.label}.ac.example"
    domain = weighted(_SHARED_DOMAINS, seed, "domain", serial)
    if domain == "qq":
        return f"{10**8 + serial * _QQ_STEP % _QQ_NUMBERS}@qq.example"
    local = f"{person.replace('.', '')}{serial}" if person else f"{institute.label}-bgs"
    return f"{local}@{domain}.example"
