"""The rows that did not go in, as a file that can be mended and imported again."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from subscribers.errors import InputError
from subscribers.importing.cells import guarded
from subscribers.importing.headers import ABOUT_A_REJECT, Field
from subscribers.importing.rows import Reject
from subscribers.writing import whole_file


def write_rejects(path: Path, rejects: Sequence[Reject]) -> None:
    """Write a CSV that Excel opens as UTF-8: what is known of each row under the names that an import takes, then where and why.

    The file is whole, or what it was. InputError where it cannot be written.
    """
    known = [one.value for one in Field if one is not Field.ADDRESS]
    used = {name for reject in rejects for name, cell in reject.fields.items() if cell.strip()}
    names = [name for name in known if name in used] + sorted(used.difference(known))
    try:
        with whole_file(path, encoding="utf-8-sig", private=True) as file:
            writer = csv.writer(file)
            writer.writerow([Field.ADDRESS.value, *names, *ABOUT_A_REJECT])
            for reject in rejects:
                place = f"{reject.sheet}:{reject.line}" if reject.sheet else str(reject.line)
                cells = [reject.address, *(reject.fields.get(name, "") for name in names), place, reject.reason]
                writer.writerow(map(guarded, cells))
    except OSError as error:
        raise InputError(f"{path}: the rejects cannot be written there: {error.strerror}. Nothing was imported.") from error
