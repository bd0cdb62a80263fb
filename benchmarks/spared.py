"""What one provider's slowness costs another, and how relays share the mail and stand in for each other.

The whole product on one machine. A single worker, whose eight connections both have to share, sends one mailing to as many recipients
at each of two providers, at PACE to each of them, a fraction of what the machine does. The server answers the final dots of one
provider's mail TARPIT seconds late, so that all connections together would bear three messages a second and not 150. Timed from the
mailing's start to the last delivery at the other provider; then the mailing is cancelled. The reference is the same mailing to a server
that answers at once. A run in which one of the other provider's recipients is not accepted is void.

Then two workers have two relays with weights of 3 and 1. What the first took of a mailing without a pace is held against three quarters.
The next mailing has a pace, and when half of it is accepted the first relay takes no connection and no message any more: every
recipient has to be accepted through the other.
"""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime

from sqlalchemy import text

from benchmarks import audience
from benchmarks.figures import CannotMeasure, Figure, Pair, Report, in_turns, progress, rounded
from benchmarks.office import Crew, Office, open_office
from benchmarks.options import Options
from benchmarks.recorder import Served, recorder
from mailer import mailings
from mailer.models import MailingStatus
from mailer.rate import Rate
from subscribers.db import transaction

RECIPIENTS = 20_000
PACE = Rate(150, 1)
TARPIT = 3.0
WORKERS = 2
WEIGHTS = (3, 1)
_PACED_SHARE = 4  # Mailings with a pace have so many times fewer recipients.
_PACE_OF_RELAYS = Rate(400, 1)
_WARM_UP = 800
_RETRY_SCALE = 0.1  # What a relay broke off is tried again after three seconds instead of thirty.
_SLOW, _OTHER = ("tencent", "slow.example"), ("netease", "other.example")
_SECONDS = 120.0
_LOOK_SECONDS = 0.1


