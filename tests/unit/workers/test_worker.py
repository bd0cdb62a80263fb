"""What a worker process does to the machine that it is on."""

import os
import subprocess
import sys

import pytest

_GIVES_WAY = "import os; from workers.worker import give_way; give_way(); print(os.sched_getscheduler(0) == os.SCHED_BATCH)"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has this class of scheduling")
def test_a_worker_interrupts_nobody_when_it_has_something_to_do_again() -> None:
    assert os.sched_getscheduler(0) == os.SCHED_OTHER
    said = subprocess.run([sys.executable, "-c", _GIVES_WAY], capture_output=True, text=True, check=True, timeout=60)
    assert said.stdout.strip() == "True"
