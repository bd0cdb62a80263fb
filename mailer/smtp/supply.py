"""The feed as the connections of one client share it."""

from __future__ import annotations

from collections import deque

from mailer.smtp.feed import Feed, Sendable
from mailer.smtp.outcomes import NotSent, Outcome


class Supply:
    """Gives each message of a feed to one connection.

    A connection is opened because a message waits for it, but the message goes to whichever connection is ready first.
    """

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._waiting: deque[Sendable] = deque()  # taken from the feed, and no connection has begun with them
        self._stopped = False

    @property
    def exhausted(self) -> bool:
        """True when `take` will never give anything again."""
        return self._stopped or (not self._waiting and self._feed.exhausted)

    def take(self, behind: int | None = None) -> Sendable | None:
        """The next message for a connection that is ready, or None when there is none right now.

        `behind` is the key of a message whose reply the connection awaits; what waits for a connection waits for none of those.
        """
        if self._stopped:
            return None
        if self._waiting:
            return self._waiting.popleft() if behind is None else None
        return self._feed.take(behind)

    def needs_more_than(self, openings: int) -> bool:
        """Whether a message waits beyond one for each of the `openings` connections that are being opened."""
        if self._stopped:
            return False
        if len(self._waiting) <= openings and (message := self._feed.take()) is not None:
            self._waiting.append(message)
        return len(self._waiting) > openings

    def settle(self, key: int, outcome: Outcome) -> None:
        """Tell the feed what became of a message."""
        self._feed.settle(key, outcome)

    def stop(self) -> None:
        """Give nothing out any more."""
        self._stopped = True

    def give_up(self, outcome: NotSent) -> None:
        """Settle what still waits."""
        self._stopped = True
        while self._waiting:
            self._feed.settle(self._waiting.popleft().key, outcome)
