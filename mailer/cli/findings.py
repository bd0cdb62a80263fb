"""Findings as staff read them."""

from __future__ import annotations

from collections.abc import Sequence

import rich_click as click

from mailer.cli import EXIT_NO
from mailer.cli.output import print_json
from mailer.preflight import Finding, Level

_COLOURS = {Level.ERROR: "red", Level.WARNING: "yellow"}


def print_findings(findings: Sequence[Finding], *, as_json: bool, clean: str) -> None:
    """Every finding with its place and its cure, the errors first; `clean` where there is none."""
    ordered = sorted(findings, key=lambda finding: list(Level).index(finding.level))
    if as_json:
        print_json(ordered)
    elif ordered:
        for finding in ordered:
            click.secho(f"{finding.level}: ", fg=_COLOURS[finding.level], bold=True, nl=False)
            click.echo(f"{finding.place}: {finding.message}.")
            click.echo(f"    {finding.cure} [{finding.rule}]")
    else:
        click.echo(clean)


def exit_code(findings: Sequence[Finding]) -> int:
    """1 where something must be mended before the mail leaves."""
    return EXIT_NO if any(finding.level is Level.ERROR for finding in findings) else 0
