"""`jianbao completion`: what makes a shell complete commands and options at the Tab key."""

from __future__ import annotations

import rich_click as click
from click.shell_completion import BashComplete, FishComplete, ShellComplete, ZshComplete

_SHELLS: dict[str, type[ShellComplete]] = {"bash": BashComplete, "zsh": ZshComplete, "fish": FishComplete}


@click.command()
@click.argument("shell", type=click.Choice(list(_SHELLS)))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print what makes SHELL complete this program's commands and options.

    Example: `jianbao completion bash > ~/.local/share/bash-completion/completions/jianbao`
    """
    # BashComplete.source() would start a bash to ask for its version; the script may be made for another machine's.
    script = _SHELLS[shell](context.find_root().command, {}, "jianbao", "_JIANBAO_COMPLETE")
    click.echo(script.source_template % script.source_vars())
