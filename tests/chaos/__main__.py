"""Faults at random: `python -m tests.chaos --recipients 20000 --faults 20 --runs 20 --seed 1`.

Every run sends a mailing through a whole system of its own while faults strike. Exit code 1 when anybody was lost, a state is
unexplained, or there are more doubles than there may be.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from mailer.rate import Rate
from tests.chaos.faults import KINDS, Kind, Need
from tests.chaos.run import Order, Result, run

_INSIDE = "CHAOS_INSIDE"
_DISK_OCTETS_A_RECIPIENT = 20_000
_DISK_OCTETS = 300_000_000


def main() -> int:
    """Make the runs, and print what came of them."""
    arguments = _arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # So that what was started is stopped.
    can_mount = os.geteuid() == 0 and shutil.which("unshare") is not None and shutil.which("mount") is not None
    if can_mount and _INSIDE not in os.environ:  # Mounts that vanish with this process, whatever becomes of it.
        os.environ[_INSIDE] = "1"
        os.execvp("unshare", ["unshare", "--mount", sys.executable, "-m", "tests.chaos", *sys.argv[1:]])
    lacking = {
        *([Need.DISK] if not can_mount else []),
        *([Need.CLOCKS] if shutil.which("cc") is None else []),
    }
    asked = [kind for kind in KINDS if not arguments.kinds or kind.name in arguments.kinds.split(",")]
    kinds = [kind for kind in asked if kind.need not in lacking]
    for kind in asked:
        if kind.need in lacking:
            sys.stderr.write(f"left out: {kind.name}, because there is not {kind.need}\n")
    results = []
    for seed in range(arguments.seed, arguments.seed + arguments.runs):
        results.append(run(_order(arguments, seed, kinds), _tell))
        _tell(f"{_HEAD}\n{_line(results[-1])}")
    if not arguments.folder and all(result.passed for result in results):
        shutil.rmtree(results[0].order.folder.parent)
    if arguments.json:
        document = {"runs": [_document(result) for result in results]}
        sys.stdout.write(json.dumps(document, ensure_ascii=False) + "\n")
    else:
        sys.stdout.write("\n".join(_table(results)) + "\n")
    return 0 if all(result.passed for result in results) else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description="Faults at random while a mailing is sent.")
    parser.add_argument("--recipients", type=int, default=20_000)
    parser.add_argument("--faults", type=int, default=20, help="faults a run (default 20)")
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1, help="of the first run; the next takes the next number")
    parser.add_argument("--kinds", help=f"only these, separated by commas: {', '.join(kind.name for kind in KINDS)}")
    parser.add_argument("--pace", type=Rate.parse, help="like 400/s; none by default")
    parser.add_argument("--short", action="store_true", help="let leases of dead workers run out at once, no fault be long")
    parser.add_argument(
        "--folder", type=Path, help="where runs leave their files; a temporary one by default, removed if all is well"
    )
    parser.add_argument("--finish-seconds", type=float, default=300.0, help="patience with a run's end")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def _order(arguments: argparse.Namespace, seed: int, kinds: Sequence[Kind]) -> Order:
    needs = {kind.need for kind in kinds}
    folder = arguments.folder or Path(tempfile.gettempdir(), f"chaos-{os.getpid()}")
    return Order(
        folder=folder / f"run-{seed}",
        recipients=arguments.recipients,
        faults=arguments.faults,
        seed=seed,
        kinds=kinds,
        pace=arguments.pace,
        disk_octets=_DISK_OCTETS + arguments.recipients * _DISK_OCTETS_A_RECIPIENT if Need.DISK in needs else None,
        clocks=Need.CLOCKS in needs,
        ageing=arguments.short,
        longest=2.0 if arguments.short else 60.0,
        finish_seconds=arguments.finish_seconds,
    )


def _tell(line: str) -> None:
    sys.stderr.write(line + "\n")


def _document(result: Result) -> dict[str, object]:
    return {
        "seed": result.order.seed,
        "passed": result.passed,
        "finished": result.finished,
        "seconds": round(result.sending_seconds, 1),
        "strikes": [str(strike) for strike in result.strikes],
        "killed_workers": result.killed,
        "doubles": result.account.doubles,
        "doubles_by_servers": result.account.by_servers,
        "doubles_allowed": result.bound,
        "ended_by_themselves": [asdict(end) for end in result.ends if not end.asked],
        "states": dict(result.account.states),
        "lost": result.account.lost,
        "contradicted": result.account.contradicted,
        "unexplained": result.account.unexplained,
        "foreign_doubles": result.account.foreign,
        "notes": list(result.notes),
    }


_HEAD = "  seed  seconds  lost  contradicted  unexplained  doubles (servers' own / allowed)  killed workers"


def _line(result: Result) -> str:
    account = result.account
    return (
        f"{result.order.seed:6}  {result.sending_seconds:7.1f}  {len(account.lost):4}  {len(account.contradicted):12}"
        f"  {len(account.unexplained):11}  {account.doubles:7} ({account.by_servers:13} / {result.bound:7})"
        f"  {result.killed:14}{'' if result.passed else '  FAILED'}"
    )


def _table(results: Sequence[Result]) -> Iterator[str]:
    yield _HEAD
    for result in results:
        yield _line(result)
        for line in [*result.account.faults[:10], *result.notes]:
            yield f"        {line}"
    struck = Counter(strike.kind.name for result in results for strike in result.strikes)
    for kind in KINDS:
        if struck[kind.name]:
            yield f"  {struck[kind.name]:4} × {kind.name}: {kind.about}"


if __name__ == "__main__":
    began = time.monotonic()
    status = main()
    _tell(f"{time.monotonic() - began:.0f} s in all")
    sys.exit(status)
