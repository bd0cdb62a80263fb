"""The servers that mail is sent to, and Postfix' own load generator, which is what we are measured against."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.figures import CannotMeasure
from mailer.demo.stage import free_port

MESSAGE_OCTETS = 78_000
SESSIONS = 16
FASTSINK_VARIABLE = "JIANBAO_TEST_FASTSINK"
MATERIAL = Path(os.environ.get("JIANBAO_TESTMATERIAL", Path(__file__).resolve().parents[2] / "shared"))
_BACKLOG = 1000
_READY_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Cost:
    """What a run of so many messages took; `parts` says who had the CPU."""

    messages: int
    seconds: float
    parts: Mapping[str, float]

    @property
    def rate(self) -> float:
        """Messages a second."""
        return self.messages / self.seconds

    @property
    def cpu(self) -> float:
        """Microseconds of CPU a message."""
        return sum(self.parts.values()) / self.messages * 1e6


@contextmanager
def smtp_sink() -> Iterator[int]:
    """Debian's smtp-sink on a loopback port, which takes everything. CannotMeasure where it is not installed."""
    # It refuses to run as root.
    user = ["-u", "nobody"] if os.geteuid() == 0 else []
    with _server(lambda port: [_postfix("smtp-sink"), *user, f"127.0.0.1:{port}", str(_BACKLOG)]) as port:
        yield port


@contextmanager
def fastsink() -> Iterator[int]:
    """A sink that costs a tenth of smtp-sink's CPU, so that the sender is what is measured; built when it is used.

    CannotMeasure where its source is not here.
    """
    source = fastsink_source()
    if source is None:
        raise CannotMeasure(f"no fastsink.c here. Set {FASTSINK_VARIABLE} to its path.")
    with tempfile.TemporaryDirectory(prefix="jianbao-bench-") as folder:
        program = Path(folder, "fastsink")
        compiler = shutil.which("cc") or "cc"
        subprocess.run([compiler, "-O2", "-w", "-o", str(program), str(source)], check=True)
        with _server(lambda port: [str(program), str(port)]) as port:
            yield port


def quick_sink() -> AbstractContextManager[int]:
    """fastsink where it can be built, else smtp-sink."""
    return fastsink() if fastsink_source() else smtp_sink()


def fastsink_source() -> Path | None:
    """Where the source of fastsink is, or None."""
    path = Path(os.environ.get(FASTSINK_VARIABLE, MATERIAL / "tools" / "fastsink.c"))
    return path if path.is_file() and shutil.which("cc") else None


def smtp_source(port: int, messages: int) -> Cost:
    """Send that many messages of MESSAGE_OCTETS with Postfix' smtp-source over SESSIONS connections that stay open."""
    options = ["-d", "-s", str(SESSIONS), "-m", str(messages), "-l", str(MESSAGE_OCTETS)]
    addresses = ["-f", "bulletin@sender.example", "-t", "reader@institute.example"]
    began = time.perf_counter()
    child = subprocess.Popen([_postfix("smtp-source"), *options, *addresses, f"127.0.0.1:{port}"])
    _, status, usage = os.wait4(child.pid, 0)
    seconds = time.perf_counter() - began
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise CannotMeasure(f"smtp-source ended with status {child.returncode}.")
    return Cost(messages, seconds, {"smtp-source": usage.ru_utime + usage.ru_stime})


def _postfix(program: str) -> str:
    found = shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if found is None:
        raise CannotMeasure(
            f"{program} is not installed. On Debian it comes with the package postfix: `make bench` installs it."
        )
    return found


@contextmanager
def _server(command: Callable[[int], list[str]]) -> Iterator[int]:
    port = free_port()
    words = command(port)
    child = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True)
    try:
        _await_server(port, child, Path(words[0]).name)
        yield port
    finally:
        child.kill()
        child.wait()


def _await_server(port: int, child: subprocess.Popen[bytes], name: str) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while time.monotonic() < deadline and child.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.02)
    raise CannotMeasure(f"{name} does not answer on port {port}.")
