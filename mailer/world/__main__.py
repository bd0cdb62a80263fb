"""The world as a process: `python -m mailer.world --seed 1 --ledger FILE` prints one JSON line when it listens.

It ends on SIGTERM or SIGINT, when its parent dies, or when its standard input, being a pipe, is closed; its last line is the
ledger's summary.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import stat
import sys
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from mailer.world.shares import Shares
from mailer.world.world import World
from subscribers.errors import InputError

_PARENT_SECONDS = 0.5


def main() -> int:
    """Run until told to end. Exit code 2 for wrong use, 3 if the port is taken."""
    arguments = _arguments()
    try:
        world = World(
            seed=arguments.seed,
            shares=Shares.parse(arguments.shares) if arguments.shares else Shares(),
            port=arguments.port,
            ledger_file=arguments.ledger,
            base_url=arguments.base_url,
            keep_messages=0,
        )
        asyncio.run(_run(world))
    except InputError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except OSError as error:
        sys.stderr.write(f"the mail world cannot start: {error}. Give another --port, or 0 for a free one.\n")
        return 3
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m mailer.world", description="A mail world on this machine.")
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 (default) takes a free one")
    parser.add_argument("--seed", type=int, default=1, help="decides every fate and every reader's habit")
    parser.add_argument("--ledger", type=Path, help="file that every outcome is appended to, as JSON lines")
    parser.add_argument("--base-url", help="web server on this machine that readers visit; without it nobody reads")
    parser.add_argument("--shares", help="fates, like unknown_user=0.05,dropped=0.01; what is not named is 0; or none")
    return parser.parse_args()


async def _run(world: World) -> None:
    parent = os.getppid()
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    async with world:
        _say({"smtp_url": world.smtp_url, "port": world.port, "pid": os.getpid()})
        watchers = [asyncio.create_task(watch) for watch in (stopped.wait(), _parent_gone(parent), _input_closed())]
        await asyncio.wait(watchers, return_when=asyncio.FIRST_COMPLETED)
    _say(asdict(world.ledger.summary()))


async def _parent_gone(parent: int) -> None:
    while os.getppid() == parent:  # noqa: ASYNC110 - no event tells of a parent's death on every Unix.
        await asyncio.sleep(_PARENT_SECONDS)


async def _input_closed() -> None:
    if not stat.S_ISFIFO(os.fstat(0).st_mode):
        await asyncio.Event().wait()  # A terminal, a file or nothing: its end says nothing about a parent.
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while await reader.read(1024):
        pass


def _say(document: dict[str, object]) -> None:
    with suppress(BrokenPipeError):  # Whoever has gone reads no summary.
        os.write(1, json.dumps(document).encode() + b"\n")


if __name__ == "__main__":
    sys.exit(main())
