"""Where messages come from and where their outcomes go."""

from __future__ import annotations

from typing import Protocol

from mailer.smtp.outcomes import Outcome


class Sendable(Protocol):
    """A message ready for the wire.

    `content` has CRLF line ends only, ends with CRLF, and no line of it begins with a dot, so that nothing is stuffed and
    the bytes that were signed are the bytes that are sent. `eight_bit`: octets above 127 are among them. `smtputf8`: an address
    needs RFC 6531.
    """

    @property
    def key(self) -> int: ...
    @property
    def sender(self) -> str: ...
    @property
    def recipient(self) -> str: ...
    @property
    def content(self) -> bytes: ...
    @property
    def eight_bit(self) -> bool: ...
    @property
    def smtputf8(self) -> bool: ...
    @property
    def envelope_id(self) -> str: ...


class Feed(Protocol):
    """The supply of messages. All is called from the event loop's thread and must return at once."""

    @property
    def exhausted(self) -> bool:
        """True when `take` will never give anything again."""
        ...

    def take(self, behind: int | None = None) -> Sendable | None:
        """The next message, or None when there is none right now; `Client.wake()` says that there may be one again.

        `behind` is the key of a message on the same connection whose reply is due: only after that one comes this one's.
        """
        ...

    def settle(self, key: int, outcome: Outcome) -> None:
        """What became of a message; called exactly once for each that was taken."""
        ...
