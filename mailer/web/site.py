"""What every endpoint stands on, and how a token in an address becomes a recipient.

GET never changes what anybody is subscribed to: scanners and previews fetch every link of a message (RFC 8058 §1). A token counts
in the path and nowhere else, and one that is forged, cut or unknown gets the same answer.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from redis.asyncio import Redis
from sqlalchemy import Engine
from starlette.exceptions import HTTPException
from starlette.requests import Request

from mailer.leaving import Recipient, find_recipient
from mailer.tokens import TRIAL_IDS, Purpose, Tokens
from mailer.web.pages import Pages
from subscribers.db import transaction

_NO_LETTERS = re.compile(r"[^A-Za-z0-9]+")


@dataclass(frozen=True, slots=True)
class Site:
    """The database, the broker, the keys, the pages, and the time."""

    engine: Engine
    redis: Redis
    tokens: Tokens
    pages: Pages
    clock: Callable[[], datetime]

    def verified(self, purpose: Purpose, request: Request) -> int:
        """The delivery of the token in the path, or whatever its number is; 404 for every token that is not ours, however it is wrong,
        and 410 for one of a test copy.

        What programs put around or into an address that they found in a text (`。`, `>`, `=` and a line's end) is none of the token's.
        """
        number = self.tokens.verify(purpose, _NO_LETTERS.sub("", request.path_params["token"]))
        if number is None:
            raise HTTPException(404)
        if number in TRIAL_IDS:
            raise HTTPException(410)
        return number

    def recipient(self, purpose: Purpose, request: Request) -> Recipient:
        """The addressee of the token in the path; 404 as in `verified`, and just so where there is none any more."""
        return self.addressee(self.verified(purpose, request))

    def addressee(self, delivery_id: int) -> Recipient:
        """The addressee of a delivery, or 404."""
        with transaction(self.engine) as connection:
            recipient = find_recipient(connection, delivery_id)
        if recipient is None:
            raise HTTPException(404)
        return recipient

    def preferences_path(self, recipient: Recipient) -> str:
        """The address of the recipient's preferences, from any page one step below the root."""
        return f"../p/{self.tokens.sign(Purpose.PREFERENCES, recipient.delivery_id)}"
