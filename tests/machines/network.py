"""Machines as network namespaces: each has an interface and an address of its own, and a cable to one bridge."""

from __future__ import annotations

import ctypes
import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

_CLONE_NEWNET = 0x40000000  # linux/sched.h; Python knows os.setns from 3.12 on.
_PREFIX = 24
_NETWORK = "10.77.0"


@dataclass(frozen=True, slots=True)
class Machine:
    """A namespace. `cable` is the far end of its cable, which lies in the namespace of the bridge."""

    namespace: str
    address: str
    cable: str
    switch: str

    def command(self, words: Sequence[str]) -> list[str]:
        """A command as it is run on this machine."""
        return ["ip", "netns", "exec", self.namespace, *words]

    def enter(self) -> None:
        """Make this thread, and those that it starts from now on, run on this machine."""
        with open(f"/run/netns/{self.namespace}") as namespace:
            if ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), _CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), f"cannot enter {self.namespace}")

    def pull_cable(self) -> None:
        """Nothing gets in or out any more, and nobody is told."""
        _ip("-n", self.switch, "link", "set", self.cable, "down")

    def plug_cable(self) -> None:
        """The network is back."""
        _ip("-n", self.switch, "link", "set", self.cable, "up")


@contextmanager
def machines(*names: str) -> Iterator[list[Machine]]:
    """Machines of these names, on one network; they and all that runs in them vanish with the block."""
    run = os.getpid()
    switch = f"jianbao-switch-{run}"
    with ExitStack() as stack:
        _add_namespace(stack, switch)
        _ip("-n", switch, "link", "add", "bridge", "type", "bridge")
        _ip("-n", switch, "link", "set", "bridge", "up")
        yield [_add_machine(stack, switch, f"jianbao-{name}-{run}", number) for number, name in enumerate(names, start=1)]


def _add_machine(stack: ExitStack, switch: str, namespace: str, number: int) -> Machine:
    cable, address = f"cable{number}", f"{_NETWORK}.{number}"
    _add_namespace(stack, namespace)
    _ip("-n", switch, "link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", namespace)
    _ip("-n", switch, "link", "set", cable, "master", "bridge", "up")
    _ip("-n", namespace, "address", "add", f"{address}/{_PREFIX}", "dev", "eth0")
    _ip("-n", namespace, "link", "set", "lo", "up")
    _ip("-n", namespace, "link", "set", "eth0", "up")
    return Machine(namespace, address, cable, switch)


def _add_namespace(stack: ExitStack, name: str) -> None:
    _ip("netns", "add", name)
    stack.callback(_ip, "netns", "delete", name)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)
