"""Staff's word that an address is to be written to again: a fact among the facts, after which the count begins anew."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, text

from mailer.judgement import Finding
from mailer.returns.deciding import reconcile
from mailer.returns.policies import Policies
from subscribers import audit, records, suppression
from subscribers.address import parse_address
from subscribers.audit import Change, Subject
from subscribers.errors import InputError
from subscribers.suppression import MAY_LIFT, LiftedBy


def reinstate(connection: Connection, address: str, *, by: str, why: str, policies: Policies, now: datetime) -> int:
    """Let an address that ended live again, and say whose it is, by id. InputError where it is not for staff to say."""
    parsed = parse_address(address)
    subscriber_id = connection.execute(_FIND, {"hash": parsed.hash}).scalar_one_or_none()
    if subscriber_id is None:
        raise records.nobody(address)
    standing = suppression.of_address(connection, parsed.hash)
    theirs = [one for one in standing if one.reason not in MAY_LIFT[LiftedBy.STAFF]]
    if theirs:
        raise InputError(
            f"{address} is suppressed as {theirs[0].reason} since {theirs[0].since:%Y-%m-%d}. "
            "Only its owner can lift that, by signing up again and confirming it."
        )
    connection.execute(
        _RECORD, {"key": f"staff:{subscriber_id}:{now.isoformat()}", "subscriber": subscriber_id, "why": why, "now": now}
    )
    reconcile(connection, [subscriber_id], policies, now)
    suppression.lift(connection, parsed.hash, LiftedBy.STAFF)
    connection.execute(_ENABLE, {"id": subscriber_id})
    audit.record(connection, Change(by, "reinstate", Subject.SUBSCRIBER, subscriber_id, reason=why))
    return int(subscriber_id)


_FIND = text("SELECT id FROM subscriber WHERE address_hash = :hash AND state <> 'merged'")
_RECORD = text(f"""
    INSERT INTO feedback (way, key, subscriber_id, happening, finding, rule, known, status, diagnostic, trust, standing, at, because)
    VALUES ('staff', :key, :subscriber, '{Finding.REINSTATED}', '{Finding.REINSTATED}', 'staff', true, '', :why, 'staff', 'scored', :now,
            'the count begins anew')
""")
_ENABLE = text("UPDATE subscriber SET state = 'active' WHERE id = :id AND state = 'disabled'")
