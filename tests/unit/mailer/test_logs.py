"""Logs that one can read after a night of trouble."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import structlog

from mailer.logs import Repetitions


def test_trouble_that_goes_on_is_told_once_a_minute_with_how_often_and_nothing_else_is_left_out() -> None:
    now = 0.0
    processor = Repetitions(clock=lambda: now)

    def tell(**event: object) -> object:
        try:
            return processor(None, "", {"event": "tick_failed", **event})
        except structlog.DropEvent:
            return None

    away = {"level": "warning", "error": "connection refused"}
    told = []
    for second in range(121):
        now = float(second)
        told += [answer for answer in (tell(**away), tell(**away)) if answer]
    assert told == [
        {"event": "tick_failed", **away},
        {"event": "tick_failed", **away, "repeated": 119},
        {"event": "tick_failed", **away, "repeated": 119},
    ]
    assert tell(level="warning", error="it is starting up") is not None
    assert tell(level="info") == tell(level="info") is not None


def test_what_was_told_is_not_remembered_for_ever() -> None:
    processor = Repetitions(clock=lambda: 0.0)
    for one in range(5000):
        processor(None, "", {"event": "hit_lost", "level": "error", "delivery": one})
    assert len(processor._told) <= 1000


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device that is always full is one of Linux'")
def test_a_disk_without_room_for_logs_ends_nothing() -> None:
    program = (
        "import structlog; from mailer.logs import configure_logs; configure_logs()\n"
        "for number in range(1000): structlog.get_logger().info('mailing_started', mailing=number)\n"
        "print('went on', flush=True)"
    )
    with open("/dev/full", "wb") as full:
        done = subprocess.run([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=full, timeout=60, check=False)
    assert done.stdout == b"went on\n"


def test_what_a_library_says_again_and_again_is_told_once() -> None:
    program = (
        "import logging; from mailer.logs import configure_logs; configure_logs()\n"
        "for _ in range(100): logging.getLogger('celery').error('refused by %s', 'the broker')\n"
        "logging.getLogger('celery').error('refused by %s', 'another')"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stderr
    assert [json.loads(line)["event"] for line in said.splitlines()] == ["refused by the broker", "refused by another"]
