"""A record with another address, against a real PostgreSQL."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlalchemy import Engine

from subscribers import erasing, merging, records, suppression
from subscribers.address import parse_address
from subscribers.errors import InputError
from subscribers.models import SuppressionReason
from subscribers.suppression import NewSuppression
from tests import factories
from tests.integration.conftest import Jianbao
from tests.integration.subscribers.person import NEW, NOW, OLD, read


def test_a_corrected_address_keeps_the_record_and_what_the_person_decided(engine: Engine) -> None:
    list_id = factories.subscribe(engine, [OLD])
    with engine.begin() as connection:
        before = read(connection, OLD)
        old = parse_address(OLD)
        suppression.suppress(connection, [NewSuppression(old.hash, SuppressionReason.REFUSED, "x", NOW, list_id=list_id)])
        suppression.suppress(connection, [NewSuppression(old.hash, SuppressionReason.HARD_BOUNCE, "x", NOW)])
        assert merging.readdress(connection, before.id, parse_address(NEW), actor="li", reason=None)
        after = read(connection, NEW)
        assert (after.id, [one.reason for one in after.suppressions]) == (before.id, [SuppressionReason.REFUSED])
        assert (read(connection, OLD).id, read(connection, OLD).formerly) == (before.id, [OLD])


def test_a_correction_can_be_taken_back_and_both_addresses_lead_to_the_record(engine: Engine) -> None:
    factories.subscribe(engine, [OLD])
    with engine.begin() as connection:
        first = read(connection, OLD)
        for address in (NEW, "w@third.example", OLD, NEW):
            merging.readdress(connection, first.id, parse_address(address), actor="li", reason=None)
            assert (read(connection, OLD).id, read(connection, address).address) == (first.id, address)
        assert sorted(read(connection, NEW).formerly) == sorted([OLD, "w@third.example"])
        assert records.addresses_of(connection, records.family(connection, first.id)) == {
            parse_address(one) for one in (OLD, NEW, "w@third.example")
        }


@pytest.mark.parametrize("has_left", [False, True])
def test_the_address_of_before_is_not_entered_anew_by_a_file(
    jianbao: Jianbao, engine: Engine, tmp_path: Path, has_left: bool
) -> None:
    factories.subscribe(engine, [OLD])
    jianbao("subscriber", "correct", OLD, NEW)
    if has_left:
        jianbao("subscriber", "unsubscribe", NEW, "--list", "members")
    (tmp_path / "old.csv").write_text(f"email\n{OLD}\n", encoding="utf-8")
    came = json.loads(jianbao("subscriber", "import", str(tmp_path / "old.csv"), "--list", "members", "--json").stdout)
    assert (came["created"], came["unchanged"], came["suppressed"]) == (0, 0 if has_left else 1, 1 if has_left else 0)
    assert [one["reason"] for one in came["left_alone"]] == (["merged"] if has_left else [])
    factories.schedule(engine, [])
    factories.start(engine)
    assert factories.states(engine) == ({} if has_left else {NEW: "pending"})


def test_nobody_is_given_an_address_that_is_somebody_elses(engine: Engine) -> None:
    factories.subscribe(engine, [OLD, NEW])
    with engine.begin() as connection, pytest.raises(InputError, match="subscriber merge OLD"):
        merging.readdress(connection, read(connection, OLD).id, parse_address(NEW), actor="li", reason=None)


def test_nobody_is_given_an_address_that_was_erased(engine: Engine) -> None:
    factories.subscribe(engine, [OLD, NEW])
    with engine.begin() as connection:
        erasing.erase(connection, parse_address(NEW), actor="li", reason="letter", now=NOW)
        with pytest.raises(InputError, match="was erased"):
            merging.readdress(connection, read(connection, OLD).id, parse_address(NEW), actor="li", reason=None)
