"""What a mailbox is to whoever reads it, whatever its protocol."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from mailer.returns.mailbox import Cursor


@dataclass(frozen=True, slots=True)
class Message:
    """A message in a mailbox: its name there, its octets (None where it is too large), the cursor behind it."""

    name: str
    content: bytes | None
    behind: Cursor


class Box(Protocol):
    """An open mailbox."""

    def new(self, cursor: Cursor) -> Iterator[Sequence[Message]]:
        """What has not been read by that cursor, some messages at a time."""
        ...

    def file(self, names: Sequence[str], behind: Cursor) -> Cursor:
        """Do with these reports, whose facts are committed, what the mailbox says; the cursor that stands behind them then."""
        ...

    def wait(self, stop: threading.Event) -> bool:
        """Until something may have come, or `stop`; False where the mailbox has to be opened anew for that."""
        ...
