"""Processes that are started again when they end, as an init system does, and a record of how each of them ended."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

_LOOK_SECONDS = 0.05
_RESTART_SECONDS = 0.5  # After so long; many init systems wait longer.


@dataclass(frozen=True, slots=True)
class End:
    """One process has ended: by itself, or because it was asked to."""

    name: str
    pid: int
    status: int
    asked: bool


@dataclass(slots=True)
class _Child:
    command: Sequence[str]
    environment: Mapping[str, str]
    process: subprocess.Popen[bytes] | None = None
    ended_at: float = 0.0
    asked: set[int] = field(default_factory=set)


class Supervisor:
    """Starts children and keeps them running until the block ends. `on_end` hears of each end, before its successor starts."""

    def __init__(self, log: Path, on_end: Callable[[End], None] = lambda _: None) -> None:
        self.ends: list[End] = []
        self._log = log.open("ab")
        self._on_end = on_end
        self._children: dict[str, _Child] = {}
        self._lock = threading.RLock()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="supervisor", daemon=True)

    def add(self, name: str, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """Start a child, and keep it running."""
        child = _Child(command, environment)
        with self._lock:
            self._start(child)
            self._children[name] = child

    def pid(self, name: str) -> int | None:
        """The process id of a child, if it runs now."""
        process = self._children[name].process
        return process.pid if process is not None else None

    def send(self, name: str, number: signal.Signals) -> int:
        """Send a signal to a child, once it runs. Returns its process id."""
        while True:
            with self._lock:
                process = self._children[name].process
                if process is not None:
                    self._send(self._children[name], process, number)
                    return process.pid
            time.sleep(_LOOK_SECONDS)

    def kill_all(self) -> None:
        """Kill every child before any is started again."""
        with self._lock:
            for child in self._children.values():
                if child.process is not None:
                    self._send(child, child.process, signal.SIGKILL)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._over.set()
        self._thread.join()
        running = [child.process for child in self._children.values() if child.process is not None]
        for process in running:
            process.send_signal(signal.SIGCONT)
            process.terminate()
        for process in running:
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._log.close()

    @staticmethod
    def _send(child: _Child, process: subprocess.Popen[bytes], number: signal.Signals) -> None:
        if number in (signal.SIGKILL, signal.SIGTERM):
            child.asked.add(process.pid)
        process.send_signal(number)

    def _start(self, child: _Child) -> None:
        child.process = subprocess.Popen(
            list(child.command),
            env=dict(child.environment),
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            start_new_session=True,
        )

    def _watch(self) -> None:
        while not self._over.wait(_LOOK_SECONDS):
            with self._lock:
                for name, child in self._children.items():
                    self._look(name, child)

    def _look(self, name: str, child: _Child) -> None:
        if child.process is None:
            if time.monotonic() - child.ended_at >= _RESTART_SECONDS:
                self._start(child)
        elif child.process.poll() is not None:
            end = End(name, child.process.pid, child.process.returncode, child.process.pid in child.asked)
            self.ends.append(end)
            self._on_end(end)
            child.process, child.ended_at = None, time.monotonic()


def environment(settings: Mapping[str, str], more: Mapping[str, str]) -> dict[str, str]:
    """This process's environment with none of the installation's settings but these."""
    theirs = {name: value for name, value in os.environ.items() if not name.startswith("JIANBAO_")}
    return theirs | {f"JIANBAO_{name}": value for name, value in settings.items()} | dict(more)
