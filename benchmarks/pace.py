"""The pace: the most that comes in any ten seconds, and how much of what is allowed is used.

A mailing with a limit of PACE goes through 1, 2 and 8 worker processes in turns, to a server that remembers when each message had come.
The first figure is the most that came in any ten seconds, wherever they begin, against what the limit allows in ten. The second is
the rate from the first message to the last, against the limit. Both are what came out worst in all runs, and not the median. The
reference is no other program but the limit itself.
"""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.figures import Figure, Pair, Report, progress, rounded
from benchmarks.office import Office, open_office
from benchmarks.options import Options
from benchmarks.recorder import Recorder, recorder
from mailer.rate import Rate

RECIPIENTS = 6_000
PACE = Rate(200, 1)
WORKERS = (1, 2, 8)
WINDOW_SECONDS = 10.0
_WARM_UP = 800


def run(options: Options) -> Report:
    """The worst of all runs."""
    bursts: list[Pair] = []
    shares: list[Pair] = []
    with open_office() as office, recorder() as record:
        for number in range(options.pairs):
            for workers in WORKERS:
                burst, share = _measure(office, record, workers, options.recipients)
                bursts.append(burst)
                shares.append(share)
                progress(
                    f"  run {number + 1}, {workers} workers: {rounded(burst.ratio)} in ten seconds, {rounded(share.ratio)} used"
                )
    figures = (
        Figure("pace", "most in any ten seconds", "messages/10 s", tuple(bursts), most=1.05, choose=max),
        Figure("share", "share of the limit used", "messages/s", tuple(shares), least=0.97, choose=min),
    )
    return Report("pace", figures, {"recipients": options.recipients, "pace": str(PACE), "workers": list(WORKERS)})


def _measure(office: Office, record: Recorder, workers: int, recipients: int) -> tuple[Pair, Pair]:
    with office.crew(record.port, workers, warm_up=_WARM_UP) as crew:
        record.times.clear()
        office.send(crew, recipients, PACE)
    times = sorted(record.times)
    used = (len(times) - 1) / (times[-1] - times[0])
    return Pair(most_within(times, WINDOW_SECONDS), PACE.per_second * WINDOW_SECONDS), Pair(used, PACE.per_second)


def most_within(times: Sequence[float], seconds: float) -> int:
    """The most of the sorted `times` that lie in any stretch of that length, its end not among it."""
    most = first = 0
    for last, moment in enumerate(times):
        while times[first] <= moment - seconds:
            first += 1
        most = max(most, last - first + 1)
    return most
