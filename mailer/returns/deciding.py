"""From facts on record to states, suppressions and tasks: in bulk, in the transaction that is given, and the same in any order.

What an address and a delivery come to is always worked out anew from all the facts that count, and then compared with what stands in
their rows. So a fact that comes late, twice or before our own record, and one that is taken back, all go the same way.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, text

from mailer.judgement import COUNTED, Decision, Finding, Judgement, Mark, Policy, decide, judge, state_after, worst
from mailer.models import DeliveryState
from mailer.returns import succession
from mailer.returns.consequences import Ended, apply_states, keep_replaced, lift, suppress
from mailer.returns.policies import Policies

_LATELY = timedelta(days=400)  # A year, and the weeks by which its last issue may be late.


@dataclass(frozen=True, slots=True)
class _Known:
    """A fact on record that counts, or is to count now."""

    id: int
    subscriber_id: int | None
    delivery_id: int | None
    finding: Finding
    meaning: str | None
    diagnostic: str
    at: datetime
    issue_id: int | None
    began_at: datetime | None
    list_ids: tuple[int, ...]
    of_this_address: bool  # and not of one that the subscriber had before; a complaint is the person's, at whichever
    fresh: bool

    @property
    def mark(self) -> Mark:
        """What it adds to the history: at the time of its issue, or at its own where it is about none or about the person."""
        if self.issue_id is None or self.began_at is None or self.finding in (Finding.ALIVE, Finding.REINSTATED):
            return Mark(self.finding, self.at)
        return Mark(self.finding, self.began_at, self.issue_id)


@dataclass(frozen=True, slots=True)
class Settled:
    """What settling did: facts that count now, deliveries and addresses that changed."""

    scored: int = 0
    states: int = 0
    ended: int = 0
    lifted: int = 0


def settle(connection: Connection, feedback_ids: Sequence[int], policies: Policies, now: datetime) -> Settled:
    """Let those of the facts count that wait and whose delivery is settled, and do what follows."""
    fresh = [row.id for row in connection.execute(_SETTLED, {"ids": list(feedback_ids)})]
    subscribers = _subscribers_of(connection, fresh)
    return reconcile(connection, subscribers, policies, now, fresh=fresh)


def settle_waiting(connection: Connection, policies: Policies, now: datetime, limit: int) -> Settled:
    """The same for facts that came before their delivery was settled."""
    waiting = [row.id for row in connection.execute(_WAITING, {"limit": limit})]
    return settle(connection, waiting, policies, now) if waiting else Settled()


def reconcile(
    connection: Connection, subscriber_ids: Iterable[int], policies: Policies, now: datetime, *, fresh: Sequence[int] = ()
) -> Settled:
    """Make the rows of these subscribers, and of their deliveries, what the facts say; `fresh` facts begin to count with this."""
    subscribers = sorted(set(subscriber_ids))
    if not subscribers:
        return Settled()
    # Whoever decides about the same people at the same time waits here, and then sees what we did.
    connection.execute(_LOCK, {"ids": subscribers})
    facts = _facts(connection, subscribers, fresh)
    delivered = _delivered(connection, facts, now)
    if _note_lifted(connection, facts, delivered, policies):
        facts = _facts(connection, subscribers, fresh)
    ended, alive, decisions = [], [], []
    for subscriber_id in subscribers:
        known = facts[subscriber_id]
        policy = _policy(known, policies)
        judgement, made = _judged(known, delivered[subscriber_id], policy)
        decisions += made
        if judgement.suppression is None:
            alive.append(subscriber_id)
        else:
            ended.append(Ended(subscriber_id, judgement.suppression, _evidence(known, judgement)))
    changes = _changes(connection, [fact for known in facts.values() for fact in known], subscribers)
    apply_states(connection, changes)
    kept = {change["kept_by"]: change["replaced"] for change in changes if change["kept_by"] is not None}
    _score(connection, fresh, dict(decisions), kept)
    keep_replaced(connection, [change for change in changes if change["kept_by"] is None])
    newly = suppress(connection, ended, now)
    succession.open_tasks_for(connection, newly, now)
    return Settled(len(fresh), len(changes), len(newly), lift(connection, alive, now))


def _judged(facts: Sequence[_Known], delivered: Sequence[Mark], policy: Policy) -> tuple[Judgement, list[tuple[int, Decision]]]:
    """What one subscriber's history comes to, and what each fresh fact added to it."""
    facts = [fact for fact in facts if fact.of_this_address]
    history = [*delivered, *(fact.mark for fact in facts if not fact.fresh)]
    decisions = []
    for fact in (fact for fact in facts if fact.fresh):
        decisions.append((fact.id, decide(history, fact.mark, policy)))
        history.append(fact.mark)
    return judge(history, policy), decisions


