"""Wall clocks that jump: `clock.c` in front of the C library, told by a file by how many seconds a process's clock is wrong."""

from __future__ import annotations

import shutil
import struct
import subprocess
from pathlib import Path

_SOURCE = Path(__file__).with_name("clock.c")


def library(folder: Path) -> Path | None:
    """Compile what is to be preloaded into `folder`; None where there is no C compiler."""
    compiler = shutil.which("cc")
    if compiler is None:
        return None
    compiled = folder / "clock.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-O2", "-o", compiled, _SOURCE], check=True)
    compiled.chmod(0o755)
    return compiled


class Clock:
    """The wall clock of all processes that were started with `environment`. The monotonic clock stays right, as after a real jump."""

    def __init__(self, file: Path, preloaded: Path) -> None:
        self._file = file
        self._offset = 0
        self._file.write_bytes(struct.pack("q", 0))
        self._file.chmod(0o644)
        self.environment = {"LD_PRELOAD": str(preloaded), "CLOCK_OFFSET_FILE": str(file)}

    def jump(self, seconds: int) -> None:
        """Go forward (back, where negative) by so many seconds from what it says now, at once."""
        self._offset += seconds
        with open(self._file, "r+b", buffering=0) as file:
            file.write(struct.pack("q", self._offset))
