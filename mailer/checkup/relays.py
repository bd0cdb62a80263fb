"""Each relay, tried as the workers use it: connect, TLS, login, and goodbye before any mail."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from mailer.checkup.finding import Finding, fault, ok, skipped
from mailer.relay import Encryption, Relay, parse_relays
from mailer.settings import Settings
from mailer.smtp import Deadlines, RelayDown
from mailer.smtp.envelope import QUIT
from mailer.smtp.opening import open_session
from mailer.smtp.tls import context_for
from subscribers.errors import InputError

DEADLINES = Deadlines(connect=10, greeting=20, tls=10, command=20)


def relays(settings: Settings, deadlines: Deadlines = DEADLINES) -> Iterator[Finding]:
    """Whether a session can be had with each of them."""
    try:
        chosen = parse_relays(settings["SMTP_URL"])
    except InputError as error:
        yield fault("relay", str(error), "Set JIANBAO_SMTP_URL.")
        return
    yield from asyncio.run(_all(chosen, deadlines))


async def _all(chosen: tuple[Relay, ...], deadlines: Deadlines) -> list[Finding]:
    return await asyncio.gather(*(_one(relay, deadlines) for relay in chosen))


async def _one(relay: Relay, deadlines: Deadlines) -> Finding:
    if relay.direct:
        return skipped("relay", f"{relay.label} hands mail to each recipient's own hosts; none is tried before there is mail")
    context = None if relay.encryption is Encryption.NONE else context_for(relay)
    try:
        session = await open_session(relay, deadlines, context)
    except RelayDown as down:
        return fault("relay", str(down).removesuffix(f". {down.cure}"), down.cure)
    session.wire.write(QUIT)
    session.wire.close()
    private = "over TLS" if session.wire.tls else "without TLS"
    login = f", logged in as {relay.user}" if relay.user is not None else ""
    return ok("relay", f"{relay.label} answers {private}{login}")
