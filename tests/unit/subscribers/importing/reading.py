"""Reading a file as an import does, for tests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from subscribers.importing.reading import parts_of
from subscribers.importing.rows import STAGED, Reject, Remark
from subscribers.importing.source import look_at


@dataclass(slots=True)
class Read:
    """All that a file comes to; each row has the columns that are not empty."""

    rows: list[dict[str, str]] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)
    institutes: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def addresses(self) -> list[str]:
        return [row["canonical"] for row in self.rows]

    def column(self, name: str) -> list[str]:
        return [row.get(name, "") for row in self.rows]


def read(content: str | bytes, path: Path, chosen: Mapping[str, str] | None = None) -> Read:
    """Write a file and read it."""
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    found = Read()
    for part in parts_of(look_at(path), chosen or {}):
        found.notes += part.columns.notes
        for checked in part.chunks:
            for line in checked.lines.splitlines():
                found.rows.append({name: cell for name, cell in zip(STAGED, line.split("\t"), strict=True) if cell})
            found.rejects += checked.rejects
            found.remarks += checked.remarks
            found.institutes += [one.name for one in checked.institutes]
    return found
