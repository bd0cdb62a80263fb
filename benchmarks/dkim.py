"""The whole product with DKIM: against Postfix' load generator, and against the bare rate at which two cores sign.

As `end_to_end`, with an RSA key of 2048 bits that signs every message; smtp-source signs nothing. The raw rate is what two processes
reach that do nothing but sign digests with the same key and library; it is measured in turns with mailings to fastsink, where no sink
is in the way. What a signature costs depends on the processor: without AVX-512 IFMA more than twice what it costs with it.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager

from benchmarks import bulletin
from benchmarks.end_to_end import WORKERS, Costs, against_source, cpus, facts, rates
from benchmarks.figures import Figure, Pair, Report, in_turns, progress, rounded
from benchmarks.office import Office, open_office
from benchmarks.opponents import Cost, fastsink, fastsink_source, smtp_sink
from benchmarks.options import Options
from mailer.dkim import Signer, generate_key, load_key, to_pem

RECIPIENTS = 20_000
_CORES = 2
_SELECTOR = "benchmark"
_RAW_SECONDS = 2.0


def run(options: Options) -> Report:
    """Rates and CPU on smtp-sink, and signatures a second on fastsink."""
    pem = to_pem(generate_key())
    with open_office() as office:
        progress("smtp-sink")
        slow = _on_smtp_sink(office, pem, options)
        figures = [
            Figure("smtp_sink", "rate on smtp-sink", "messages/s", rates(slow), least=0.8),
            Figure("cpu", "CPU a message on smtp-sink", "µs", cpus(slow)),
        ]
        if fastsink_source():
            progress("fastsink")
            figures.append(
                Figure("raw", "signatures on fastsink", "signatures/s", _against_raw(office, pem, options), least=0.7)
            )
    remarks = () if fastsink_source() else ("no fastsink here: measured on smtp-sink only",)
    more = {**facts(options, slow), "signature_us": rounded(signatures(pem).cpu)}
    return Report("dkim", tuple(figures), more, remarks=remarks)


def _settings(pem: bytes) -> dict[str, str]:
    return {"DKIM_KEY": pem.decode(), "DKIM_SELECTOR": _SELECTOR}


def _on_smtp_sink(office: Office, pem: bytes, options: Options) -> Costs:
    with smtp_sink() as port, office.crew(port, WORKERS, _settings(pem)) as crew:
        return against_source(office, crew, port, options)


def _against_raw(office: Office, pem: bytes, options: Options) -> tuple[Pair, ...]:
    with fastsink() as port, office.crew(port, WORKERS, _settings(pem)) as crew, _raw(pem) as raw:
        measured = in_turns(
            options.pairs,
            lambda: office.send(crew, options.recipients).rate,
            raw,
            lambda ours, reference: f"{ours:.0f} signatures/s against {reference:.0f}",
        )
    return tuple(Pair(ours, reference) for ours, reference in measured)


@contextmanager
def _raw(pem: bytes) -> Iterator[Callable[[], float]]:
    """What measures how many signatures a second two processes make that do nothing else."""
    with ProcessPoolExecutor(_CORES) as processes:
        yield lambda: sum(cost.rate for cost in processes.map(signatures, [pem] * _CORES))


def signatures(pem: bytes) -> Cost:
    """What it takes one process to sign for two seconds."""
    signer = Signer(bulletin.LETTERHEAD.domain, _SELECTOR, load_key(pem, "the benchmark's key"))
    digest = hashlib.sha256(pem).digest()
    number, began, used = 0, time.perf_counter(), time.process_time()
    while (elapsed := time.perf_counter() - began) < _RAW_SECONDS:
        signer.signature(digest)
        number += 1
    return Cost(number, elapsed, {"signing": time.process_time() - used})
