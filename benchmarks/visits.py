"""`python -m benchmarks.visits PORT RATE FILE`: readers who load pictures and follow links, RATE a second, until stdin is closed.

FILE has a path a line, which are asked for in their order and then from the first again, over connections that stay open. A request
begins by the clock, whatever has been answered. Prints how many were answered and the 99th part of the waits, as one line of JSON.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
from itertools import cycle
from pathlib import Path

CONNECTIONS = 8
_AGENT = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36"
_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)")
_GOOD = (b"HTTP/1.1 200 ", b"HTTP/1.1 302 ")


async def visit(port: int, rate: float, paths: list[str]) -> dict[str, float]:
    """Ask until stdin ends; SystemExit where something is not answered as a picture or a link is."""
    requests = cycle([_request(path) for path in paths])
    free: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
    for _ in range(CONNECTIONS):
        free.put_nowait(await asyncio.open_connection("127.0.0.1", port))
    over = asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    waits: list[float] = []
    began, number = time.perf_counter(), 0
    async with asyncio.TaskGroup() as asking:
        while not over.done():
            due = began + number / rate
            if (early := due - time.perf_counter()) > 0:
                await asyncio.sleep(early)
            asking.create_task(_ask(free, next(requests), due, waits))
            number += 1
    ordered = sorted(waits)
    seconds = time.perf_counter() - began
    return {"answered": len(waits), "rate": len(waits) / seconds, "p99_ms": 1000 * ordered[len(ordered) * 99 // 100]}


async def _ask(
    free: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]], request: bytes, due: float, waits: list[float]
) -> None:
    reader, writer = await free.get()
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    length = _LENGTH.search(head)
    if not head.startswith(_GOOD) or length is None:
        sys.exit(f"the server answered {head[:80]!r}")
    await reader.readexactly(int(length[1]))
    waits.append(time.perf_counter() - due)
    free.put_nowait((reader, writer))


def _request(path: str) -> bytes:
    lines = (
        f"GET {path} HTTP/1.1",
        "Host: b.example",
        f"User-Agent: {_AGENT}",
        "Accept: */*",
        "Accept-Language: zh-CN",
        "",
        "",
    )
    return "\r\n".join(lines).encode()


def main() -> None:
    """Ask, and print what came of it."""
    port, rate, file = sys.argv[1:]
    paths = Path(file).read_text(encoding="utf-8").split()
    sys.stdout.write(json.dumps(asyncio.run(visit(int(port), float(rate), paths))) + "\n")


if __name__ == "__main__":
    main()
