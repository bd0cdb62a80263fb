"""A wheel of the project holds all that it reads at run time, for an installation that is no checkout."""

from __future__ import annotations

import zipfile
from pathlib import Path

from hatchling.builders.wheel import WheelBuilder

from tests.paths import PROJECT

_CODE = ("subscribers", "mailer", "workers")


def _relative(folder: Path, base: Path) -> set[str]:
    files = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {str(path.relative_to(base)) for path in files}


def test_a_wheel_holds_the_packages_with_their_tables_and_beside_them_templates_and_examples(tmp_path: Path) -> None:
    (wheel,) = WheelBuilder(str(PROJECT)).build(directory=str(tmp_path), versions=["standard"])
    held = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    wanted = {name for package in _CODE for name in _relative(PROJECT / package, PROJECT)}
    for folder in ("templates", "examples"):
        wanted |= {f"mailer/{name}" for name in _relative(PROJECT / folder, PROJECT)}
    assert held == wanted