def _note_lifted(
    connection: Connection, facts: Mapping[int, Sequence[_Known]], delivered: Mapping[int, Sequence[Mark]], policies: Policies
) -> bool:
    """Where an end was lifted by others – by staff, or by the person's own sign-up – let a fact say so: the count begins anew.

    It stands right behind the issues that had led there, so that a late report of one of them changes nothing.
    """
    last: dict[int, datetime] = {}
    for subscriber_id, known in facts.items():
        old = [fact for fact in known if not fact.fresh and fact.of_this_address]
        marks = [*delivered.get(subscriber_id, ()), *(fact.mark for fact in old)]
        if old and judge(marks, _policy(known, policies)).ended_by is not None:
            last[subscriber_id] = max(fact.mark.at for fact in old)
    lifted = [] if not last else list(connection.execute(_UNSUPPRESSED, {"ids": list(last)}).scalars())
    if lifted:
        times = [last[subscriber_id] + timedelta(microseconds=1) for subscriber_id in lifted]
        connection.execute(_REINSTATE, {"ids": lifted, "times": times})
    return bool(lifted)


def _policy(facts: Sequence[_Known], policies: Policies) -> Policy:
    """The policy for the last mailing of which something came back; what staff or an answer said is about none."""
    return policies.of_lists(next((fact.list_ids for fact in reversed(facts) if fact.list_ids), ()))


def _evidence(facts: Sequence[_Known], judgement: Judgement) -> str:
    """The last fact of the kind that ended the address."""
    telling = (fact.id for fact in facts if fact.of_this_address and fact.finding is judgement.ended_by)
    return f"feedback {max(telling)}"


def _subscribers_of(connection: Connection, feedback_ids: Sequence[int]) -> list[int]:
    return list(connection.execute(_SUBSCRIBERS_OF, {"ids": list(feedback_ids)}).scalars())


def _facts(connection: Connection, subscribers: Sequence[int], fresh: Sequence[int]) -> dict[int, list[_Known]]:
    facts: dict[int, list[_Known]] = {subscriber_id: [] for subscriber_id in subscribers}
    new = set(fresh)
    for row in connection.execute(_FACTS, {"ids": list(subscribers), "fresh": list(fresh)}):
        values = dict(row._mapping) | {
            "finding": Finding(row.finding),
            "list_ids": tuple(row.list_ids or ()),
            "fresh": row.id in new,
        }
        facts[row.subscriber_id].append(_Known(**values))
    return facts


def _delivered(connection: Connection, facts: Mapping[int, Sequence[_Known]], now: datetime) -> Mapping[int, list[Mark]]:
    """The issues of lately that a server accepted for each of them, and of those against whom something older stands, since then.

    What came back of those is among the facts.
    """
    lately = now - _LATELY
    against = {person: [fact.mark.at for fact in known if fact.finding in COUNTED] for person, known in facts.items()}
    older = {person: min(times) for person, times in against.items() if times and min(times) < lately}
    marks: dict[int, list[Mark]] = defaultdict(list)
    for people, since, until in ((facts, lately, now + _LATELY), (older, min(older.values(), default=now), lately)):
        for row in connection.execute(_DELIVERED, {"ids": list(people), "since": since, "until": until}) if people else ():
            marks[row.subscriber_id].append(Mark(Finding.DELIVERED, row.began_at, row.issue_id))
    return marks


