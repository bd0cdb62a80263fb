"""One import, as the command does it, in a process of its own: prints what it did, its seconds, and its peak of memory in megabytes.

Run as `python -m benchmarks.one_import DATABASE_URL FILE LIST`. The interpreter's start is not in the seconds.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

from subscribers import store
from subscribers.db import make_engine, transaction
from subscribers.importing.run import Order, run_import
from subscribers.importing.source import look_at
from subscribers.models import ImportMode


def main() -> None:
    """Import the file that the arguments name."""
    url, path, slug = sys.argv[1:]
    engine = make_engine(url)
    began = time.perf_counter()
    source = look_at(Path(path))
    with transaction(engine) as connection:
        outcome = run_import(connection, Order(source, store.find_list(connection, slug), ImportMode.NEW, "benchmark"))
    seconds = time.perf_counter() - began
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    said = {"created": outcome.created, "unchanged": outcome.unchanged, "seconds": seconds, "megabytes": megabytes}
    sys.stdout.write(json.dumps(said) + "\n")


if __name__ == "__main__":
    main()
