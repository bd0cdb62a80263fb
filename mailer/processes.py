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

import structlog

from mailer.settings import Settings
from subscribers.errors import ServiceError

DRAIN_SECONDS = 30.0
_LOOK_SECONDS = 0.1
_RESTART_SECONDS = 1.0

log = structlog.get_logger()


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
        self._commands: dict[str, Sequence[str]] = {}
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
        self.children[name], self._commands[name] = child, command
        return child

    def wait(self) -> None:
        """Until Ctrl-C, SIGTERM, or the terminal is closed, unless nohup(1) has us outlive it.

        A child that was killed, as by a system without memory, is started again. ServiceError when one ends by itself, as it would do
        again: the others are stopped with it.
        """
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, self._stop)
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            signal.signal(signal.SIGHUP, self._stop)
        while not self._stopping:
            self._replace_killed()
            self.check()
            time.sleep(_LOOK_SECONDS)

    def _replace_killed(self) -> None:
        for name, child in list(self.children.items()):
            if (child.poll() or 0) < 0:
                log.error("part_killed", part=name, signal=-child.returncode)
                time.sleep(_RESTART_SECONDS)  # It may be killed again and again.
                self.start(name, self._commands[name])

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
