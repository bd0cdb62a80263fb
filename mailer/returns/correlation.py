"""Whose delivery a claim speaks of, and whether it counts: pure, over what has been looked up.

After our own token it is the name that the relay gave our message when it took it that shows it. An address alone shows nothing, unless
a mail service vouches for it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from mailer.feedback import Fact, FactClass, Happening
from mailer.feedback.departed import departed
from mailer.feedback_models import Standing, Trust, Way
from mailer.judgement import Finding, finding_of
from mailer.reply import Confidence, Meaning
from mailer.returns.claims import Claim, canonical
from subscribers.address import is_placeholder

# After the message went out; what comes later is a replay, or about a mailbox of another time. A complaint counts once, whenever it comes.
LATEST = timedelta(days=30)
_SHORTEST_SERVICE_ID = 8
_BEYOND_GUESSING = 16
_WORD = re.compile(r"""[^\s<>()\[\]{},;:="'#]+""")
_OF_HOSTS = re.compile(r"smtp|mta|mail|relay|host|server|queue", re.IGNORECASE)  # how relays begin their own names
_LONGEST_KEY = 600  # characters; an entry of an index of PostgreSQL's has at most 2,704 octets
_SERVICE_ID_ENDS = "."  # SendGrid's sg_message_id is the name in its 250, then a dot and the name of a filter.


@dataclass(frozen=True, slots=True)
class Sent:
    """A delivery as it is needed to place a fact. `reply` is what the relay answered to the message; `began_at` is of its mailing."""

    id: int
    subscriber_id: int
    address: str
    reply: str | None
    began_at: datetime
    settled_at: datetime | None

    @property
    def out_at(self) -> datetime:
        """When the message went out, as far as that is known: a large mailing, or one that was paused, takes weeks."""
        return max(self.began_at, self.settled_at or self.began_at)


@dataclass(frozen=True, slots=True)
class Asked:
    """A mail that asked whether an address works. `reply` is what the relay answered to it."""

    id: int
    subscriber_id: int
    address: str
    reply: str | None
    began_at: datetime


@dataclass(frozen=True, slots=True)
class Placed:
    """A fact with its delivery or its probe, if it has one, and whether it counts."""

    claim: Claim
    sent: Sent | None
    trust: Trust
    standing: Standing
    finding: Finding | None
    asked: Asked | None = None

    @property
    def subscriber_id(self) -> int | None:
        """Whom it is about."""
        about = self.sent or self.asked
        return about.subscriber_id if about else None

    @property
    def of_erased(self) -> bool:
        """Whether it is about somebody who was erased, whatever addresses it names."""
        return self.sent is not None and is_placeholder(self.sent.address)

    @property
    def key(self) -> str:
        """What the same event has in common, however often and by whatever way it is told."""
        fact = self.claim.fact
        if self.sent is not None and self.standing is not Standing.FOREIGN:
            return f"d{self.sent.id}:{fact.happening}:{self.finding or ''}" + (":old" if self.standing is Standing.OLD else "")
        if self.asked is not None:
            return f"q{self.asked.id}:{fact.happening}:{self.finding or ''}"
        at = fact.at.isoformat() if fact.at else ""
        parts = (
            self.standing,
            fact.happening,
            self.claim.address or fact.recipient,
            fact.status,
            fact.event_id,
            at,
            fact.diagnostic,
        )
        return _short("\n".join(parts))


def place(
    claim: Claim, by_id: Mapping[int, Sent], by_address: Mapping[str, Collection[Sent]], probes: Mapping[int, Asked]
) -> Placed:
    """The fact with the delivery that it speaks of, and whether it counts.

    `by_id` are deliveries that tokens name, `by_address` those of the last weeks to the addresses that were named, `probes` both.
    """
    if claim.delivery_id is not None:
        sent = by_id.get(claim.delivery_id)
        return _unplaced(claim, Standing.FOREIGN) if sent is None else _placed(claim, sent, claim.trust)
    if claim.probe_id is not None:
        asked = probes.get(claim.probe_id)
        return _unplaced(claim, Standing.FOREIGN) if asked is None else _of_probe(claim, asked, claim.trust)
    if claim.forged:
        return _unplaced(claim, Standing.FORGED)
    theirs: list[Sent | Asked] = [*by_address.get(claim.address or "", ())]
    theirs += [asked for asked in probes.values() if claim.address is not None and canonical(asked.address) == claim.address]
    vouched_for = claim.trust is Trust.SIGNED or claim.arrival.way is Way.LIST
    named = [mail for mail in theirs if _is_named(mail, claim.fact.evidence.message_ids, vouched_for=vouched_for)]
    if named:
        return _of_mail(claim, named, Trust.SIGNED if claim.trust is Trust.SIGNED else Trust.SERVICE_ID)
    before = [mail for mail in theirs if mail.began_at <= (claim.fact.at or claim.arrival.received_at)]
    if not vouched_for or not before:
        return _unplaced(claim, Standing.UNMATCHED)
    return _of_mail(claim, before, Trust.ADDRESS)


