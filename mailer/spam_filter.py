"""What SpamAssassin, where it is installed, thinks of a message, by its own rules alone."""

from __future__ import annotations

import re
import shutil
import subprocess

from mailer.preflight import Finding, Level

_PROGRAM = "spamassassin"
_SECONDS = 60
_AIM = 1.0
_SPAM = 5.0  # SpamAssassin's own default
_STATUS = re.compile(r"^X-Spam-Status: .*?score=(-?[\d.]+)", re.MULTILINE | re.DOTALL)
_RULE = re.compile(r"^ *(-?\d+(?:\.\d)?) ([A-Z][A-Z0-9_]+) ", re.MULTILINE)
_OWN_HOST = ("NO_RELAYS", "NO_RECEIVED")  # the specimen has not travelled


def spam_filter(content: bytes) -> tuple[Finding, ...]:
    """A finding where the score is above 1, with the rules that it comes from; none where the program is not installed."""
    program = shutil.which(_PROGRAM)
    if program is None:
        return ()
    try:
        done = subprocess.run(
            [program, "--local", "--test-mode"], input=content, capture_output=True, timeout=_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return (
            _finding(Level.WARNING, f"did not answer within {_SECONDS} s", "Try it by hand: spamassassin -L -t < issue.eml."),
        )
    report = done.stdout.decode("utf-8", "replace")
    found = _STATUS.search(report)
    if found is None:
        return (_finding(Level.WARNING, "gave no score", "Try it by hand: spamassassin -L -t < issue.eml."),)
    score = float(found[1])
    if score <= _AIM:
        return ()
    rules = [f"{name} {points}" for points, name in _RULE.findall(report) if float(points) > 0 and name not in _OWN_HOST]
    level = Level.ERROR if score >= _SPAM else Level.WARNING
    return (
        _finding(level, f"scores {score}: {', '.join(dict.fromkeys(rules))}", "See what these rules look for, and mend that."),
    )


def _finding(level: Level, message: str, cure: str) -> Finding:
    return Finding("spam_filter", level, "message", f"SpamAssassin {message}", cure)
