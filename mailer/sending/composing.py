"""The messages of a batch, composed as its deliveries have their turn: where several are signed at once, some are drafted before."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from mailer.deliveries import DueDelivery
from mailer.message import Composer, Draft, Message, Recipient
from subscribers.errors import InputError


class Composing:
    """Drafts with a delivery's message as many of those that are still to have their turn as are cheapest at once.

    No more is kept than of the deliveries that have begun and not ended.
    """

    def __init__(self, composer: Composer) -> None:
        self._composer = composer
        self._to_come: dict[int, DueDelivery] = {}  # by their ids; none where messages are composed one by one
        self._drafts: dict[int, Draft | InputError] = {}  # before their turn

    def begin(self, dues: Sequence[DueDelivery]) -> None:
        """These will have their turn, or end without."""
        if self._composer.together > 1:
            self._to_come |= {due.id: due for due in dues}

    def message(self, due: DueDelivery) -> Message:
        """The message of a delivery whose turn it is. InputError where the address cannot be mailed to."""
        if due.id not in self._drafts:
            if not self._to_come:
                return self._composer.compose(_recipient(due))
            self._draft_from(due)
        draft = self._drafts.pop(due.id)
        if isinstance(draft, InputError):
            raise draft
        return self._composer.finish(draft)

    def end(self, due: DueDelivery) -> None:
        """The delivery has ended, perhaps before it had its turn."""
        self._to_come.pop(due.id, None)
        self._drafts.pop(due.id, None)

    def stop(self) -> None:
        """No more of them will have their turn, but for what is tried again."""
        self._to_come.clear()
        self._drafts.clear()

    def _draft_from(self, due: DueDelivery) -> None:
        self._to_come.pop(due.id, None)
        dues = [due, *islice(self._to_come.values(), self._composer.together - 1)]
        for other in dues[1:]:
            del self._to_come[other.id]
        drafts = self._composer.draft_each([_recipient(one) for one in dues])
        self._drafts |= {one.id: draft for one, draft in zip(dues, drafts, strict=True)}


def _recipient(due: DueDelivery) -> Recipient:
    return Recipient(due.id, due.address, due.name, due.institute)
