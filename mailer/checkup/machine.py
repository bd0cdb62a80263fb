"""What can be seen on this machine alone: the data directory, the secret key, the zone, the address of the pages."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from urllib.parse import urlsplit

from mailer import multibuffer
from mailer.checkup.finding import Finding, fault, ok, skipped
from mailer.settings import Settings

_LEAST_FREE_OCTETS = 2**30
_SHORTEST_KEY = 32
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


def disk(settings: Settings) -> Iterator[Finding]:
    """Whether DATA_DIR can be written to, and has room."""
    folder = settings.data_dir
    present = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(present).free
    if not os.access(present, os.W_OK | os.X_OK):
        yield fault(
            "disk", f"{folder} cannot be written to", "Give it to the user that Jianbao runs as, or set JIANBAO_DATA_DIR."
        )
    elif free < _LEAST_FREE_OCTETS:
        yield fault("disk", f"{free / 2**20:.0f} MiB are free under {folder}", "Make room: below 1 GiB a mailing may stop.")
    else:
        yield ok("disk", f"{free / 2**30:.0f} GiB free under {folder}")


def secret_key(settings: Settings) -> Iterator[Finding]:
    """Whether the key of all links is there, long enough, and nobody else's to read."""
    name, file = "secret key", settings.secret_key_file
    if settings["SECRET_KEY"]:
        yield _long_enough(name, settings["SECRET_KEY"], f"from {settings.values['SECRET_KEY'].origin}")
    elif not file.exists():
        yield skipped(name, "there is none yet; it is made on first use. Machines that work together need the same one")
    elif file.stat().st_mode & 0o077:
        yield fault(name, f"{file} can be read by others", f"chmod 600 {file}")
    else:
        yield _long_enough(name, file.read_text().strip(), f"in {file}")


def _long_enough(name: str, key: str, where: str) -> Finding:
    if len(key) < _SHORTEST_KEY:
        return fault(
            name, f"it has {len(key)} characters", "Take 32 or more from a random source; links in mails already sent will die."
        )
    return ok(name, where)


def time_zone(settings: Settings) -> Iterator[Finding]:
    """What time staff are taken to live in."""
    yield ok("time zone", f"{settings['TIME_ZONE']}, where it is {datetime.now(UTC).astimezone(settings.zone):%Y-%m-%d %H:%M}")


def signing() -> Iterator[Finding]:
    """How fast a mailing can be signed: eight RSA signatures at a time cost as much as two or three alone."""
    yield ok("RSA signatures", multibuffer.manner())


def pages(settings: Settings) -> Iterator[Finding]:
    """Whether the links in the mails lead anywhere."""
    url = urlsplit(settings["BASE_URL"])
    if url.hostname in _LOOPBACK:
        yield skipped("pages", f"{settings['BASE_URL']} is this machine only; set JIANBAO_BASE_URL before others get mail")
    elif url.scheme != "https":
        cure = "Put a proxy with TLS in front: without https mail programs offer no unsubscribe button (RFC 8058)."
        yield fault("pages", f"{settings['BASE_URL']} is not https", cure)
    else:
        yield ok("pages", settings["BASE_URL"])