def run(options: Options) -> Report:
    """The other provider's rate, with and without one that is slow; the first relay's share; and who was accepted when it had gone."""
    paced = max(4, options.recipients // _PACED_SHARE)
    shares: list[Pair] = []
    accepted: list[Pair] = []
    with open_office() as office, recorder() as server:
        progress("two relays")
        for number in range(options.pairs):
            share, all_of_them = _two_relays(office, options.recipients, paced)
            shares.append(share)
            accepted.append(all_of_them)
            progress(f"  run {number + 1}: {rounded(share.ours)} through the first, {all_of_them.ours:.0f} accepted without it")
        progress("two providers")
        rates = _two_providers(office, server, options.pairs, paced // 2)
    figures = (
        Figure("spared", "rate beside a tarpitted provider", "messages/s", rates, least=0.95),
        Figure("weight", "the first relay's share of the mail", "of all", tuple(shares), least=0.9, most=1.1),
        Figure("failover", "accepted, the first relay gone half way", "recipients", tuple(accepted), least=1.0, choose=min),
    )
    more = {"recipients": options.recipients, "paced": paced, "pace": str(PACE), "tarpit_seconds": TARPIT, "workers": WORKERS}
    return Report("spared", figures, more)


def _two_providers(office: Office, server: Served, pairs: int, recipients: int) -> tuple[Pair, ...]:
    providers = office.folder / "providers.toml"
    rows = (f'[[provider]]\nkey = "{key}"\ndomains = ["{domain}"]\n' for key, domain in (_SLOW, _OTHER))
    providers.write_text("".join(rows), encoding="utf-8")
    settings = {"PROVIDERS_FILE": str(providers), "SMTP_URL": _url(server, "only")}
    with office.crew(server.port, 1, settings, warm_up=_WARM_UP) as crew:
        list_id = audience.make_list_at(office.services.engine, [domain for _, domain in (_SLOW, _OTHER)], recipients)

        def rate(late: float) -> float:
            server.late = {_SLOW[1].encode(): late}
            return recipients / _seconds_of_the_other(office, crew, list_id, recipients)

        measured = in_turns(
            pairs, lambda: rate(TARPIT), lambda: rate(0.0), lambda ours, reference: f"{ours:.1f}/s against {reference:.1f}/s"
        )
    return tuple(Pair(beside, alone) for beside, alone in measured)


def _seconds_of_the_other(office: Office, crew: Crew, list_id: int, recipients: int) -> float:
    mailing_id = office.schedule_to(list_id, office.terms(None, {_SLOW[0]: PACE, _OTHER[0]: PACE}))
    parameters = {"mailing": mailing_id, "provider": _OTHER[0]}
    _await(office, crew, _SETTLED, parameters, recipients)
    with transaction(office.services.engine) as connection:
        if mailings.find_mailing(connection, mailing_id).status is MailingStatus.SENDING:
            mailings.cancel(connection, mailing_id, datetime.now(UTC))
        accepted, seconds = connection.execute(_ACCEPTED_AND_SECONDS, parameters).one()
    if accepted != recipients:
        raise CannotMeasure(f"of {recipients} recipients at the other provider {accepted} were accepted.")
    _await(office, crew, _NOT_AT_WORK, {"mailing": mailing_id}, 1)
    return float(seconds)


def _two_relays(office: Office, recipients: int, paced: int) -> tuple[Pair, Pair]:
    with recorder() as first, recorder() as second:
        urls = f"{_url(first, 'first', WEIGHTS[0])} {_url(second, 'second', WEIGHTS[1])}"
        with office.crew(first.port, WORKERS, {"SMTP_URL": urls}, warm_up=_WARM_UP) as crew:
            before = len(first.times)
            office.send(crew, recipients)
            share = (len(first.times) - before) / recipients
            list_id = office.list_of(paced)
            terms = replace(office.terms(_PACE_OF_RELAYS, {}), retry_scale=_RETRY_SCALE)
            mailing_id = office.schedule_to(list_id, terms)
            _await(office, crew, _ACCEPTED, {"mailing": mailing_id}, paced // 2)
            first.refuse()
            office.await_end(crew, mailing_id)
        with transaction(office.services.engine) as connection:
            accepted = mailings.counts(connection, mailing_id).accepted
    return Pair(share, WEIGHTS[0] / sum(WEIGHTS)), Pair(accepted, paced)


def _url(server: Served, name: str, weight: int = 1) -> str:
    return f"smtp://127.0.0.1:{server.port}?starttls=none&name={name}&connections=8&messages=1000000&weight={weight}"


def _await(office: Office, crew: Crew, question: str, parameters: dict[str, object], number: int) -> None:
    """Wait until the answer is at least that number."""
    deadline = time.monotonic() + _SECONDS
    while True:
        with transaction(office.services.engine) as connection:
            found = connection.execute(text(question), parameters).scalar_one()
        if found >= number:
            return
        if time.monotonic() > deadline:
            raise CannotMeasure(f"after {_SECONDS:g} s it is {found} of {number}.\n{crew.last_words()}")
        crew.check()
        time.sleep(_LOOK_SECONDS)


_SETTLED = """
    SELECT count(d.settled_at) FROM batch b JOIN delivery d ON d.id BETWEEN b.first_id AND b.last_id
    WHERE b.mailing_id = :mailing AND b.provider = :provider"""
_ACCEPTED_AND_SECONDS = text("""
    SELECT count(*) FILTER (WHERE d.state = 'accepted'), extract(epoch FROM max(d.settled_at) - max(m.started_at))
    FROM mailing m JOIN batch b ON b.mailing_id = m.id JOIN delivery d ON d.id BETWEEN b.first_id AND b.last_id
    WHERE m.id = :mailing AND b.provider = :provider""")
_ACCEPTED = "SELECT count(*) FROM delivery WHERE mailing_id = :mailing AND state = 'accepted'"
_NOT_AT_WORK = "SELECT CAST(count(lease) = 0 AS integer) FROM batch WHERE mailing_id = :mailing"
