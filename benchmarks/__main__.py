"""Measure one thing, our side and its reference in turns, and say the ratio."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from benchmarks import (
    dkim,
    documents,
    end_to_end,
    exports,
    feedback,
    growth,
    history,
    imports,
    memory,
    pace,
    pages,
    pixel,
    plan,
    render,
    round_trip,
    segment,
    spared,
)
from benchmarks.figures import LEAST_PAIRS, CannotMeasure, Figure, Report, progress, rounded, spread
from benchmarks.options import Options
from subscribers.errors import JianbaoError

WRONG_USE, INTERRUPTED = 2, 130


@dataclass(frozen=True, slots=True)
class Benchmark:
    """What runs it, and how large it is unless told otherwise."""

    run: Callable[[Options], Report]
    recipients: int
    pairs: int = LEAST_PAIRS


BENCHMARKS = {
    "end_to_end": Benchmark(end_to_end.run, end_to_end.RECIPIENTS),
    "dkim": Benchmark(dkim.run, dkim.RECIPIENTS),
    "round_trip": Benchmark(round_trip.run, round_trip.RECIPIENTS),
    "memory": Benchmark(memory.run, memory.RECIPIENTS, memory.PAIRS),
    "plan": Benchmark(plan.run, plan.RECIPIENTS),
    "segment": Benchmark(segment.run, segment.RECIPIENTS),
    "feedback": Benchmark(feedback.run, feedback.RECIPIENTS, feedback.PAIRS),
    "pace": Benchmark(pace.run, pace.RECIPIENTS),
    "spared": Benchmark(spared.run, spared.RECIPIENTS),
    "render": Benchmark(render.run, render.RECIPIENTS),
    "import": Benchmark(imports.run, imports.RECIPIENTS),
    "export": Benchmark(exports.run, exports.RECIPIENTS),
    "growth": Benchmark(growth.run, growth.RECIPIENTS, growth.PAIRS),
    "pixel": Benchmark(pixel.run, pixel.RECIPIENTS),
    "pages": Benchmark(pages.run, pages.RECIPIENTS),
    "documents": Benchmark(documents.run, documents.RECIPIENTS),
}


def main(arguments: Iterable[str] | None = None) -> int:
    """Run one benchmark. Status 2 where there is none of that name or it cannot be measured here."""
    chosen = _parser().parse_args(None if arguments is None else list(arguments))
    benchmark = BENCHMARKS.get(chosen.name)
    if benchmark is None:
        progress(f"benchmarks: there is no benchmark {chosen.name!r}; there are: {', '.join(BENCHMARKS)}.")
        return WRONG_USE
    # Ended from outside it ends as from the keyboard: what was started is stopped, and what was made is removed.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    options = Options(chosen.recipients or benchmark.recipients, chosen.runs or benchmark.pairs, frozenset(chosen.against))
    try:
        report = benchmark.run(options)
    except (CannotMeasure, JianbaoError) as error:
        progress(f"benchmarks: {error}")
        return WRONG_USE
    except KeyboardInterrupt:
        progress("benchmarks: interrupted")
        return INTERRUPTED
    sys.stdout.write(_json_lines(report) if chosen.json else table(report))
    if chosen.record:
        history.record(report, datetime.now(UTC))
        if report.points:
            growth.PICTURE.write_text(growth.picture(report.points), encoding="utf-8")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        epilog="Example: python -m benchmarks end_to_end --recipients 5000 --json",
    )
    parser.add_argument("name", metavar="NAME", help=", ".join(BENCHMARKS))
    parser.add_argument("--recipients", type=_count, help="recipients of a run")
    parser.add_argument("--runs", type=_count, help="pairs that are measured")
    parser.add_argument(
        "--against", action="append", choices=["celery", "nuntius"], default=[], help="end_to_end: another program too"
    )
    parser.add_argument("--record", action="store_true", help="append the ratios to benchmarks/history.jsonl")
    parser.add_argument("--json", action="store_true", help="a JSON document as the last line of output")
    return parser


def _count(text: str) -> int:
    if not text.isdigit() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number above 0")
    return int(text)


def _json_lines(report: Report) -> str:
    return "".join(json.dumps(document, ensure_ascii=False) + "\n" for document in [*report.points, report.to_json()])


def table(report: Report) -> str:
    """The figures for people."""
    rows = [_row(figure) for figure in report.figures]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([report.name, *lines, *report.remarks]) + "\n"


def _row(figure: Figure) -> tuple[str, ...]:
    bounds = (
        f"≥ {figure.least:g}" if figure.least is not None else "",
        f"≤ {figure.most:g}" if figure.most is not None else "",
    )
    must = " ".join(filter(None, bounds))
    verdict = ("reached" if figure.reached else "missed") if must else ""
    sides = f"ours {rounded(figure.ours):g}, reference {rounded(figure.reference):g} {figure.unit}"
    return f"  {figure.about}", f"{rounded(figure.ratio):g}", f"({spread(figure.pairs)})", must, verdict, sides


if __name__ == "__main__":
    sys.exit(main())
