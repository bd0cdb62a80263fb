"""From the staged lines into the tables, a statement for all rows at a time.

What may happen to an address is one word (`Fate`), found out by one statement; the others do it. An import never brings anybody back: who
left, is suppressed, or was merged into another stays as he is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError

from subscribers.db import Turn, references_looked_after, take_turn
from subscribers.errors import ServiceError
from subscribers.importing.institute_cells import NewName
from subscribers.institutes import NewInstitute, by_names, ensure_institutes, may_be
from subscribers.models import ImportMode
from subscribers.suppression import STRENGTH, YIELDS

_TRIES = 3


class _Vanished(ServiceError):
    """Of what the rows refer to something is gone, or was merged into another, since it was looked up."""


class Fate(StrEnum):
    """What becomes of one address of a file."""

    NEW = "new"  # A subscription is made, and a subscriber where there is none.
    LEAVE = "leave"  # The file says that somebody left whom we have as subscribed.
    SUPPRESS = "suppress"  # The file says that nobody must write to an address to which we do.
    SAME = "same"
    LEFT_ALONE = "left_alone"


@dataclass(frozen=True, slots=True)
class Batch:
    """The import whose rows are merged.

    `consent` is how the people of the file have agreed, for the ledger; `unproven`: the list wants that, and nobody has said it.
    """

    id: int
    list_id: int
    mode: ImportMode
    actor: str
    file_name: str
    sheets: Mapping[int, str | None]
    consent: str | None = None
    unproven: bool = False


@dataclass(frozen=True, slots=True)
class Merged:
    """What merging did, in addresses."""

    created: int
    new_subscribers: int
    updated: int
    unchanged: int
    left_alone: int
    duplicates: int
    unsubscribed: int
    new_institutes: int


def merge(connection: Connection, batch: Batch, institutes: Mapping[str, NewName]) -> tuple[Merged, list[str]]:
    """Merge what is staged; how much of it did what, and notes. Other imports wait for this transaction; a running send does not."""
    plan_for_many(connection)
    connection.execute(text("ANALYZE staged (hash, institute_key)"))
    duplicates = connection.execute(_DROP_REPEATED, {"strength": STRENGTH}).rowcount
    take_turn(connection, Turn.IMPORT)  # Two that bring the same addresses wait for each other instead of failing.
    made, notes = _settle_institutes(connection, batch, institutes)
    parameters = _parameters(connection, batch)
    for attempt in range(1, _TRIES + 1):
        try:
            with connection.begin_nested():
                connection.execute(_CHOOSE, parameters)
                _put_in(connection, parameters)
            break
        except (IntegrityError, _Vanished):  # Somebody has signed up or was merged meanwhile: the next look finds them so.
            if attempt == _TRIES:
                raise
    updated = 0 if batch.mode is ImportMode.NEW else connection.execute(_UPDATE, parameters).scalar_one()
    gone = connection.execute(_SYNC, parameters).scalar_one() if batch.mode is ImportMode.SYNC else 0
    row = connection.execute(_COUNT, parameters).one()
    merged = Merged(
        created=row.created,
        new_subscribers=row.fresh,
        updated=updated + row.leaving,
        unchanged=row.same - updated + duplicates,
        left_alone=row.left_alone,
        duplicates=duplicates,
        unsubscribed=gone,
        new_institutes=made,
    )
    return merged, notes


def plan_for_many(connection: Connection) -> None:
    """For this transaction: plans that take a million rows as they take ten.

    What the planner knows of a list that is new is that nobody is on it, and it would walk through all rows for each row.
    """
    for setting in ("work_mem = '64MB'", "enable_nestloop = off"):
        connection.execute(text(f"SET LOCAL {setting}"))


def left_alone(connection: Connection, most: int) -> Sequence[tuple[int, int, str, str]]:
    """Sheet, line, address and reason of those that were left as they are."""
    return [(row.sheet, row.line, row.address, row.blocked) for row in connection.execute(_LEFT_ALONE, {"most": most})]


def _parameters(connection: Connection, batch: Batch) -> dict[str, object]:
    last = max(batch.sheets, default=0)
    sources = [
        f"{batch.file_name}, {title}" if (title := batch.sheets.get(number)) else batch.file_name for number in range(last + 1)
    ]
    return {
        "import": batch.id,
        "list": batch.list_id,
        "actor": batch.actor,
        "evidence": f"import {batch.id}: {batch.consent}" if batch.consent else f"import {batch.id}",
        "unproven": batch.unproven,
        "strength": STRENGTH,
        "sources": sources,
        "ids": connection.execute(_IDS).scalar_one(),
    }


def _settle_institutes(connection: Connection, batch: Batch, institutes: Mapping[str, NewName]) -> tuple[int, list[str]]:
    """Make the institutes that are new, and a table of the ids by key; how many were made, and which names say too little."""
    by_name = {one.name: one for one in institutes.values()}
    before = by_names(connection, by_name)
    wanted = [one for one in by_name.values() if one.name not in before.ambiguous]
    numbers = {
        row.membership_number: row.id
        for row in connection.execute(
            _BY_NUMBERS, {"numbers": [one.membership_number for one in wanted if one.membership_number]}
        )
    }
    unknown = [one for one in wanted if one.name not in before.ids and one.membership_number not in numbers]
    ids = dict(before.ids) | ensure_institutes(
        connection, [NewInstitute(one.name, None, one.province or None, one.city or None, one.kind or None) for one in unknown]
    )
    ids |= {
        one.name: numbers[one.membership_number] for one in wanted if one.membership_number in numbers and one.name not in ids
    }
    connection.execute(_KNOWN_INSTITUTES)
    pairs = {"keys": [by_name[name].key for name in ids], "ids": list(ids.values())}
    connection.execute(_FILL_KNOWN_INSTITUTES, pairs)
    made = sorted({ids[one.name] for one in unknown})
    connection.execute(
        _NUMBER_INSTITUTES,
        {"ids": [ids[one.name] for one in unknown], "numbers": [one.membership_number or None for one in unknown]},
    )
    connection.execute(_RECORD_INSTITUTES, {"import": batch.id, "ids": made})
    notes = [
        f"the institute {may_be(name, candidates)}: its contacts went in without one. Write the whole name."
        for name, candidates in before.ambiguous.items()
    ]
    return len(made), notes


def _put_in(connection: Connection, parameters: Mapping[str, object]) -> None:
    if not connection.execute(_LOCK, parameters).scalar_one():
        raise _Vanished(
            "records of people in the file were changed again and again meanwhile. Nothing was changed; import it again."
        )
    with references_looked_after(connection):
        for statement in (_INSERT_SUBSCRIBERS, _INSERT_SUBSCRIPTIONS, _ENTER):
            connection.execute(statement, parameters)
    for statement in (_LEAVE, _SUPPRESS):
        connection.execute(statement, parameters)


_IDS = text("SELECT pg_get_serial_sequence('subscriber', 'id')")
_BY_NUMBERS = text("SELECT id, membership_number FROM institute WHERE membership_number = ANY(:numbers)")
_KNOWN_INSTITUTES = text("CREATE TEMP TABLE known_institute (key text PRIMARY KEY, id integer NOT NULL) ON COMMIT DROP")
_FILL_KNOWN_INSTITUTES = text("""
    INSERT INTO known_institute (key, id) SELECT key, coalesce(i.successor_id, i.id)
    FROM unnest(CAST(:keys AS text[]), CAST(:ids AS integer[])) AS known(key, institute) JOIN institute i ON i.id = institute
    ON CONFLICT DO NOTHING""")
_NUMBER_INSTITUTES = text("""
    UPDATE institute SET membership_number = number
    FROM (SELECT DISTINCT ON (number) id AS numbered, number
          FROM unnest(CAST(:ids AS integer[]), CAST(:numbers AS text[])) AS n(id, number) WHERE number IS NOT NULL ORDER BY number, id) n
    WHERE id = numbered""")
_RECORD_INSTITUTES = text("""
    INSERT INTO import_change (import_id, kind, row_id, action)
    SELECT :import, 'institute', id, 'created' FROM unnest(CAST(:ids AS integer[])) AS id""")

# One row for each address: of two in the file the one that forbids more, and then the first; who has left by either has left.
_DROP_REPEATED = text("""
    WITH repeated AS (SELECT hash, max(wish) AS wish FROM staged GROUP BY hash HAVING count(*) > 1),
         placed AS (
             SELECT s.number, r.wish, row_number() OVER (PARTITION BY hash ORDER BY
                 array_position(CAST(:strength AS text[]), replace(s.suppressed, 'list:', '')) DESC NULLS LAST,
                 s.suppressed LIKE 'list:%', s.until DESC NULLS FIRST, s.wish DESC NULLS LAST, s.number) AS place
             FROM staged s JOIN repeated r USING (hash)),
         first AS (UPDATE staged s SET wish = p.wish FROM placed p
                   WHERE p.number = s.number AND place = 1 AND s.wish IS DISTINCT FROM p.wish)
    DELETE FROM staged s USING placed p WHERE p.number = s.number AND place > 1""")

# An address whose record was merged leads to the person's record of today, which it neither changes nor puts on a list. What a row says
# of a person stays where it is staged: these rows are sorted, and narrow ones cost half as much.
_CHOOSE = text("""
    CREATE TEMP TABLE chosen ON COMMIT DROP AS
    WITH standing AS MATERIALIZED (
        SELECT address_hash, min(reason) AS reason, bool_or(reason = 'erased') AS erased FROM suppression
        WHERE (list_id IS NULL OR list_id = :list) AND (until IS NULL OR until > now()) GROUP BY address_hash
    ), looked_up AS (
        SELECT s.number, s.sheet, s.line, s.hash, s.since, i.id AS institute_id,
               CASE WHEN s.wish IS NULL AND :unproven THEN 'unconfirmed' ELSE s.wish END AS wish,
               CASE WHEN s.until <= now() THEN NULL ELSE s.suppressed END AS suppressed,
               coalesce(k.merged_into_id, k.id) AS known_id,
               CASE WHEN k.state = 'merged' THEN 'merged' END AS merged, x.state AS now_wants
        FROM staged s
        LEFT JOIN known_institute i ON i.key = s.institute_key
        LEFT JOIN subscriber k ON k.address_hash = s.hash
        LEFT JOIN subscription x ON x.list_id = :list AND x.subscriber_id = coalesce(k.merged_into_id, k.id)
    ), judged AS (
        SELECT l.*, coalesce(merged, standing.reason, CASE WHEN now_wants = 'unsubscribed' THEN 'unsubscribed' END) AS blocked,
               coalesce(standing.erased, false) AS erased
        FROM looked_up l LEFT JOIN standing ON standing.address_hash = l.hash
    ), fated AS (
        SELECT *, CASE
            WHEN merged IS NOT NULL THEN CASE
                WHEN now_wants IS NULL THEN 'left_alone'
                WHEN now_wants <> 'unsubscribed' AND wish = 'unsubscribed' THEN 'leave'
                WHEN now_wants = 'unsubscribed' AND wish IS DISTINCT FROM 'unsubscribed' THEN 'left_alone'
                ELSE 'same' END
            WHEN wish = 'unsubscribed' AND now_wants IS NULL AND NOT erased THEN 'new'
            WHEN wish = 'unsubscribed' AND now_wants <> 'unsubscribed' THEN 'leave'
            WHEN blocked IS NOT NULL AND (wish = 'unsubscribed' OR suppressed IS NOT NULL) AND now_wants IS NOT NULL THEN 'same'
            WHEN blocked IS NOT NULL THEN 'left_alone'
            WHEN now_wants IS NULL THEN 'new'
            WHEN suppressed IS NOT NULL THEN 'suppress'
            ELSE 'same' END AS fate
        FROM judged
    )
    SELECT number, sheet, line, hash, institute_id, wish, suppressed, blocked, erased, known_id, fate, least(since, now()) AS since,
           CASE WHEN fate = 'new' AND known_id IS NULL THEN CAST(nextval(CAST(:ids AS regclass)) AS integer)
                ELSE known_id END AS id
    FROM (SELECT * FROM fated ORDER BY number) in_order""")

_LOCK = text("""
    WITH list AS (SELECT id FROM mailing_list WHERE id = :list FOR KEY SHARE),
         institutes AS (SELECT i.id FROM institute i JOIN known_institute k ON k.id = i.id ORDER BY i.id FOR KEY SHARE OF i),
         people AS (SELECT s.id FROM subscriber s JOIN chosen c ON c.known_id = s.id AND c.fate = 'new'
                    WHERE s.merged_into_id IS NULL ORDER BY s.id FOR KEY SHARE OF s)
    SELECT (SELECT count(*) FROM list) = 1
       AND (SELECT count(*) FROM institutes) = (SELECT count(*) FROM known_institute)
       AND (SELECT count(*) FROM people) = (SELECT count(*) FROM chosen WHERE known_id IS NOT NULL AND fate = 'new')""")
_INSERT_SUBSCRIBERS = text("""
    INSERT INTO subscriber (id, address, canonical, domain, address_hash, name, role, institute_id, rank, language, phone, fields)
    SELECT c.id, address, canonical, split_part(canonical, '@', 2), c.hash, name, role, institute_id, rank, language, phone,
           coalesce(fields, '{}')
    FROM chosen c JOIN staged USING (number) WHERE fate = 'new' AND known_id IS NULL""")
_INSERT_SUBSCRIPTIONS = text("""
    INSERT INTO subscription (list_id, subscriber_id, state, since)
    SELECT :list, id, coalesce(wish, 'confirmed'), coalesce(since, now()) FROM chosen WHERE fate = 'new'""")
_ENTER = text("""
    INSERT INTO consent (list_id, subscriber_id, state, method, evidence, actor, source, line, import_id)
    SELECT :list, id, coalesce(wish, 'confirmed'), 'import', :evidence, :actor, (CAST(:sources AS text[]))[sheet + 1], line, :import
    FROM chosen WHERE fate = 'new'""")
_LEAVE = text("""
    WITH leaving AS (
        SELECT x.list_id, x.subscriber_id, x.state, x.since, c.sheet, c.line FROM subscription x
        JOIN chosen c ON c.id = x.subscriber_id AND c.fate = 'leave'
        WHERE x.list_id = :list ORDER BY x.subscriber_id FOR NO KEY UPDATE OF x
    ), changed AS (
        UPDATE subscription x SET state = 'unsubscribed', since = now() FROM leaving l
        WHERE x.list_id = l.list_id AND x.subscriber_id = l.subscriber_id
    ), recorded AS (
        INSERT INTO import_change (import_id, kind, row_id, list_id, action, before, after)
        SELECT :import, 'subscription', subscriber_id, list_id, 'updated', jsonb_build_object('state', state, 'since', since),
               jsonb_build_object('state', 'unsubscribed') FROM leaving
    )
    INSERT INTO consent (list_id, subscriber_id, state, method, evidence, actor, source, line, import_id)
    SELECT list_id, subscriber_id, 'unsubscribed', 'import_says_left', :evidence, :actor, (CAST(:sources AS text[]))[sheet + 1], line,
           :import
    FROM leaving""")
# What stands for the same list, or for all, yields to what is stronger or lasts longer; the undo puts it back.
_SUPPRESS = text(f"""
    WITH said AS (
        SELECT c.hash AS address_hash, s.address, CASE WHEN c.suppressed LIKE 'list:%' THEN CAST(:list AS integer) END AS list_id,
               replace(c.suppressed, 'list:', '') AS reason,
               coalesce(s.why, (CAST(:sources AS text[]))[c.sheet + 1] || ':' || c.line) AS evidence, s.until
        FROM chosen c JOIN staged s USING (number) WHERE c.suppressed IS NOT NULL AND NOT c.erased
    ), standing AS (
        SELECT p.id, p.reason, p.evidence, p.actor, p.import_id, p.since, p.until FROM suppression p JOIN said USING (address_hash)
        WHERE p.list_id IS NOT DISTINCT FROM said.list_id ORDER BY p.address_hash FOR NO KEY UPDATE OF p
    ), put AS (
        INSERT INTO suppression AS old (address_hash, address, list_id, reason, evidence, until, actor, import_id)
        SELECT address_hash, address, list_id, reason, evidence, until, :actor, :import FROM said ORDER BY address_hash
        ON CONFLICT (address_hash, list_id) DO UPDATE SET
            (reason, evidence, until, actor, import_id, since)
            = (excluded.reason, excluded.evidence, excluded.until, excluded.actor, excluded.import_id, excluded.since)
        WHERE {YIELDS}
        RETURNING old.id
    )
    INSERT INTO import_change (import_id, kind, row_id, action, before)
    SELECT :import, 'suppression', id, 'updated', to_jsonb(standing) - 'id' FROM standing JOIN put USING (id)""")  # noqa: S608

# Only what the file has a value for is changed, and only where it differs: an empty cell takes nothing away.
_UPDATE = text("""
    WITH said AS (
        SELECT c.known_id, c.fate, c.blocked, c.institute_id, f.name, f.role, f.rank, f.language, f.phone, f.fields
        FROM chosen c JOIN staged f USING (number) WHERE c.known_id IS NOT NULL AND c.fate IN ('same', 'new')
    ), old AS (
        SELECT s.id, s.name, s.role, s.institute_id, s.rank, s.language, s.phone, s.fields FROM subscriber s
        JOIN said c ON c.known_id = s.id
        WHERE c.blocked IS NULL AND (
              c.name <> s.name OR c.role <> s.role OR c.institute_id <> s.institute_id OR c.rank <> s.rank OR c.language <> s.language
              OR c.phone <> s.phone OR NOT s.fields @> coalesce(c.fields, '{}') OR (s.name IS NULL AND c.name IS NOT NULL)
              OR (s.role IS NULL AND c.role IS NOT NULL) OR (s.institute_id IS NULL AND c.institute_id IS NOT NULL)
              OR (s.rank IS NULL AND c.rank IS NOT NULL) OR (s.language IS NULL AND c.language IS NOT NULL)
              OR (s.phone IS NULL AND c.phone IS NOT NULL))
        ORDER BY s.id FOR NO KEY UPDATE OF s
    ), changed AS (
        UPDATE subscriber s SET
            name = coalesce(c.name, s.name), role = coalesce(c.role, s.role), institute_id = coalesce(c.institute_id, s.institute_id),
            rank = coalesce(c.rank, s.rank), language = coalesce(c.language, s.language), phone = coalesce(c.phone, s.phone),
            fields = s.fields || coalesce(c.fields, '{}'), updated_at = now()
        FROM said c, old WHERE old.id = s.id AND c.known_id = s.id
        RETURNING s.id, s.name, s.role, s.institute_id, s.rank, s.language, s.phone, s.fields, c.fate
    ), recorded AS (
        INSERT INTO import_change (import_id, kind, row_id, action, before, after)
        SELECT :import, 'subscriber', old.id, 'updated', to_jsonb(old), to_jsonb(changed) - 'fate' FROM old JOIN changed USING (id)
    )
    SELECT count(*) FILTER (WHERE fate = 'same') FROM changed""")
_SYNC = text("""
    WITH gone AS (
        SELECT x.list_id, x.subscriber_id, x.state, x.since FROM subscription x
        WHERE x.list_id = :list AND x.state <> 'unsubscribed' AND NOT EXISTS (SELECT FROM chosen c WHERE c.id = x.subscriber_id)
        ORDER BY x.subscriber_id FOR NO KEY UPDATE OF x
    ), changed AS (
        UPDATE subscription x SET state = 'unsubscribed', since = now() FROM gone
        WHERE x.list_id = gone.list_id AND x.subscriber_id = gone.subscriber_id
    ), recorded AS (
        INSERT INTO import_change (import_id, kind, row_id, list_id, action, before, after)
        SELECT :import, 'subscription', subscriber_id, list_id, 'removed', jsonb_build_object('state', state, 'since', since),
               jsonb_build_object('state', 'unsubscribed') FROM gone
    ), entered AS (
        INSERT INTO consent (list_id, subscriber_id, state, method, evidence, actor, source, import_id)
        SELECT list_id, subscriber_id, 'unsubscribed', 'import_sync', :evidence, :actor, (CAST(:sources AS text[]))[1], :import FROM gone
    )
    SELECT count(*) FROM gone""")
_COUNT = text("""
    SELECT count(*) FILTER (WHERE fate = 'new') AS created, count(*) FILTER (WHERE fate = 'new' AND known_id IS NULL) AS fresh,
           count(*) FILTER (WHERE fate IN ('leave', 'suppress')) AS leaving, count(*) FILTER (WHERE fate = 'same') AS same,
           count(*) FILTER (WHERE fate = 'left_alone') AS left_alone
    FROM chosen""")
_LEFT_ALONE = text("""
    SELECT c.sheet, c.line, address, blocked FROM chosen c JOIN staged USING (number)
    WHERE fate = 'left_alone' ORDER BY number LIMIT :most""")