def _changes(connection: Connection, facts: Sequence[_Known], subscribers: Sequence[int]) -> list[dict[str, object]]:
    """What has to be written to deliveries, so that each has the state that its facts make of it."""
    of_delivery: dict[int, list[_Known]] = defaultdict(list)
    for fact in facts:
        if fact.delivery_id is not None:
            of_delivery[fact.delivery_id].append(fact)
    rows = connection.execute(_DELIVERIES, {"ids": list(of_delivery), "subscribers": list(subscribers)}).all()
    return [change for row in rows if (change := _change(row, of_delivery.get(row.id, [])))]


def _change(row: Row[Any], facts: Sequence[_Known]) -> dict[str, object] | None:
    """What has to be written to a delivery; None where it is as it should be. `replaced` is what it said before any feedback."""
    came_back = row.state in (DeliveryState.BOUNCED, DeliveryState.COMPLAINED, DeliveryState.FAILED)
    sent = row.replaced if row.replaced and came_back else {"state": row.state, "reason": row.reason, "reply": row.reply}
    state = state_after(DeliveryState(sent["state"]), [fact.finding for fact in facts])
    if state == sent["state"]:
        wanted = sent
    else:
        decisive = worst(fact.finding for fact in facts)
        fact = next(fact for fact in facts if fact.finding is decisive)
        reason = fact.meaning or fact.finding.value
        wanted = {"state": state.value, "reason": reason, "reply": fact.diagnostic or sent["reply"]}
    if row.state == wanted["state"] and (row.state == sent["state"] or row.reason == wanted["reason"]):
        return None
    kept = None if state == sent["state"] else sent
    # The only fact that there is of a delivery keeps it as it is scored.
    alone = kept is not None and row.replaced is None and len(facts) == 1 and facts[0].fresh
    return {"id": row.id, **wanted, "replaced": kept, "kept_by": facts[0].id if alone else None}


def _score(
    connection: Connection, fresh: Sequence[int], decisions: Mapping[int, Decision], replaced: Mapping[object, object]
) -> None:
    """Let facts count from now on, each with what it decided, and with what stood in its delivery before it.

    One about an address that the subscriber does not have any more decides nothing.
    """
    made = [decisions.get(fact_id) for fact_id in fresh]
    columns = {
        "ids": list(fresh),
        "befores": [decision and str(decision.before) for decision in made],
        "afters": [decision and str(decision.judgement.score) for decision in made],
        "becauses": [decision and decision.because for decision in made],
        "replaced": [json.dumps(replaced[fact_id]) if fact_id in replaced else None for fact_id in fresh],
    }
    connection.execute(_SCORE, columns)


