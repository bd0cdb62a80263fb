"""`jianbao bounce`: what mail servers answered."""

from __future__ import annotations

import rich_click as click

from mailer.cli import returns
from mailer.cli.output import json_option, print_json
from mailer.reply import ReplyTable


@click.group()
def bounce() -> None:
    """What mail servers answered. Example: `jianbao bounce classify --reply "550 User not found"`."""


@bounce.command()
@click.option("--reply", required=True, help="One SMTP reply, like `550 5.1.1 User unknown`.")
@click.option("--provider", help="Who runs the mailbox, like tencent or netease.")
@json_option
def classify(reply: str, provider: str | None, as_json: bool) -> None:
    """Say what an SMTP reply means: hard, soft, rate or sender; nothing is changed.

    Example: `jianbao bounce classify --reply "550 Connection frequency limited" --provider tencent`
    """
    verdict = ReplyTable.load().verdict_of_text(reply, provider)
    if as_json:
        print_json({"class": verdict.class_, "reason": verdict.meaning, "rule": verdict.rule, "confidence": verdict.confidence})
    else:
        click.echo(f"{verdict.class_}: {verdict.meaning} ({verdict.confidence} confidence, by {verdict.rule})")


for command in (returns.ingest, returns.poll, returns.receive, returns.reactivate, returns.unknown):
    bounce.add_command(command)
