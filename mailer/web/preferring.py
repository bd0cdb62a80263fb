"""The page of preferences: what one reader gets, how, and who reads it now."""

from __future__ import annotations

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from mailer.leaving import Recipient
from mailer.preferences import Preferences, Wanted, read_preferences, save_preferences
from mailer.proposals import propose
from mailer.reader_models import ProposalKind, TrackingWish
from mailer.tokens import Purpose
from mailer.web.forms import Form
from mailer.web.language import LANGUAGES, Language, language_of
from mailer.web.site import Site
from subscribers.address import parse_address
from subscribers.db import transaction
from subscribers.errors import InputError

_TRACKING = {wish.value: wish for wish in TrackingWish}
_CONTACT_FIELDS = ("name", "role", "phone", "institute")
_DONE, _FAULT = 200, 422

log = structlog.get_logger()


class Preferring:
    """`/p/`. The page is offered by the others; its token stands in no message."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def routes(self) -> list[Route]:
        """The page, and what its forms do."""
        return [Route("/p/{token}", self.show), Route("/p/{token}", self.take, methods=["POST"])]

    def show(self, request: Request) -> Response:
        """GET /p/{token}: what is in force."""
        return self._page(request, self._site.recipient(Purpose.PREFERENCES, request))

    async def take(self, request: Request) -> Response:
        """POST /p/{token}: what one of the page's three forms asks for; any other changes nothing."""
        form = Form.read(await request.body())
        return await run_in_threadpool(self._take, request, form)

    def _take(self, request: Request, form: Form) -> Response:
        recipient = self._site.recipient(Purpose.PREFERENCES, request)
        match form.line("act"):
            case "save":
                return self._save(request, recipient, form)
            case "contact":
                return self._contact(request, recipient, form)
            case "successor":
                return self._successor(request, recipient, form)
            case _:
                raise HTTPException(400)

    def _save(self, request: Request, recipient: Recipient, form: Form) -> Response:
        """Bring into force what the form says of the lists that it showed; one that came since stays as it is."""
        language = LANGUAGES.get(form.line("language"))
        with transaction(self._site.engine) as connection:
            present = _present(read_preferences(connection, recipient))
            wanted = Wanted(_lists(present, form), _days(present, form), language, _TRACKING.get(form.line("tracking")))
            save_preferences(connection, recipient, present, wanted, now=self._site.clock())
        log.info("preferences_saved", delivery=recipient.delivery_id)
        return self._page(request, recipient, done="saved", language=language)

    def _contact(self, request: Request, recipient: Recipient, form: Form) -> Response:
        fields = {name: line for name in _CONTACT_FIELDS if (line := form.line(name))}
        if not fields:
            return self._page(request, recipient, fault="contact")
        return self._propose(request, recipient, ProposalKind.CONTACT, fields)

    def _successor(self, request: Request, recipient: Recipient, form: Form) -> Response:
        try:
            address = parse_address(form.line("address")).written
        except InputError:
            return self._page(request, recipient, fault="successor", typed=form)
        return self._propose(request, recipient, ProposalKind.SUCCESSOR, {"name": form.line("name"), "address": address})

    def _propose(self, request: Request, recipient: Recipient, kind: ProposalKind, fields: dict[str, str]) -> Response:
        """Keep it for staff to accept; nothing is in force before."""
        with transaction(self._site.engine) as connection:
            present = _present(read_preferences(connection, recipient))
            propose(connection, present.subscriber_id, kind, fields, self._site.clock())
        log.info("proposed", delivery=recipient.delivery_id, kind=kind.value)
        return self._page(request, recipient, done=kind.value)

    def _page(
        self,
        request: Request,
        recipient: Recipient,
        *,
        done: str = "",
        fault: str = "",
        typed: Form | None = None,
        language: Language | None = None,
    ) -> Response:
        with transaction(self._site.engine) as connection:
            present = _present(read_preferences(connection, recipient))
        return self._site.pages.show(
            "preferences",
            language or language_of(request, recipient.language),
            _FAULT if fault else _DONE,
            switch=True,
            recipient=recipient,
            present=present,
            done=done,
            fault=fault,
            typed=typed or Form(()),
            leave=f"../u/{self._site.tokens.sign(Purpose.UNSUBSCRIBE, recipient.delivery_id)}",
        )


def _present(found: Preferences | None) -> Preferences:
    if found is None:
        raise HTTPException(404)  # Their record was erased: there is nothing left to prefer.
    return found


def _lists(present: Preferences, form: Form) -> frozenset[int]:
    shown, chosen = form.numbers("shown"), form.numbers("list")
    return frozenset(
        one.list_id for one in present.lists if (one.list_id in chosen if one.list_id in shown else one.subscribed)
    )


def _days(present: Preferences, form: Form) -> dict[int, int]:
    asked = {one.list_id: form.number(f"days-{one.list_id}") for one in present.lists}
    return {list_id: days for list_id, days in asked.items() if days is not None}
