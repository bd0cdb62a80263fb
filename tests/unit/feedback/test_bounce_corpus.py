"""Bounces that others collected and labelled. The worst error is to lose a good address to a misread one: it must not happen once."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from mailer.feedback import Judge, read_message
from mailer.provider import ProviderTable
from mailer.reply import ReplyTable
from tests.paths import CORPORA

pytestmark = pytest.mark.skipif(CORPORA is None, reason="the corpora lie beside the project and are not here")
JUDGE = Judge(ReplyTable.load(), ProviderTable.load())
# What a label stands for, where it is no class of ours.
_WANTED = {
    "temporary": {"soft"},
    "nothing": set[str](),
    "not_a_bounce": set[str](),
    "hard_or_permanent": {"hard", "soft"},
    "mixed": {"hard", "soft"},
}


def _read() -> list[tuple[dict[str, Any], set[str], set[str]]]:
    """Each label with the classes and the recipients that we read."""
    if CORPORA is None:
        return []
    folder = CORPORA / "bounces"
    labels = [label for label in json.loads((folder / "labels.json").read_text()) if label.get("class_")]
    read = []
    for label in labels:
        facts = [fact for fact in read_message((folder / label["file"]).read_bytes(), JUDGE).facts if fact.class_]
        read.append((label, {str(fact.class_) for fact in facts}, {fact.recipient.lower() for fact in facts}))
    return read


READ = _read()


def _wanted(label: dict[str, Any]) -> set[str]:
    return _WANTED.get(label["class_"], {label["class_"]})


def test_no_good_address_is_lost() -> None:
    assert [label["file"] for label, classes, _ in READ if "hard" in classes and "hard" not in _wanted(label)] == []


def test_nearly_every_class_is_read_as_labelled() -> None:
    misses = [
        label["file"] for label, classes, _ in READ if not (classes <= _wanted(label) and (classes or not _wanted(label)))
    ]
    assert len(misses) <= 0.02 * len(READ), misses


def test_nearly_every_recipient_is_found_and_nobody_else() -> None:
    named = [(label, found) for label, _, found in READ if label.get("recipients")]
    misses = [label["file"] for label, found in named if found != {address.lower() for address in label["recipients"]}]
    assert len(misses) <= 0.02 * len(named), misses


def test_five_hundred_messages_are_read_in_a_second_of_one_core() -> None:
    if CORPORA is None:
        pytest.skip("the corpora are not here")
    messages = [path.read_bytes() for path in (CORPORA / "bounces").glob("*.eml")]
    judge = Judge(ReplyTable.load(), ProviderTable.load())
    started = time.process_time()
    for message in messages:
        read_message(message, judge)
    assert len(messages) / (time.process_time() - started) > 250, "half of what is asked, for the sake of slow machines"
