"""How the cost grows with the number of recipients, with 1, 2 and 4 worker processes, on fastsink (smtp-sink where that is absent).

One mailing at each size: 10,000, 100,000 … up to the number asked for, and smtp-source to the same sink right after each. The
deliveries of earlier mailings stay in the table, as they do in life. With `--record` the picture docs/images/growth.svg is drawn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from sqlalchemy import text

from benchmarks.accounting import peak_bytes
from benchmarks.chart import Line, Panel, draw
from benchmarks.figures import Figure, Pair, Report, progress, rounded
from benchmarks.office import Office, open_office
from benchmarks.opponents import Cost, quick_sink, smtp_source
from benchmarks.options import Options
from subscribers.db import transaction

RECIPIENTS = 100_000
PAIRS = 1
PROCESSES = (1, 2, 4)
PICTURE = Path(__file__).resolve().parents[1] / "docs" / "images" / "growth.svg"
_SMALLEST = 10_000
_MEGABYTE = 1024 * 1024

_TABLE_BYTES = text("SELECT pg_total_relation_size('delivery') / greatest(count(*), 1) FROM delivery")


def run(options: Options) -> Report:
    """CPU a message at the greatest size against the smallest, for each number of processes; and all points."""
    points: list[dict[str, object]] = []
    pairs = []
    with open_office() as office, quick_sink() as port:
        for processes in PROCESSES:
            costs = [_measure(office, port, processes, size, points) for size in sizes(options.recipients)]
            pairs.append(Pair(costs[-1].cpu, costs[0].cpu))
    figure = Figure("growth", "CPU a message, most to fewest recipients", "µs", tuple(pairs), most=1.2)
    return Report("growth", (figure,), {"recipients": options.recipients}, points=tuple(points))


def sizes(greatest: int) -> list[int]:
    """Tenfold steps up to the greatest, which is among them."""
    found, size = [], _SMALLEST
    while size < greatest:
        found.append(size)
        size *= 10
    return [*found, greatest]


def _measure(office: Office, port: int, processes: int, size: int, points: list[dict[str, object]]) -> Cost:
    with office.crew(port, processes) as crew:
        ours = office.send(crew, size)
        peak = max(map(peak_bytes, crew.workers)) / _MEGABYTE
    reference = smtp_source(port, size)
    with transaction(office.services.engine) as connection:
        octets = connection.execute(_TABLE_BYTES).scalar_one()
    points.append(
        {
            "processes": processes,
            "recipients": size,
            "rate": rounded(ours.rate),
            "smtp_source": rounded(reference.rate),
            "cpu": rounded(ours.cpu),
            "smtp_source_cpu": rounded(reference.cpu),
            "worker_mb": rounded(peak),
            "bytes_a_delivery": int(octets),
        }
    )
    progress(f"  {processes} processes, {size} recipients: {ours.rate:.0f}/s, {ours.cpu:.0f} µs, {peak:.0f} MB a worker")
    return ours


def picture(points: Sequence[Mapping[str, object]]) -> str:
    """Rate and CPU by number of recipients, a line for each number of processes and one for smtp-source."""
    return draw(
        [
            _panel(points, "messages a second", "rate", "smtp_source"),
            _panel(points, "µs of CPU a message", "cpu", "smtp_source_cpu"),
        ],
        "Messages a second and CPU a message, by the number of recipients",
    )


def _panel(points: Sequence[Mapping[str, object]], name: str, key: str, reference: str) -> Panel:
    lines = [Line(_processes(number), _series(points, number, key)) for number in PROCESSES]
    lines.append(Line("smtp-source", _series(points, PROCESSES[0], reference), dashed=True))
    return Panel(name, "recipients", tuple(lines))


def _series(points: Sequence[Mapping[str, object]], processes: int, key: str) -> tuple[tuple[float, float], ...]:
    chosen = [point for point in points if point["processes"] == processes]
    return tuple((float(str(point["recipients"])), float(str(point[key]))) for point in chosen)


def _processes(number: int) -> str:
    return "1 process" if number == 1 else f"{number} processes"
