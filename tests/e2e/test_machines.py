"""The short form of `python -m tests.machines.run`: a mailing shared by two machines, one of which loses its network, one its power."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import pytest

from tests.paths import PROJECT


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="machines made of namespaces need root, and Linux")
@pytest.mark.skipif(shutil.which("ip") is None, reason="needs ip from iproute2")
def test_a_machine_without_network_and_one_without_power_lose_nobody() -> None:
    options = ["--short", "--recipients", "1500", "--pace", "75/s"]
    command = [sys.executable, "-m", "tests.machines.run", *options]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=300, check=False)
    assert done.stdout, done.stderr
    found = json.loads(done.stdout)
    assert found["wrong"] == []
    assert found["recipients"] == 1500
    assert done.returncode == 0
