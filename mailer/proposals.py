"""What readers propose to change of their institute's contact: kept until staff accept it, and only then in force."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from sqlalchemy import Connection, RowMapping, text

from mailer.reader_models import ProposalKind, ProposalState
from subscribers import audit
from subscribers.address import parse_address
from subscribers.audit import READER, Change, Subject
from subscribers.errors import InputError
from subscribers.store import NewSubscriber, add_subscribers
from subscribers.subscriptions import Wish, unsubscribe
from subscribers.tasks import NewTask, TaskKind, open_tasks, withdraw_tasks

_TASKS: Mapping[ProposalKind, tuple[TaskKind, str]] = MappingProxyType(
    {
        ProposalKind.CONTACT: (TaskKind.CONTACT_PROPOSED, "proposes other contact data"),
        ProposalKind.SUCCESSOR: (TaskKind.SUCCESSOR_PROPOSED, "says that somebody else receives this now"),
    }
)
_METHOD = "successor"


@dataclass(frozen=True, slots=True)
class ProposalRecord:
    """A proposal as staff see it. `fields` are the reader's own words, short lines without control characters."""

    id: int
    kind: ProposalKind
    subscriber_id: int
    address: str | None
    institute: str | None
    fields: Mapping[str, str]
    at: datetime
    state: ProposalState
    settled_by: str | None


def propose(
    connection: Connection,
    subscriber_id: int,
    kind: ProposalKind,
    fields: Mapping[str, str],
    now: datetime,
    *,
    teller: str = "the reader",
) -> int:
    """Keep a proposal and put it before staff; one of the same reader that is open is replaced. Returns its id."""
    values = {"subscriber": subscriber_id, "kind": kind.value, "fields": json.dumps(dict(fields)), "at": now}
    made = None
    # Of two at once, as a button pressed twice gives them, the second finds the first when that is committed.
    while made is None:
        for replaced in connection.execute(_REPLACE, values).scalars():
            withdraw_tasks(connection, [_key(replaced)], by="reader", note="replaced by a later one", now=now)
        made = connection.execute(_PROPOSE, values).one_or_none()
    task, words = _TASKS[kind]
    about = f"proposal {made.id}: {teller} {words}. `jianbao proposal list` shows it."
    open_tasks(connection, [NewTask(task, _key(made.id), about, made.institute_id, subscriber_id)], now)
    audit.record(
        connection,
        Change(READER, "propose", Subject.SUBSCRIBER, subscriber_id, None, {"proposal": made.id, "kind": kind.value}),
    )
    return int(made.id)


def propose_for(connection: Connection, subscriber_id: int, successor: str, now: datetime) -> None:
    """Propose the successor whom a reader's automatic answer names, once; not where one is open, which the reader may have proposed."""
    if connection.execute(_MAY_PROPOSE, {"subscriber": subscriber_id, "address": successor}).scalar_one():
        propose(connection, subscriber_id, ProposalKind.SUCCESSOR, {"address": successor}, now, teller="an automatic answer")


def proposals(connection: Connection, *, every: bool = False) -> list[ProposalRecord]:
    """The open proposals, or all of them, the oldest first."""
    return [_record(row) for row in connection.execute(_LIST, {"every": every, "id": None}).mappings()]


def find_proposal(connection: Connection, proposal_id: int) -> ProposalRecord:
    """One proposal. InputError where there is none of that number."""
    row = connection.execute(_LIST, {"every": True, "id": proposal_id}).mappings().one_or_none()
    if row is None:
        raise InputError(f"there is no proposal {proposal_id}. `jianbao proposal list` shows those that are open.")
    return _record(row)


def accept(connection: Connection, proposal_id: int, *, by: str, now: datetime) -> ProposalRecord:
    """Bring a proposal into force: the contact's new data, or the successor on the lists in the contact's place."""
    found = _settle(connection, proposal_id, ProposalState.ACCEPTED, by, now)
    match found.kind:
        case ProposalKind.CONTACT:
            values = {name: found.fields.get(name) or None for name in ("name", "phone")}
            connection.execute(_UPDATE_CONTACT, values | {"subscriber": found.subscriber_id})
        case ProposalKind.SUCCESSOR:
            _succeed(connection, found, now)
    return found