_SETTLED = text("""
    SELECT f.id FROM feedback f LEFT JOIN delivery d ON d.id = f.delivery_id LEFT JOIN mailing m ON m.id = d.mailing_id
    WHERE f.id = ANY(:ids) AND f.standing = 'waiting' AND (d.id IS NULL OR m.status = 'cancelled' OR NOT (
        d.state IN ('pending', 'deferred') OR d.state = 'in_doubt' AND d.next_attempt_at IS NOT NULL))
""")
_WAITING = text("""
    SELECT f.id FROM feedback f JOIN delivery d ON d.id = f.delivery_id JOIN mailing m ON m.id = d.mailing_id
    WHERE f.standing = 'waiting' AND (m.status = 'cancelled' OR NOT (
        d.state IN ('pending', 'deferred') OR d.state = 'in_doubt' AND d.next_attempt_at IS NOT NULL))
    ORDER BY f.id LIMIT :limit FOR UPDATE OF f SKIP LOCKED
""")
_SUBSCRIBERS_OF = text("SELECT DISTINCT subscriber_id FROM feedback WHERE id = ANY(:ids) AND subscriber_id IS NOT NULL")
_LOCK = text("SELECT id FROM subscriber WHERE id = ANY(:ids) ORDER BY id FOR UPDATE")
_FACTS = text("""
    SELECT f.id, f.subscriber_id, f.delivery_id, f.finding, f.meaning, f.diagnostic, f.at, m.issue_id,
           COALESCE(m.started_at, m.at) AS began_at, m.list_ids,
           COALESCE(d.id IS NULL OR f.finding = 'complaint' OR d.address = s.address OR lower(d.address) = s.canonical, false)
               AS of_this_address
    FROM feedback f LEFT JOIN subscriber s ON s.id = f.subscriber_id
    LEFT JOIN delivery d ON d.id = f.delivery_id LEFT JOIN mailing m ON m.id = d.mailing_id
    WHERE f.subscriber_id = ANY(:ids) AND (f.standing = 'scored' OR f.standing = 'waiting' AND f.id = ANY(:fresh))
      AND f.finding IS NOT NULL ORDER BY began_at, f.at, f.id
""")
_DELIVERED = text("""
    SELECT d.subscriber_id, m.issue_id, COALESCE(m.started_at, m.at) AS began_at
    FROM mailing m JOIN delivery d ON d.mailing_id = m.id AND d.subscriber_id = ANY(:ids)
    WHERE m.started_at > :since AND m.started_at <= :until AND d.state = 'accepted'
""")
# Those with facts, and those that feedback changed earlier and that have none any more.
# Neither statement may grow with the tables: an OR, or ORDER BY … LIMIT 1, would lead the planner through all of them.
_DELIVERIES = text("""
    WITH wanted AS MATERIALIZED (
        SELECT unnest(CAST(:ids AS bigint[])) AS id UNION
        SELECT delivery_id FROM feedback WHERE subscriber_id = ANY(:subscribers) AND replaced IS NOT NULL)
    SELECT d.id, d.state, d.reason, d.reply, r.replaced
    FROM wanted JOIN delivery d ON d.id = wanted.id LEFT JOIN LATERAL (
        SELECT (array_agg(f.replaced ORDER BY f.id))[1] AS replaced FROM feedback f
        WHERE f.delivery_id = wanted.id AND f.replaced IS NOT NULL) r ON true
    ORDER BY d.id FOR UPDATE OF d
""")
_UNSUPPRESSED = text("""
    SELECT s.id FROM subscriber s WHERE s.id = ANY(:ids) AND s.state = 'active'
    AND NOT EXISTS (SELECT FROM suppression x WHERE x.address_hash = s.address_hash AND x.list_id IS NULL)
""")
_REINSTATE = text("""
    INSERT INTO feedback (way, key, subscriber_id, happening, finding, rule, known, status, diagnostic, trust, standing, at, because)
    SELECT 'staff', 'lifted:' || id || ':' || at, id, 'reinstated', 'reinstated', 'lifted', true, '', '', 'staff', 'scored', at,
           'its suppression was lifted, and the count begins anew'
    FROM unnest(CAST(:ids AS integer[]), CAST(:times AS timestamptz[])) AS t(id, at)
    ON CONFLICT (key) DO NOTHING
""")
# Once for each fact: every change of one that waits costs an entry in each index of the table. Each is sought by its id (OFFSET 0): else
# the whole of a table that seems to be small is looked through, and for each of its rows the whole list.
_SCORE = text("""
    UPDATE feedback f SET standing = 'scored', before = t.before, after = t.after, because = t.because,
           replaced = COALESCE(t.replaced, f.replaced)
    FROM unnest(CAST(:ids AS bigint[]), CAST(:befores AS text[]), CAST(:afters AS text[]), CAST(:becauses AS text[]),
                CAST(:replaced AS jsonb[])) AS t(id, before, after, because, replaced),
         LATERAL (SELECT id FROM feedback WHERE id = t.id OFFSET 0) AS known
    WHERE f.id = known.id AND f.standing IN ('waiting', 'scored')
""")
