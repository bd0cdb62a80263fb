"""Completion at the Tab key, asked as a shell asks for it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

_JIANBAO = Path(sys.executable).parent / "jianbao"


def completed(*words: str) -> set[str]:
    """What bash would be offered after these words."""
    asked = {"_JIANBAO_COMPLETE": "bash_complete", "COMP_WORDS": " ".join(("jianbao", *words)), "COMP_CWORD": str(len(words))}
    answer = subprocess.run([_JIANBAO], env=os.environ | asked, capture_output=True, text=True, check=True)
    return {line.partition(",")[2] for line in answer.stdout.splitlines()}


def test_commands_their_commands_and_their_options_are_completed() -> None:
    assert {"mailing"} <= completed("mail")
    assert {"show", "schedule"} <= completed("mailing", "s")
    assert {"--succession"} <= completed("list", "create", "--s")
    assert {"role:office"} <= completed("list", "create", "--succession", "role")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_is_given_what_it_can_read(shell: str) -> None:
    script = subprocess.run([_JIANBAO, "completion", shell], capture_output=True, text=True, check=True).stdout
    assert f"_JIANBAO_COMPLETE={shell}_complete" in script
    if shell == "bash":
        subprocess.run(["bash", "-n"], input=script, text=True, check=True)