def _of_mail(claim: Claim, mails: Iterable[Sent | Asked], trust: Trust) -> Placed:
    """The fact as one about the last of these mails."""
    last = max(mails, key=lambda mail: mail.began_at)
    return _of_probe(claim, last, trust) if isinstance(last, Asked) else _placed(claim, last, trust)


def _of_probe(claim: Claim, asked: Asked, trust: Trust) -> Placed:
    """What is told of a probe is for staff to judge, but a complaint is a complaint, whatever mail it is about."""
    finding = _finding(claim.fact, certain=trust is not Trust.ADDRESS)
    standing = Standing.WAITING if finding is Finding.COMPLAINT else Standing.PROBED
    return Placed(claim, None, trust, standing, finding, asked)


def _is_named(mail: Sent | Asked, message_ids: Iterable[str], *, vouched_for: bool) -> bool:
    """Whether the relay's answer for the mail has one of these names.

    What a stranger names has to be a word of it that nobody guesses: "accepted", the relay's own name and the time are none.
    """
    reply = mail.reply or ""
    names = {part for name in message_ids for part in (name, name.partition("@")[0], name.partition(_SERVICE_ID_ENDS)[0])}
    names = {name for name in names if len(name) >= _SHORTEST_SERVICE_ID}
    if vouched_for:
        return any(name in reply for name in names)
    words = {part for word in _WORD.findall(reply) for part in (word.strip("."), word.partition("@")[0])}
    return any(_is_beyond_guessing(name) for name in names & words)


def _is_beyond_guessing(name: str) -> bool:
    local, at, _ = name.partition("@")
    mixed = any(map(str.isdigit, local)) and any(map(str.isalpha, local))
    host = _OF_HOSTS.search(local) or ("." in local and not at)
    return not host and (mixed or len(local) >= _BEYOND_GUESSING)


def _short(key: str) -> str:
    """The key as an index takes it: strangers write words and addresses of any length."""
    return key if len(key) <= _LONGEST_KEY else f"{key[:_LONGEST_KEY]}:{sha256(key.encode('utf-8', 'replace')).hexdigest()}"


def _unplaced(claim: Claim, standing: Standing) -> Placed:
    return Placed(claim, None, Trust.NONE, standing, None)


def _placed(claim: Claim, sent: Sent, trust: Trust) -> Placed:
    named = {address for text in (claim.fact.recipient, claim.fact.original_recipient) if (address := canonical(text))}
    matches = canonical(sent.address) in named
    if claim.arrival.received_at - sent.out_at > LATEST and claim.fact.happening is not Happening.COMPLAINED:
        return Placed(claim, sent, trust, Standing.OLD, None)
    if not matches and named and not claim.alone and claim.fact.happening is Happening.BOUNCED:
        return Placed(claim, sent, trust, Standing.FOREIGN, None)  # another recipient's, in a report about several
    finding = _finding(claim.fact, certain=matches and trust is not Trust.ADDRESS and not _led_on(claim.fact, sent.address))
    return Placed(claim, sent, trust, Standing.NOTED if finding is None else Standing.WAITING, finding)


def _led_on(fact: Fact, address: str) -> bool:
    """Whether the fact is about a mailbox that the addressee's leads on to: of several behind an office's address one may be gone."""
    reached, ours = canonical(fact.led_to) or canonical(fact.recipient), canonical(address)
    return reached is not None and ours is not None and reached.partition("@")[0] != ours.partition("@")[0]


_FINDINGS: Mapping[Happening, Finding] = {
    Happening.COMPLAINED: Finding.COMPLAINT,
    Happening.DELIVERED: Finding.DELIVERED,
    Happening.AUTORESPONDED: Finding.ALIVE,
    Happening.ANSWERED: Finding.ALIVE,
    Happening.DISPLAYED: Finding.ALIVE,
    # A service that did not even try says nothing of the address.
    Happening.REJECTED: Finding.OURS,
    Happening.FAILED: Finding.OURS,
}


def _finding(fact: Fact, *, certain: bool) -> Finding | None:
    if fact.happening is Happening.AUTORESPONDED and departed(fact.diagnostic, (fact.recipient,)):
        return None  # The mailbox answers, but nobody reads it any more.
    if fact.happening is not Happening.BOUNCED:
        return _FINDINGS.get(fact.happening)
    explicit = fact.known and fact.class_ is FactClass.HARD
    return finding_of(fact.meaning or Meaning.AMBIGUOUS, Confidence.EXPLICIT if explicit else Confidence.LOW, certain=certain)
