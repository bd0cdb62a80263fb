"""The whole product with DKIM: against Postfix' load generator, and against the bare rate at which two cores sign.

As `end_to_end`, with an RSA key of 2048 bits that signs every message; smtp-source signs nothing. The raw rate is what two processes
reach that do nothing but sign digests with the same key, one by one, by `cryptography`; it is measured in turns with mailings to
fastsink, where no sink is in the way. The product signs eight at a time where it can, and `signatures` says how it was. What a
signature costs depends on the processor: without AVX-512 IFMA more than twice what it costs with it, even one by one.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from benchmarks.end_to_end import WORKERS, Costs, against_source, cpus, facts, rates, tell
from benchmarks.figures import Figure, Report, in_turns, progress
from benchmarks.office import Crew, Office, open_office
from benchmarks.opponents import Cost, fastsink, fastsink_source, smtp_sink
from benchmarks.options import Options
from mailer.dkim import generate_key, load_key, to_pem
from mailer.multibuffer import manner, sign_one

RECIPIENTS = 20_000
_CORES = 2
_SELECTOR = "benchmark"
_RAW_SECONDS = 4.0


def run(options: Options) -> Report:
    """Rates and CPU on smtp-sink, and signatures a second on fastsink."""
    pem = to_pem(generate_key())
    with open_office() as office:
        with smtp_sink() as port, office.crew(port, WORKERS, _settings(pem)) as crew:
            progress("smtp-sink")
            slow = against_source(office, crew, port, options)
        figures = [
            Figure("smtp_sink", "rate on smtp-sink", "messages/s", rates(slow), least=0.8),
            Figure("cpu", "CPU a message on smtp-sink", "µs", cpus(slow)),
        ]
        if fastsink_source():
            with fastsink() as port, office.crew(port, WORKERS, _settings(pem)) as crew:
                progress("fastsink")
                raw = _against_raw(office, crew, pem, options)
            figures += [
                Figure("raw", "rate on fastsink, bare signing", "messages/s", rates(raw), least=0.7),
                Figure("cpu_raw", "CPU on fastsink, bare signing", "µs", cpus(raw)),
            ]
    remarks = () if fastsink_source() else ("no fastsink here: measured on smtp-sink only",)
    return Report("dkim", tuple(figures), {**facts(options, slow), "signatures": manner()}, remarks=remarks)


def _settings(pem: bytes) -> dict[str, str]:
    return {"DKIM_KEY": pem.decode(), "DKIM_SELECTOR": _SELECTOR}


def _against_raw(office: Office, crew: Crew, pem: bytes, options: Options) -> Costs:
    with ProcessPoolExecutor(_CORES) as processes:
        return in_turns(
            options.pairs,
            lambda: office.send(crew, options.recipients),
            lambda: _together(list(processes.map(_sign, [pem] * _CORES))),
            tell,
        )


def _sign(pem: bytes) -> Cost:
    """What it takes one process to sign for a while."""
    key = load_key(pem, "the benchmark's key")
    assert isinstance(key, RSAPrivateKey)
    digest = hashlib.sha256(pem).digest()
    number, began, used = 0, time.perf_counter(), time.process_time()
    while (elapsed := time.perf_counter() - began) < _RAW_SECONDS:
        sign_one(key, digest)
        number += 1
    return Cost(number, elapsed, {"signing": time.process_time() - used})


def _together(costs: Sequence[Cost]) -> Cost:
    used = sum(cost.parts["signing"] for cost in costs)
    return Cost(sum(cost.messages for cost in costs), max(cost.seconds for cost in costs), {"signing": used})