def decline(connection: Connection, proposal_id: int, *, by: str, now: datetime) -> ProposalRecord:
    """Leave everything as it is."""
    return _settle(connection, proposal_id, ProposalState.DECLINED, by, now)


def _succeed(connection: Connection, found: ProposalRecord, now: datetime) -> None:
    """The successor takes the contact's place on every list that the contact is on."""
    successor = NewSubscriber(
        parse_address(found.fields["address"]), found.fields.get("name") or None, institute=found.institute
    )
    list_ids = list(connection.execute(_LISTS, {"subscriber": found.subscriber_id}).scalars())
    evidence = f"proposal {found.id}"
    for list_id in list_ids:
        add_subscribers(connection, [successor], list_id, method=_METHOD, evidence=evidence)
    if found.address is not None and list_ids:
        unsubscribe(connection, Wish(found.subscriber_id, found.address, list_ids, _METHOD, evidence, now))


def _settle(connection: Connection, proposal_id: int, state: ProposalState, by: str, now: datetime) -> ProposalRecord:
    found = find_proposal(connection, proposal_id)
    if not connection.execute(_SETTLE, {"id": proposal_id, "state": state.value, "by": by, "at": now}).rowcount:
        raise InputError(
            f"proposal {proposal_id} is {found.state.value} already. `jianbao proposal list` shows which are open."
        )
    withdraw_tasks(connection, [_key(proposal_id)], by=by, note=state.value, now=now)
    return find_proposal(connection, proposal_id)


def _key(proposal_id: int) -> str:
    return f"proposal {proposal_id}"


def _record(row: RowMapping) -> ProposalRecord:
    return ProposalRecord(**{**row, "kind": ProposalKind(row["kind"]), "state": ProposalState(row["state"])})


_REPLACE = text("""
    UPDATE proposal SET state = 'replaced', settled_at = :at, settled_by = 'reader'
    WHERE subscriber_id = :subscriber AND kind = :kind AND state = 'open' RETURNING id
""")
_MAY_PROPOSE = text("""
    SELECT EXISTS (SELECT FROM subscriber WHERE id = :subscriber) AND NOT EXISTS (
        SELECT FROM proposal WHERE subscriber_id = :subscriber AND kind = 'successor'
        AND (state = 'open' OR lower(fields ->> 'address') = :address))
""")
_PROPOSE = text("""
    INSERT INTO proposal (subscriber_id, kind, fields, at) VALUES (:subscriber, :kind, CAST(:fields AS jsonb), :at)
    ON CONFLICT (subscriber_id, kind) WHERE state = 'open' DO NOTHING
    RETURNING id, (SELECT institute_id FROM subscriber WHERE subscriber.id = :subscriber) AS institute_id
""")
_LIST = text("""
    SELECT proposal.id, proposal.kind, proposal.subscriber_id, subscriber.address, institute.name AS institute, proposal.fields,
           proposal.at, proposal.state, proposal.settled_by
    FROM proposal LEFT JOIN subscriber ON subscriber.id = proposal.subscriber_id
    LEFT JOIN institute ON institute.id = subscriber.institute_id
    WHERE (:every OR proposal.state = 'open') AND proposal.id = COALESCE(CAST(:id AS integer), proposal.id) ORDER BY proposal.id
""")
_SETTLE = text("UPDATE proposal SET state = :state, settled_by = :by, settled_at = :at WHERE id = :id AND state = 'open'")
_UPDATE_CONTACT = text("""
    UPDATE subscriber SET name = COALESCE(:name, name), phone = COALESCE(:phone, phone) WHERE id = :subscriber
""")
_LISTS = text("SELECT list_id FROM subscription WHERE subscriber_id = :subscriber AND state = 'confirmed' ORDER BY list_id")
