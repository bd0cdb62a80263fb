"""The whole product against Postfix' load generator, on two sinks; with `--against` also against the usual design on Celery, and nuntius.

Ours: scheduler, two worker processes, PostgreSQL and Valkey of the product; one mailing of a 78 KB message (base64, text and HTML,
counted links, a pixel, a salutation of each recipient's own), a pace asked for every message, every outcome recorded and checked.
Timed from the mailing's start to its last delivery settled, planning included. Reference: `smtp-source -d -s16 -m N -l 78000`, the
whole process; it composes nothing, records nothing, and reads of a reply no more than its code. CPU: workers, scheduler, PostgreSQL
and Valkey by /proc, smtp-source by its rusage. A run in which one recipient is not accepted is void.

smtp-sink spends more on a message than either sender, and is the limit; fastsink shows the senders' own. The usual design and nuntius send
the same bulletin to a twentieth of the recipients through the same smtp-sink, timed from the first task or record to the last row written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from statistics import median

from benchmarks import nuntius, usual_celery
from benchmarks.figures import Figure, Pair, Report, in_turns, progress, rounded
from benchmarks.office import Crew, Office, open_office
from benchmarks.opponents import Cost, fastsink, fastsink_source, smtp_sink, smtp_source
from benchmarks.options import Options

RECIPIENTS = 20_000
WORKERS = 2
_USUAL_SHARE = 20

Costs = list[tuple[Cost, Cost]]


def run(options: Options) -> Report:
    """Rates and CPU of both, on both sinks."""
    with open_office() as office:
        with smtp_sink() as port, office.crew(port, WORKERS) as crew:
            progress("smtp-sink")
            slow = against_source(office, crew, port, options)
            usual = _against_usual(office, crew, port, options) if "celery" in options.against else ()
            other = _against_nuntius(office, crew, port, options) if "nuntius" in options.against else ()
        figures = [
            Figure("smtp_sink", "rate on smtp-sink", "messages/s", rates(slow), least=1.0),
            Figure("cpu", "CPU a message on smtp-sink", "µs", cpus(slow), most=1.5),
            *usual,
            *other,
        ]
        if fastsink_source():
            with fastsink() as port, office.crew(port, WORKERS) as crew:
                progress("fastsink")
                fast = against_source(office, crew, port, options)
            figures += [
                Figure("fastsink", "rate on fastsink", "messages/s", rates(fast), least=1.0),
                Figure("cpu_fastsink", "CPU a message on fastsink", "µs", cpus(fast)),
            ]
    remarks = () if fastsink_source() else ("no fastsink here: measured on smtp-sink only",)
    return Report("end_to_end", tuple(figures), facts(options, slow), remarks=remarks)


def against_source(office: Office, crew: Crew, port: int, options: Options) -> Costs:
    """Our mailings and smtp-source in turns, to the server at that port."""
    return in_turns(
        options.pairs, lambda: office.send(crew, options.recipients), lambda: smtp_source(port, options.recipients), tell
    )


def _against_usual(office: Office, crew: Crew, port: int, options: Options) -> tuple[Figure, ...]:
    progress("the usual design on Celery")
    with usual_celery.at_work(office, port, WORKERS) as usual:
        measured = _against(office, crew, options, usual.send)
    return (
        Figure("usual", "rate, usual Celery design", "messages/s", rates(measured), least=20.0),
        Figure("cpu_usual", "CPU, usual Celery design", "µs", cpus(measured)),
    )


def _against_nuntius(office: Office, crew: Crew, port: int, options: Options) -> tuple[Figure, ...]:
    progress("nuntius")
    with nuntius.at_work(office, port) as other:
        measured = _against(office, crew, options, other.send)
    return (
        Figure("nuntius", "rate, nuntius", "messages/s", rates(measured), least=20.0),
        Figure("cpu_nuntius", "CPU, nuntius", "µs", cpus(measured)),
    )


def _against(office: Office, crew: Crew, options: Options, theirs: Callable[[int], Cost]) -> Costs:
    number = max(100, options.recipients // _USUAL_SHARE)
    return in_turns(options.pairs, lambda: office.send(crew, options.recipients), lambda: theirs(number), tell)


def rates(costs: Costs) -> tuple[Pair, ...]:
    """Messages a second."""
    return tuple(Pair(ours.rate, reference.rate) for ours, reference in costs)


def cpus(costs: Costs) -> tuple[Pair, ...]:
    """Microseconds of CPU a message."""
    return tuple(Pair(ours.cpu, reference.cpu) for ours, reference in costs)


def facts(options: Options, costs: Costs) -> Mapping[str, object]:
    """What was measured, and the CPU a message, in microseconds, of each of our parts."""
    names = costs[0][0].parts
    parts = {name: rounded(median(ours.parts[name] / ours.messages * 1e6 for ours, _ in costs)) for name in names}
    return {"recipients": options.recipients, "workers": WORKERS, "cpu_parts": parts}


def tell(ours: Cost, reference: Cost) -> str:
    ratio = rounded(ours.rate / reference.rate)
    return f"{ours.rate:.0f}/s ({ours.cpu:.0f} µs) against {reference.rate:.0f}/s ({reference.cpu:.0f} µs): {ratio}"
