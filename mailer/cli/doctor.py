"""`jianbao doctor`: what is wrong, and what to do."""

from __future__ import annotations

import sys
import textwrap
from functools import partial

import rich_click as click

from mailer.checkup import Finding, Outcome, examine
from mailer.cli import EXIT_NO
from mailer.cli.output import json_option, print_json, settings
from mailer.dns_lookup import make_resolver

_WIDTH = 79
_MARGIN = " " * 9


@click.command()
@click.option("--nameserver", metavar="HOST[:PORT]", help="The name server to ask, by its IP address; else the system's.")
@json_option
def doctor(nameserver: str | None, as_json: bool) -> None:
    """Look at database, broker, relays, clock, disk, keys, DNS records and mailings. Exit 1 when there is a fault.

    Example: `jianbao doctor`
    """
    findings = []
    for finding in examine(settings(), partial(make_resolver, nameserver)):
        findings.append(finding)
        if not as_json:
            click.echo(_text(finding))
    sound = all(finding.outcome is not Outcome.FAULT for finding in findings)
    if as_json:
        print_json({"ok": sound, "checks": findings})
    sys.exit(0 if sound else EXIT_NO)


def _text(finding: Finding) -> str:
    head = f"{finding.outcome:<9}{finding.name}: {finding.message}"
    lines = [textwrap.fill(head, _WIDTH, subsequent_indent=_MARGIN, break_on_hyphens=False)]
    if finding.cure:
        arrow, below = f"{_MARGIN}→ ", f"{_MARGIN}  "
        lines.append(textwrap.fill(finding.cure, _WIDTH, initial_indent=arrow, subsequent_indent=below, break_on_hyphens=False))
    return "\n".join(lines)
