"""What the demo stands on: a cleared folder, a free port, an environment for its processes, the mail world as one of them."""

from __future__ import annotations

import fcntl
import json
import os
import select
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from mailer.embedded import stop_services
from mailer.settings import PREFIX, Settings
from subscribers.errors import InputError, ServiceError

_READY_SECONDS = 20.0
_FINISH_SECONDS = 30.0


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """No other demo uses `folder` while the block runs; it would take away what is there. InputError where one does already."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with open(folder.with_name(f"{folder.name}.lock"), "w") as lock:  # beside it, for the folder is taken away
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise InputError(f"a demo runs in {folder} already. Wait for its end, or give another JIANBAO_DATA_DIR.") from error
        yield


def clear(folder: Path) -> Path:
    """Take away what an earlier demo left in `folder`, its services too; returns the new, empty data directory."""
    data = folder / "data"
    stop_services(data)
    shutil.rmtree(folder, ignore_errors=True)
    data.mkdir(parents=True)
    return data


def free_port() -> int:
    """A TCP port of the loopback interface that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment_of(settings: Settings, data: Path, smtp_url: str, port: int) -> dict[str, str]:
    """The environment of the demo's processes: none of the installation's settings but the number of workers."""
    theirs = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    ours = {
        "DATA_DIR": str(data),
        "SMTP_URL": f"{smtp_url}?starttls=none&connections=4",
        "BASE_URL": f"http://127.0.0.1:{port}",
        "WEB_PORT": str(port),
        "BOUNCE_DOMAIN": "bounce.sender.example",
        "UNSUBSCRIBE_MAILTO": "leave@sender.example",
        "WORKER_PROCESSES": settings["WORKER_PROCESSES"],
    }
    return theirs | {PREFIX + name: value for name, value in ours.items()}


class Parts:
    """How long each part took; telling of each as it begins."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self.seconds: dict[str, float] = {}
        self._tell = tell
        self._name = ""
        self._began = 0.0

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """The first part; the last one ends with the block."""
        self._begin(name)
        yield
        self._end()

    def next(self, name: str) -> None:
        """The part under way is over, and the next begins."""
        self._end()
        self._begin(name)

    def _begin(self, name: str) -> None:
        self._tell(name)
        self._name, self._began = name, time.monotonic()

    def _end(self) -> None:
        self.seconds[self._name] = round(time.monotonic() - self._began, 2)


class WorldProcess:
    """The mail world in a process of its own, whose readers visit the web server at `port`."""

    def __init__(self, seed: int, ledger_file: Path, port: int, log: IO[bytes]) -> None:
        base_url = f"http://127.0.0.1:{port}"
        command = [
            sys.executable,
            "-m",
            "mailer.world",
            "--seed",
            str(seed),
            "--ledger",
            str(ledger_file),
            "--base-url",
            base_url,
        ]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, start_new_session=True
        )
        self.smtp_url = str(self._first_words()["smtp_url"])

    def _first_words(self) -> Mapping[str, object]:
        assert self._process.stdout is not None
        heard, _, _ = select.select([self._process.stdout], [], [], _READY_SECONDS)
        line = self._process.stdout.readline() if heard else b""
        if not line:
            self._process.kill()
            raise ServiceError(
                "the demo's mail servers did not start. Try again; if it stays so, see processes.log beside the report."
            )
        words = json.loads(line)
        assert isinstance(words, dict)
        return words

    def finish(self) -> None:
        """Let the readers finish, and end."""
        self._process.terminate()
        try:
            self._process.wait(_FINISH_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
