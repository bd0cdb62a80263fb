"""Small worlds in the database that tests begin with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

from sqlalchemy import Connection, Engine, text

from mailer import issues, mailings, planning
from mailer.block import Block, BlockKind
from mailer.edition import Edition, Field, Hole
from mailer.issue import Article, Issue
from mailer.message import Letterhead
from mailer.terms import Terms
from subscribers import store
from subscribers.address import parse_address
from subscribers.store import NewSubscriber

LETTERHEAD = Letterhead(
    from_name="青禾科研院所联谊会",
    from_address="news@sender.example",
    list_name="信息集锦简报",
    list_id="bulletin.sender.example",
    base_url="https://bulletin.sender.example",
    bounce_domain="bounce.sender.example",
)
TERMS = Terms(LETTERHEAD)
ISSUE = Issue(
    publisher="青禾科研院所联谊会",
    title="信息集锦",
    kind="简报",
    year=2026,
    number=11,
    total_number=228,
    date=date(2026, 11, 20),
    articles=(Article(1, "把仪器开放当作一件日常的事", (Block(BlockKind.PARAGRAPH, "开放共享没有捷径。"),)),),
)
EDITION = Edition(
    subject="【信息集锦】2026年第11期（总第228期）",
    html=("<!DOCTYPE html><p>", Hole(Field.SALUTATION), '</p><a href="', Hole(Field.UNSUBSCRIBE_URL), '">退订</a>'),
    text=(Hole(Field.SALUTATION), "：\n退订：", Hole(Field.UNSUBSCRIBE_URL), "\n"),
    links=(),
)

# How many connections to this database wait for a lock that another one holds.
WAITING_FOR_LOCKS = text(
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
)
# How many deliveries this transaction has read so far.
DELIVERIES_READ = text("SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'delivery'")


@dataclass(frozen=True, slots=True)
class Scheduled:
    """A mailing that is due, and the list that it goes to."""

    mailing_id: int
    list_id: int
    publication: str


def empty(connection: Connection, tables: str) -> None:
    """Empty tables, also those that are only ever added to."""
    for guarded in ("audit", "consent"):
        connection.execute(text(f"ALTER TABLE {guarded} DISABLE TRIGGER {guarded}_table"))
    connection.execute(text(f"TRUNCATE {tables} RESTART IDENTITY CASCADE"))
    for guarded in ("audit", "consent"):
        connection.execute(text(f"ALTER TABLE {guarded} ENABLE ALWAYS TRIGGER {guarded}_table"))


def subscribe(engine: Engine, addresses: list[str], slug: str = "members") -> int:
    """A list with those addresses on it; made if there is none of that slug."""
    with engine.begin() as connection:
        known = [summary.id for summary in store.summaries(connection) if summary.slug == slug]
        list_id = known[0] if known else store.create_list(connection, slug, slug)
        people = [NewSubscriber(parse_address(address)) for address in addresses]
        store.add_subscribers(connection, people, list_id, method="test", evidence="a test")
    return list_id


def schedule(engine: Engine, addresses: list[str], terms: Terms = TERMS, *, excluded: tuple[int, ...] = ()) -> Scheduled:
    """An issue scheduled for now to a list of those addresses."""
    list_id = subscribe(engine, addresses)
    with engine.begin() as connection:
        imported = issues.import_issue(
            connection, ISSUE, slug=None, source_name="a.txt", source_sha256="0" * 64, warnings=(), created_by="test"
        )
        mailing_id = mailings.schedule(
            connection,
            issue_id=imported.stored.id,
            edition_id=issues.freeze_edition(connection, imported.stored.revision_id, EDITION),
            list_ids=[list_id],
            excluded_list_ids=excluded,
            at=datetime.now(UTC),
            terms=terms,
            created_by="test",
        )
    return Scheduled(mailing_id, list_id, imported.stored.publication.slug)


def start(engine: Engine, now: datetime | None = None) -> list[int]:
    """Start what is due; returns the ids of the mailings that began."""
    with engine.begin() as connection:
        return planning.start_due(connection, now or datetime.now(UTC), {"qq.example": "tencent", "163.example": "netease"})


def batch_ids(engine: Engine) -> list[int]:
    """All batches, by id."""
    with engine.connect() as connection:
        return list(connection.execute(text("SELECT id FROM batch ORDER BY id")).scalars())


def states(engine: Engine) -> dict[str, str]:
    """The state of each delivery, by address."""
    with engine.connect() as connection:
        return {row.address: row.state for row in connection.execute(text("SELECT address, state FROM delivery"))}


def impatient(terms: Terms = TERMS) -> Terms:
    """The same terms with hours of waiting pressed into milliseconds, and patience for a slow machine all the same."""
    return replace(terms, retry_scale=1e-6, give_up_hours=1e6)


@contextmanager
def meanwhile(engine: Engine, work: Callable[[], object], *, waits: bool = True) -> Iterator[Connection]:
    """A transaction that commits when `work`, begun at its end, waits for its locks; and then until that has been done.

    Where it need not wait, `waits` is false.
    """
    with ThreadPoolExecutor(1) as threads, engine.connect().execution_options(isolation_level="AUTOCOMMIT") as observer:
        with engine.begin() as connection:
            yield connection
            waiting = threads.submit(work)
            while not observer.execute(WAITING_FOR_LOCKS).scalar_one():
                assert not (waits and waiting.done())
                if waiting.done():
                    break
        waiting.result()
