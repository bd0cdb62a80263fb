"""`python -m benchmarks NAME [--recipients N] [--runs N] [--json]`: measure one thing and say the ratio."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable

from benchmarks import end_to_end
from benchmarks.figures import LEAST_PAIRS, CannotMeasure, Report, progress, rounded, spread
from subscribers.errors import JianbaoError

BENCHMARKS: dict[str, tuple[Callable[[int, int], Report], int]] = {
    "end_to_end": (end_to_end.run, 20_000),
}


def main() -> int:
    """Run one benchmark. Exit status 2 where it does not exist or cannot measure here."""
    arguments = _parser().parse_args()
    run, recipients = BENCHMARKS[arguments.name]
    try:
        report = run(arguments.recipients or recipients, arguments.runs)
    except (CannotMeasure, JianbaoError) as error:
        progress(f"benchmarks: {error}")
        return 2
    sys.stdout.write(json.dumps(report.to_json(), ensure_ascii=False) + "\n" if arguments.json else _table(report))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("name", choices=BENCHMARKS)
    parser.add_argument("--recipients", type=int)
    parser.add_argument("--runs", type=int, default=LEAST_PAIRS)
    parser.add_argument("--json", action="store_true")
    return parser


def _table(report: Report) -> str:
    lines = [report.name]
    for figure in report.figures:
        lines.append(
            f"  {figure.about:<30} {rounded(figure.ratio):>8} ({spread(figure.pairs)})"
            f"  ours {rounded(figure.ours)} {figure.unit}, reference {rounded(figure.reference)}"
        )
    return "\n".join([*lines, *(f"  {remark}" for remark in report.remarks)]) + "\n"


if __name__ == "__main__":
    sys.exit(main())
