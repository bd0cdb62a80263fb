"""The messages of a batch, composed as its deliveries have their turn: where several at once are cheaper, some before it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from mailer.deliveries import DueDelivery
from mailer.message import Composer, Message, Recipient
from subscribers.errors import InputError


class Composing:
    """Composes with a delivery's message as many of those that are still to have their turn as are cheapest at once.

    No more is kept than of the deliveries that have begun and not ended.
    """

    def __init__(self, composer: Composer) -> None:
        self._composer = composer
        self._to_come: dict[int, DueDelivery] = {}  # by their ids; none where messages are composed one by one
        self._composed: dict[int, Message | InputError] = {}  # before their turn

    def begin(self, dues: Sequence[DueDelivery]) -> None:
        """These will have their turn, or end without."""
        if self._composer.together > 1:
            self._to_come |= {due.id: due for due in dues}

    def message(self, due: DueDelivery) -> Message:
        """The message of a delivery whose turn it is. InputError where the address cannot be mailed to."""
        if due.id not in self._composed:
            if not self._to_come:
                return self._composer.compose(_recipient(due))
            self._compose_from(due)
        message = self._composed.pop(due.id)
        if isinstance(message, InputError):
            raise message
        return message

    def end(self, due: DueDelivery) -> None:
        """The delivery has ended, perhaps before it had its turn."""
        self._to_come.pop(due.id, None)
        self._composed.pop(due.id, None)

    def stop(self) -> None:
        """No more of them will have their turn, but for what is tried again."""
        self._to_come.clear()
        self._composed.clear()

    def _compose_from(self, due: DueDelivery) -> None:
        self._to_come.pop(due.id, None)
        dues = [due, *islice(self._to_come.values(), self._composer.together - 1)]
        for other in dues[1:]:
            del self._to_come[other.id]
        messages = self._composer.compose_each([_recipient(one) for one in dues])
        self._composed |= {one.id: message for one, message in zip(dues, messages, strict=True)}


def _recipient(due: DueDelivery) -> Recipient:
    return Recipient(due.id, due.address, due.name, due.institute)
