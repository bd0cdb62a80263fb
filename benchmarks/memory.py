"""A worker's peak of memory when many are written to, against a hundredth of them.

Each measurement starts two workers anew, lets them send one mailing to fastsink (smtp-sink where that is absent), and takes the
greater of their peaks of resident memory (VmHWM) just after. A million recipients take minutes, so that by default there is one such
pair; a peak is steadier than a rate.
"""

from __future__ import annotations

from benchmarks.accounting import peak_bytes
from benchmarks.end_to_end import WORKERS
from benchmarks.figures import Figure, Pair, Report, in_turns
from benchmarks.office import Office, open_office
from benchmarks.opponents import quick_sink
from benchmarks.options import Options

RECIPIENTS = 1_000_000
PAIRS = 1
_SHARE = 100
_MEGABYTE = 1024 * 1024


def run(options: Options) -> Report:
    """Megabytes of the greater worker."""
    with open_office() as office, quick_sink() as port:
        measured = in_turns(
            options.pairs,
            lambda: _peak(office, port, options.recipients),
            lambda: _peak(office, port, options.recipients // _SHARE),
            lambda ours, reference: f"{ours:.1f} MB against {reference:.1f} MB",
        )
    pairs = tuple(Pair(ours, reference) for ours, reference in measured)
    more = {"recipients": options.recipients, "reference_recipients": options.recipients // _SHARE}
    return Report("memory", (Figure("memory", "peak of a worker", "MB", pairs, most=1.2),), more)


def _peak(office: Office, port: int, recipients: int) -> float:
    with office.crew(port, WORKERS) as crew:
        office.send(crew, recipients)
        return max(map(peak_bytes, crew.workers)) / _MEGABYTE
