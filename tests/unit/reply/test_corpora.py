"""Replies that others collected: no good address may be lost by them."""

from __future__ import annotations

import json
from dataclasses import replace
from email import message_from_bytes
from email.message import Message

import pytest

from mailer.reply import Command, Reply, ReplyTable, VerdictClass, parse_reply
from tests.paths import CORPORA

pytestmark = pytest.mark.skipif(CORPORA is None, reason="the corpora lie beside the project and are not here")
TABLE = ReplyTable.load()
_PROVIDERS = {
    "qq": "tencent",
    "netease": "netease",
    "alimail": "aliyun",
    "aliyun-dm": "aliyun",
    "263": "263",
    "coremail": "coremail",
}
# Its text says "Not enough disk space", which the quoted reply does not: a reader of reports must weigh both.
_SAYS_MORE_ELSEWHERE = {"sisimai__rfc3464-01.eml"}


def _cases() -> list[tuple[str, str, str]]:
    if CORPORA is None:
        return []
    cases = json.loads((CORPORA / "smtp_replies.json").read_text(encoding="utf-8"))["cases"]
    return [(provider, text, class_) for provider, text, class_, _ in cases]


@pytest.mark.parametrize(("provider", "text", "class_"), _cases())
def test_each_published_reply_is_read_as_its_provider_means_it(provider: str, text: str, class_: str) -> None:
    assert TABLE.verdict_of_text(text, _PROVIDERS.get(provider, "other")).class_ == class_


@pytest.mark.parametrize(("provider", "text", "class_"), _cases())
def test_each_published_reply_is_read_so_where_nobody_says_whose_it_is(provider: str, text: str, class_: str) -> None:
    assert TABLE.verdict_of_text(text, None).class_ == class_


def test_no_diagnostic_of_a_bounce_that_is_not_hard_reads_as_hard_in_a_report() -> None:
    harmful, right, all_ = [], 0, 0
    for label in _bounces():
        verdicts = [TABLE.verdict(reply, "other") for reply in _diagnostics(label["file"])]
        classes = {verdict.class_in_report for verdict in verdicts}
        all_ += bool(classes)
        right += classes == {label["class_"]}
        if VerdictClass.HARD in classes and label["class_"] == "soft":
            harmful.append(label["file"])
    assert set(harmful) <= _SAYS_MORE_ELSEWHERE
    assert all_ > 100
    assert right / all_ > 0.95


def _bounces() -> list[dict[str, str]]:
    assert CORPORA is not None
    labels = json.loads((CORPORA / "bounces" / "labels.json").read_text(encoding="utf-8"))
    return [label for label in labels if label["class_"] in ("hard", "soft")]


def _diagnostics(file: str) -> list[Reply]:
    """The replies that a delivery status (RFC 3464) quotes, with the command that the text beside it names, if any."""
    assert CORPORA is not None
    message = message_from_bytes((CORPORA / "bounces" / file).read_bytes())
    parts = message.get_payload()
    if not isinstance(parts, list):
        return []
    explained = " ".join(str(part.get_payload()) for part in parts[:1] if isinstance(part, Message))
    command = Command.RCPT if "RCPT" in explained.upper() and ">>> DATA" not in explained else Command.DOT
    command = parse_reply(explained, command).command
    statuses = [part for part in parts if isinstance(part, Message) and part.get_content_type() == "message/delivery-status"]
    blocks = [block for status in statuses for block in status.get_payload() if isinstance(block, Message)]
    return [_with_status(parse_reply(block["Diagnostic-Code"], command), block) for block in blocks if block["Diagnostic-Code"]]


def _with_status(reply: Reply, block: Message) -> Reply:
    status = str(block["Status"] or "").split(" ")[0]
    return replace(reply, enhanced=status) if reply.enhanced is None and status and not status.endswith(".0.0") else reply
