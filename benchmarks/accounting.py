"""What processes have cost, as Linux keeps it in /proc."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class _Process:
    parent: int
    ticks: int


def cpu_seconds(roots: Iterable[int]) -> float:
    """CPU that these processes and all below them have had so far, children that have ended and were waited for among it.

    Two readings are subtracted; each is good to a tick a process (10 ms).
    """
    table = _table()
    return sum(table[pid].ticks for pid in _with_descendants(set(roots), table)) / _TICKS


def cpu_by_part(parts: Mapping[str, Iterable[int]]) -> dict[str, float]:
    """`cpu_seconds` of each named part."""
    return {name: cpu_seconds(roots) for name, roots in parts.items()}


def peak_bytes(pid: int) -> int:
    """The most memory that the process ever had resident."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise ProcessLookupError(pid)


def cpu_model() -> str:
    """The processor's name, and how many of its cores there are here."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return f"{line.partition(':')[2].strip()} x {os.cpu_count()}"
    return f"unknown x {os.cpu_count()}"


def _table() -> dict[int, _Process]:
    table = {}
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            try:
                table[int(entry.name)] = _read(Path(entry.path, "stat").read_text())
            except (FileNotFoundError, ProcessLookupError):
                continue  # It has just ended, and its parent answers for it.
    return table


def _read(stat: str) -> _Process:
    """proc_pid_stat(5): after the name in brackets come the state, the parent, and as 12th to 15th the four times."""
    words = stat.rpartition(")")[2].split()
    return _Process(parent=int(words[1]), ticks=sum(map(int, words[11:15])))


def _with_descendants(pids: set[int], table: dict[int, _Process]) -> set[int]:
    found = pids & table.keys()
    while more := {pid for pid, process in table.items() if process.parent in found} - found:
        found |= more
    return found
