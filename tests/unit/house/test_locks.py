"""The locks hold what pyproject.toml asks for, each file of it by its hash, and no word of where it was fetched."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from tests.paths import PROJECT

_PROJECT = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
_RUNTIME, _DEVELOPMENT = "requirements.lock", "requirements-dev.lock"


def _locked(lock: str) -> dict[str, tuple[Version, int]]:
    """Name → version and number of hashes."""
    text = (PROJECT / lock).read_text(encoding="utf-8").replace("\\\n", " ")
    rows = [
        re.fullmatch(r"([\w.-]+)==(\S+)(?: ;[^#]*?)?((?:\s+--hash=sha256:[0-9a-f]{64})+)\s*", row) for row in text.splitlines()
    ]
    assert all(rows), "a row without a version or a hash"
    return {row[1]: (Version(row[2]), row[3].count("--hash")) for row in rows if row}


def _group(name: str) -> Iterator[str]:
    for entry in _PROJECT["dependency-groups"][name]:
        if isinstance(entry, dict):
            yield from _group(entry["include-group"])
        else:
            yield entry


def _asked(lock: str) -> list[Requirement]:
    project = _PROJECT["project"]
    extras = [text for texts in project["optional-dependencies"].values() for text in texts]
    group = _group("build" if lock == _RUNTIME else "dev")
    return [Requirement(text) for text in [*project["dependencies"], *extras, *group]]


@pytest.mark.parametrize("lock", [_RUNTIME, _DEVELOPMENT])
def test_a_lock_holds_all_that_is_asked_for_in_a_version_that_is_asked_for(lock: str) -> None:
    locked = _locked(lock)
    for requirement in _asked(lock):
        assert requirement.name in locked, f"{requirement} is not in {lock}: run `make lock`"
        version, _hashes = locked[requirement.name]
        assert requirement.specifier.contains(version), f"{lock} has {version}, not {requirement}: run `make lock`"


def test_the_development_lock_holds_the_other_in_the_same_versions() -> None:
    assert _locked(_RUNTIME).items() <= _locked(_DEVELOPMENT).items()


@pytest.mark.parametrize("lock", [_RUNTIME, _DEVELOPMENT])
def test_a_lock_names_no_place_to_fetch_from(lock: str) -> None:
    text = (PROJECT / lock).read_text(encoding="utf-8")
    assert "//" not in text
    assert "index" not in text
