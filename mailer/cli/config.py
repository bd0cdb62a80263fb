"""`jianbao config`: what is set, and where it came from."""

from __future__ import annotations

import rich_click as click

from mailer.cli.output import json_option, print_json, print_table, settings
from mailer.settings import PREFIX


@click.group()
def config() -> None:
    """The settings in force. Example: `jianbao config show`."""


@config.command()
@json_option
def show(as_json: bool) -> None:
    """Print every setting, where it came from and what it is for; secrets are masked.

    Example: `jianbao config show --json`
    """
    values = settings().values.values()
    if as_json:
        print_json({value.setting.name: {"value": value.shown, "origin": value.origin} for value in values})
    else:
        rows = [(PREFIX + value.setting.name, value.shown, value.origin, value.setting.about) for value in values]
        print_table(("setting", "value", "from", "what it is"), rows)
