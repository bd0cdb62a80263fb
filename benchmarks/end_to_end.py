"""The whole product against Postfix' load generator, on two sinks; the same messages against the usual design on Celery.

Ours: scheduler, two worker processes, PostgreSQL and Valkey of the product; one mailing of a 78 KB message (base64, text and HTML,
counted links, a pixel, a salutation of each recipient's own), a pace asked for every message, every outcome recorded and checked.
Timed from the mailing's start to its last delivery settled, planning included. Reference: `smtp-source -d -s16 -m N -l 78000`, the
whole process; it composes nothing, records nothing, and reads of a reply no more than its code. CPU: workers, scheduler, PostgreSQL
and Valkey by /proc, smtp-source by its rusage.

smtp-sink spends more on a message than either sender, and is the limit; fastsink shows the senders' own.
"""

from __future__ import annotations

from statistics import median

from benchmarks.figures import Figure, Pair, Report, in_turns, progress, rounded
from benchmarks.office import Office, open_office
from benchmarks.opponents import Cost, fastsink, fastsink_source, smtp_sink, smtp_source

WORKERS = 2
OPTIONS = "&connections=8&messages=10000"

Costs = list[tuple[Cost, Cost]]


def run(recipients: int, pairs: int) -> Report:
    """Rates and CPU of both, on both sinks."""
    remarks = []
    with open_office() as office:
        progress("smtp-sink")
        with smtp_sink() as port:
            slow = _measure(office, port, recipients, pairs)
        figures = [
            Figure("smtp_sink", "rate on smtp-sink", "messages/s", rates(slow), least=1.0),
            Figure("cpu", "CPU a message on smtp-sink", "µs", cpus(slow), most=1.5),
        ]
        if fastsink_source():
            progress("fastsink")
            with fastsink() as port:
                fast = _measure(office, port, recipients, pairs)
            figures += [
                Figure("fastsink", "rate on fastsink", "messages/s", rates(fast), least=1.0),
                Figure("cpu_fastsink", "CPU a message on fastsink", "µs", cpus(fast)),
            ]
        else:
            remarks.append("no fastsink here: measured on smtp-sink only")
    more = {"recipients": recipients, "workers": WORKERS, "cpu_parts": parts(slow)}
    return Report("end_to_end", tuple(figures), more, tuple(remarks))


def _measure(office: Office, port: int, recipients: int, pairs: int) -> Costs:
    with office.crew(port, WORKERS, OPTIONS) as crew:
        return in_turns(pairs, lambda: office.send(crew, recipients), lambda: smtp_source(port, recipients), tell)


def rates(costs: Costs) -> tuple[Pair, ...]:
    return tuple(Pair(ours.rate, reference.rate) for ours, reference in costs)


def cpus(costs: Costs) -> tuple[Pair, ...]:
    return tuple(Pair(ours.cpu, reference.cpu) for ours, reference in costs)


def parts(costs: Costs) -> dict[str, float]:
    """Microseconds of CPU a message of each of our parts."""
    names = costs[0][0].parts
    return {name: rounded(median(ours.parts[name] / ours.messages * 1e6 for ours, _ in costs)) for name in names}


def tell(ours: Cost, reference: Cost) -> str:
    ratio = rounded(ours.rate / reference.rate)
    return f"{ours.rate:.0f}/s ({ours.cpu:.0f} µs) against {reference.rate:.0f}/s ({reference.cpu:.0f} µs): {ratio}"
