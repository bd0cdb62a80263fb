"""Signing up to a list with double opt-in, and the mailbox's own word for it (docs/admins.md).

A form costs whoever abuses it: it has to be fetched and shown for a few seconds first, has a field that only machines fill in, and is
counted by network, by address, by domain and altogether (`subscribers.sign_ups`). What it answers never tells who is known here.
"""

from __future__ import annotations

from datetime import datetime

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from mailer import outbox
from mailer.leaving import masked
from mailer.origin import network_of
from mailer.tokens import Purpose
from mailer.web.forms import Form
from mailer.web.language import language_of
from mailer.web.site import Site
from subscribers.address import Address, parse_address
from subscribers.db import transaction
from subscribers.doubts import Doubt, DoubtKind, doubts_about
from subscribers.errors import InputError
from subscribers.sign_ups import SILENT, Asked, Pending, Refusal, confirm_sign_up, find_pending, open_list, sign_up

TEXT_VERSION = "2026-11"  # Of what the form says; the consent ledger keeps it with each consent.
_LEAST_SECONDS, _MOST_SECONDS = 3, 24 * 3600
_TRAP = "website"
_NOT_TAKEN = frozenset({DoubtKind.DISPOSABLE, DoubtKind.UNATTENDED})

log = structlog.get_logger()


class SigningUp:
    """`/join/` and `/s/`. GET shows, POST does: scanners fetch every link of a mail, and confirm nothing."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def routes(self) -> list[Route]:
        """The form with its act, and the confirmation with its."""
        return [
            Route("/join/{slug}", self.form),
            Route("/join/{slug}", self.join, methods=["POST"]),
            Route("/s/{token}", self.ask),
            Route("/s/{token}", self.confirm, methods=["POST"]),
        ]

    def form(self, request: Request) -> Response:
        """GET /join/{slug}: the form, where the list takes sign-ups; 404 for every other, whether there is one or not."""
        return self._form(request, self._list(request)[1])

    async def join(self, request: Request) -> Response:
        """POST /join/{slug}: have the address asked. The page is the same whether a mail leaves or the address is known already."""
        body = await request.body()
        return await run_in_threadpool(self._join, request, Form.read(body))

    def _join(self, request: Request, form: Form) -> Response:
        list_id, name = self._list(request)
        now, network = self._site.clock(), _network_of(request)
        if form.line(_TRAP):
            log.info("sign_up_refused", reason="trap", list=list_id)
            return self._show(request, "joined", list_name=name)
        if not self._is_of_a_person(form.line("form"), now):
            return self._form(request, name, typed=form, fault="again")
        try:
            address = parse_address(form.line("address"))
        except InputError:
            return self._form(request, name, typed=form, fault="address")
        doubt = _doubt(address, form)
        if doubt is not None:
            fault = "typo" if doubt.kind is DoubtKind.TYPO else "not-taken"
            return self._form(request, name, typed=form, fault=fault, proposal=doubt.proposal or "")
        asked = Asked(list_id, address, network, TEXT_VERSION, now, form.line("name") or None, language_of(request).value)
        refusal = self._keep(asked)
        if refusal is not None and refusal not in SILENT:
            return self._show(request, "join-later", status=429, headers={"Retry-After": "3600"})
        return self._show(request, "joined", list_name=name)

    def _keep(self, asked: Asked) -> Refusal | None:
        with transaction(self._site.engine) as connection:
            kept = sign_up(connection, asked)
            if not isinstance(kept, Refusal):
                outbox.put_down(connection, kept, asked.at)
        if isinstance(kept, Refusal):
            log.info("sign_up_refused", reason=kept.value, list=asked.list_id)
            return kept
        log.info("signed_up", sign_up=kept, list=asked.list_id)
        return None

    def ask(self, request: Request) -> Response:
        """GET /s/{token}: what confirming would do, and a button."""
        pending = self._pending(request)
        if pending.has_expired(self._site.clock()):
            return self._show(request, "join-expired", pending.language, status=410, pending=pending)
        return self._show(request, "confirm", pending.language, switch=True, pending=pending, address=masked(pending.address))

    async def confirm(self, request: Request) -> Response:
        """POST /s/{token}: in force, now; once or many times, it is the same."""
        await request.body()
        return await run_in_threadpool(self._confirm, request)

    def _confirm(self, request: Request) -> Response:
        pending = self._pending(request)
        with transaction(self._site.engine) as connection:
            confirmed = confirm_sign_up(connection, pending, prefix=_network_of(request), now=self._site.clock())
        if not confirmed:
            return self._show(request, "join-expired", pending.language, status=410, pending=pending)
        log.info("sign_up_confirmed", sign_up=pending.id, list=pending.list_id)
        return self._show(request, "confirmed", pending.language, pending=pending, address=masked(pending.address))

    def _list(self, request: Request) -> tuple[int, str]:
        with transaction(self._site.engine) as connection:
            found = open_list(connection, request.path_params["slug"])
        if found is None:
            raise HTTPException(404)
        return found

    def _pending(self, request: Request) -> Pending:
        sign_up_id = self._site.verified(Purpose.CONFIRM, request)
        with transaction(self._site.engine) as connection:
            pending = find_pending(connection, sign_up_id)
        if pending is None:
            raise HTTPException(404)
        return pending

    def _is_of_a_person(self, token: str, now: datetime) -> bool:
        """Whether the form was fetched from us, a few seconds ago at least and not yesterday."""
        shown_at = self._site.tokens.verify(Purpose.FORM, token)
        return shown_at is not None and _LEAST_SECONDS <= int(now.timestamp()) - shown_at <= _MOST_SECONDS

    def _form(self, request: Request, name: str, *, typed: Form | None = None, fault: str = "", proposal: str = "") -> Response:
        return self._show(
            request,
            "join",
            status=400 if fault else 200,
            switch=not fault,
            list_name=name,
            form=self._site.tokens.sign(Purpose.FORM, int(self._site.clock().timestamp())),
            typed=typed or Form(()),
            fault=fault,
            proposal=proposal,
        )

    def _show(
        self,
        request: Request,
        page: str,
        wish: str | None = None,
        *,
        status: int = 200,
        headers: dict[str, str] | None = None,
        switch: bool = False,
        **context: object,
    ) -> Response:
        return self._site.pages.show(page, language_of(request, wish), status, headers, switch=switch, **context)


def _doubt(address: Address, form: Form) -> Doubt | None:
    """What is to be asked of the reader first: a slip, but for who says that it is none, and a mailbox that nobody keeps or reads."""
    for doubt in doubts_about(address):
        if doubt.kind in _NOT_TAKEN or (doubt.kind is DoubtKind.TYPO and form.line("as-written") != form.line("address")):
            return doubt
    return None


def _network_of(request: Request) -> str:
    """By what sign-ups are counted: the network of who asks, as the server took it from a proxy that is believed; inside, the address."""
    host = request.client.host if request.client else ""
    return network_of(host) or host
