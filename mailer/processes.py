"""Child processes that live and end together: the parts of the system on one machine."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType, TracebackType
from typing import IO, Self

from mailer.settings import Settings
from subscribers.errors import ServiceError

DRAIN_SECONDS = 30.0
_LOOK_SECONDS = 0.1


def system_commands(settings: Settings) -> Iterator[tuple[str, list[str]]]:
    """The name and command of each part of a whole system under these settings."""
    yield "web", [sys.executable, "-m", "mailer.cli", "web"]
    yield "scheduler", [sys.executable, "-m", "workers.scheduler"]
    if settings["BOUNCE_MAILBOX"]:
        yield "mailbox", [sys.executable, "-m", "mailer.cli", "bounce", "poll", "--follow"]
    if settings["BOUNCE_LISTEN"]:
        yield "listener", [sys.executable, "-m", "mailer.cli", "bounce", "receive"]
    for number in range(1, settings.number("WORKER_PROCESSES") + 1):
        yield f"worker {number}", [sys.executable, "-m", "workers.worker"]


class Processes:
    """A group of children. Leaving the block asks all to end (SIGTERM), and kills what has not after DRAIN_SECONDS."""

    def __init__(self, environment: Mapping[str, str], log: IO[bytes] | None = None, folder: Path | None = None) -> None:
        self.environment = dict(environment)
        self.log = log
        self.folder = folder  # where they work, and so whose `.env` they read; else where we do
        self.children: dict[str, subprocess.Popen[bytes]] = {}
        self._stopping = False

    def __enter__(self) -> Self:
        return self

    def start(self, name: str, command: Sequence[str]) -> subprocess.Popen[bytes]:
        """Start a child. It has a process group of its own: Ctrl-C reaches it through us, once, as SIGTERM."""
        child = subprocess.Popen(
            list(command),
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=self.log,
            start_new_session=True,
        )
        self.children[name] = child
        return child

    def wait(self) -> None:
        """Until Ctrl-C or SIGTERM. ServiceError when a child ends by itself: the others are stopped with it."""
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, self._stop)
        while not self._stopping:
            self.check()
            time.sleep(_LOOK_SECONDS)

    def check(self) -> None:
        """ServiceError when one of the children has ended."""
        for name, child in self.children.items():
            if child.poll() is not None:
                raise ServiceError(f"{name} ended with status {child.returncode}; its last words are above.")

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self._stopping = True

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for child in self.children.values():
            child.terminate()
        deadline = time.monotonic() + DRAIN_SECONDS
        for child in self.children.values():
            try:
                child.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
