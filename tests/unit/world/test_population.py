"""The population: everywhere, nobody twice, and nowhere that mail could reach."""

from __future__ import annotations

from collections import Counter, defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailer.world.names import FIELDS, GIVEN_NAMES, InstituteKind
from mailer.world.places import PROVINCES
from mailer.world.population import Person, Role, population
from mailer.world.providers import Provider, provider_of
from subscribers.address import parse_address


@given(st.integers(0, 300), st.integers())
@settings(max_examples=30, deadline=None)
def test_as_many_as_asked_for_and_the_same_each_time(count: int, seed: int) -> None:
    people = list(population(count, seed))
    assert len(people) == count
    assert people == list(population(count, seed))


@pytest.mark.parametrize("seed", [1, 2, 99])
def test_no_address_comes_twice(seed: int) -> None:
    people = list(population(10_000, seed))
    assert len({person.address for person in people}) == 10_000
    assert {parse_address(person.address).canonical for person in people} == {person.address for person in people}


def test_no_address_can_ever_be_reached() -> None:
    assert all(person.address.endswith(".example") for person in population(5000, 1))


def test_thirty_one_institutes_are_one_in_each_province() -> None:
    first: dict[str, Person] = {}
    for person in population(124, 5):
        first.setdefault(person.institute, person)
    assert {person.province for person in list(first.values())[:31]} == {province.place.name for province in PROVINCES}
    assert len(PROVINCES) == 31


def test_an_institute_has_one_to_four_contacts_at_one_place() -> None:
    contacts: dict[str, list[Person]] = defaultdict(list)
    for person in population(5000, 1):
        contacts[person.institute].append(person)
    *whole, _perhaps_cut = contacts.values()
    assert set(map(len, whole)) == {1, 2, 3, 4}
    for people in whole:
        assert [person.role for person in people] == list(Role)[: len(people)]
        assert len({(person.institute_short, person.province, person.city, person.kind) for person in people}) == 1
        assert len({person.name for person in people}) == len(people)
        assert people[0].institute.endswith(people[0].kind)


def test_the_institutes_of_different_provinces_differ_in_their_fields() -> None:
    first = {person.province: person.institute for person in population(100, 1)}
    assert len({next((field for field in FIELDS if field.name in name), None) for name in first.values()}) > 15


def test_an_ordinal_tells_apart_what_would_share_a_name() -> None:
    short_of_names = next(province for province in PROVINCES if province.place.name == "北京市")
    names = len(FIELDS) * len(InstituteKind)
    people = population(4 * 31 * (names + 10), 1)
    institutes = {person.institute for person in people if person.province == short_of_names.place.name}
    assert any("第2" in institute for institute in institutes)


def test_addresses_are_spread_over_the_providers() -> None:
    found = Counter(provider_of(person.address) for person in population(5000, 1))
    assert set(found) == set(Provider)
    assert found[Provider.TENCENT] > found[Provider.NETEASE] > found[Provider.GOOGLE]


def test_no_two_places_fields_or_given_names_are_confused() -> None:
    places = {place for province in PROVINCES for place in (province.place, *province.cities)}
    assert len({place.latin for place in places}) == len({place.name for place in places}) == len(places)
    assert len({field.latin for field in FIELDS}) == len({field.short for field in FIELDS}) == len(FIELDS)
    assert len({name.latin for name in GIVEN_NAMES}) == len(GIVEN_NAMES)
    assert {len(place.short) for place in places} <= {2, 3, 4, 5}
    assert not any(place.short.endswith(("省", "市", "区")) for place in places)
