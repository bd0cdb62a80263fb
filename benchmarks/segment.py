"""Counting a segment of five parts over a million subscribers, against the same question written by hand in SQL.

Ours: from the expression as it is typed to the number, by the calls of `jianbao segment test`: the vocabulary read, the expression parsed,
the statement made, the database asked. Reference: the SQL that somebody who knows the tables would write, with the numbers of list and
mailings filled in. The subscribers belong to a thousand institutes in 31 provinces; each of the last three issues went to all of them.
Both must count the same. Caches are warm: both have been asked once before.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

from sqlalchemy import Connection, text

from benchmarks.figures import CannotMeasure, Figure, Pair, Report, in_turns, progress
from benchmarks.office import Office, open_office
from benchmarks.options import Options
from mailer.activity import select_segment
from subscribers.db import transaction
from subscribers.segments.saved import count
from subscribers.segments.vocabulary import Moment

RECIPIENTS = 1_000_000
_SECONDS = 1.0
_EXPRESSION = (
    "institute.province in (云南, 浙江) and subscriber.role = office and list(of-{recipients}) and not suppressed() "
    "and not received(last 3)"
)

_BY_HAND = text("""
    SELECT count(*) FROM subscriber s JOIN institute i ON i.id = s.institute_id
    WHERE i.province IN ('云南', '浙江') AND s.role = 'office' AND s.state <> 'merged'
      AND EXISTS (SELECT FROM subscription x WHERE x.subscriber_id = s.id AND x.list_id = :list AND x.state <> 'unsubscribed')
      AND NOT EXISTS (SELECT FROM suppression p WHERE p.address_hash = s.address_hash AND p.list_id IS NULL
                      AND (p.until IS NULL OR p.until > now()))
      AND NOT EXISTS (SELECT FROM delivery d WHERE d.subscriber_id = s.id AND d.mailing_id = ANY(:mailings)
                      AND d.state IN ('accepted', 'complained'))""")

_FURNISH = (
    "UPDATE institute SET province = (ARRAY['云南', '浙江', '四川', '贵州', '北京', '上海'])[1 + id % 31]",
    "UPDATE subscriber SET role = (ARRAY['director', 'office', 'research', 'other'])[1 + id / 7 % 4]",
    """INSERT INTO suppression (address_hash, reason, evidence)
       SELECT address_hash, 'complaint', 'benchmark' FROM subscriber WHERE id % 97 = 0""",
    "INSERT INTO issue (publication_id, year, number) SELECT publication_id, 2031, n FROM issue, generate_series(1, 3) n",
    """INSERT INTO mailing (issue_id, edition_id, list_ids, excluded_list_ids, terms, status, at, started_at, created_by)
       SELECT i.id, e.id, '{}', '{}', '{}', 'finished', now(), now(), 'benchmark' FROM issue i, edition e WHERE i.year = 2031""",
    """INSERT INTO delivery (mailing_id, subscriber_id, address, provider, state)
       SELECT m.id, s.id, s.address, 'other', CASE WHEN s.id % 5 = 0 THEN 'bounced' ELSE 'accepted' END
       FROM mailing m, subscriber s ORDER BY m.id, s.id""",
)


def run(options: Options) -> Report:
    """Seconds for one count."""
    with open_office() as office:
        list_id = office.list_of(options.recipients)
        _furnish(office)
        with transaction(office.services.engine) as connection:
            mailing_ids = list(connection.execute(text("SELECT id FROM mailing ORDER BY id")).scalars())
        expression = _EXPRESSION.format(recipients=options.recipients)
        moment = Moment(datetime.now(UTC), office.services.settings.zone)
        by_hand = {"list": list_id, "mailings": mailing_ids}

        def ours() -> float:
            return _timed(office, lambda connection: count(connection, select_segment(connection, expression, moment)), found)

        def reference() -> float:
            return _timed(office, lambda connection: connection.execute(_BY_HAND, by_hand).scalar_one(), found)

        found: set[int] = set()
        ours(), reference()
        measured = in_turns(options.pairs, ours, reference, lambda mine, theirs: f"{mine:.3f} s against {theirs:.3f} s")
    if len(found) != 1:
        raise CannotMeasure(f"the two did not count the same: {sorted(found)}.")
    pairs = tuple(Pair(mine, theirs) for mine, theirs in measured)
    figures = (
        Figure("segment", "count a segment", "s", pairs, most=1.2),
        Figure("second", "the same against a second", "s", tuple(Pair(pair.ours, _SECONDS) for pair in pairs), most=1.0),
    )
    return Report("segment", figures, {"recipients": options.recipients, "found": found.pop()})


def _furnish(office: Office) -> None:
    progress("  making institutes, roles, suppressions and three mailings")
    with transaction(office.services.engine) as connection:
        for statement in _FURNISH:
            connection.execute(text(statement))
    with office.services.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
        connection.execute(text("CHECKPOINT"))


def _timed(office: Office, counted: Callable[[Connection], int], found: set[int]) -> float:
    began = time.perf_counter()
    with transaction(office.services.engine) as connection:
        found.add(counted(connection))
    return time.perf_counter() - began
