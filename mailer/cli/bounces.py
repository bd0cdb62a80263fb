"""`jianbao bounce`: what mail servers answered, and what came back."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import rich_click as click

from mailer.bootstrap import judge, reply_table
from mailer.cli import returns
from mailer.cli.output import json_option, print_json, settings
from mailer.feedback import Facts, read_message
from mailer.returns.files import messages_at, messages_in


@click.group()
def bounce() -> None:
    """What mail servers answered, and what came back. Example: `jianbao bounce classify returned.eml`."""


@bounce.command()
@click.argument("files", nargs=-1, type=click.Path(path_type=Path, exists=True, allow_dash=True))
@click.option("--reply", help="Instead of files, one SMTP reply, like `550 5.1.1 User unknown`.")
@click.option("--provider", help="With --reply: who runs the mailbox, like tencent or netease.")
@json_option
def classify(files: tuple[Path, ...], reply: str | None, provider: str | None, as_json: bool) -> None:
    """Say what messages that came back mean, or one SMTP reply; nothing is changed.

    FILES are messages, mbox files, Maildirs or folders; without any, or for `-`, standard input is read. Each recipient's
    class is hard, soft, complaint, autoreply, delivered or report; that of a reply hard, soft, rate or sender.

    Example: `jianbao bounce classify returned.eml`
    """
    if reply is not None:
        if files:
            raise click.UsageError("--reply takes no files. Give one or the other.")
        _classify_reply(reply, provider, as_json=as_json)
        return
    if not files and sys.stdin.isatty():
        raise click.UsageError("Nothing to read. Give files, or --reply, or pipe a message in.")
    texts = judge(settings())
    for name, content in _messages(files):
        _print_facts(name, read_message(content, texts), as_json=as_json)


def _classify_reply(reply: str, provider: str | None, *, as_json: bool) -> None:
    verdict = reply_table(settings()).verdict_of_text(reply, provider)
    if as_json:
        print_json({"class": verdict.class_, "reason": verdict.meaning, "rule": verdict.rule, "confidence": verdict.confidence})
    else:
        click.echo(f"{verdict.class_}: {verdict.meaning} ({verdict.confidence} confidence, by {verdict.rule})")


def _messages(files: tuple[Path, ...]) -> Iterator[tuple[str, bytes]]:
    for path in files or (Path("-"),):
        yield from messages_in(sys.stdin.buffer, "-") if str(path) == "-" else messages_at(path)


def _print_facts(name: str, read: Facts, *, as_json: bool) -> None:
    said = [fact for fact in read.facts if fact.class_ is not None]
    if as_json:
        recipients = [
            {
                "address": fact.recipient,
                "class": fact.class_,
                "reason": fact.reason,
                "status": fact.status,
                "diagnostic": fact.diagnostic,
                "rule": fact.rule,
                "known": fact.known,
            }
            for fact in said
        ]
        print_json({"file": name, "kind": read.form, "recipients": recipients})
        return
    for fact in said:
        click.echo(f"{name}: {fact.recipient or '(nobody named)'}: {fact.class_}, {fact.reason}")
    if not said:
        click.echo(f"{name}: nothing that came back ({read.form})")


for command in (
    returns.ingest,
    returns.policy,
    returns.poll,
    returns.probe,
    returns.receive,
    returns.reactivate,
    returns.unknown,
):
    bounce.add_command(command)
