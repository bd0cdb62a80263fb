"""Real and made lists from outside the project come in as what came with them says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.paths import CORPORA
from tests.unit.subscribers.importing.reading import read

pytestmark = pytest.mark.skipif(CORPORA is None, reason="the corpora lie beside the project and are not here")
_LISTS = CORPORA / "lists" if CORPORA else Path()
_EXPECTED = json.loads((_LISTS / "expected.json").read_text(encoding="utf-8")) if CORPORA else {}


@pytest.mark.parametrize("name", [name for name, expected in _EXPECTED.items() if "emails" in expected])
def test_a_list_comes_in_with_the_addresses_that_are_in_it(name: str, tmp_path: Path) -> None:
    expected = _EXPECTED[name]
    found = read((_LISTS / name).read_bytes(), tmp_path / name)
    assert set(found.addresses) == set(expected["emails"])
    assert len(found.addresses) - len(set(found.addresses)) == expected.get("duplicates", 0)
    assert len(found.rejects) == expected.get("rejected", 0)
