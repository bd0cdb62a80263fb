"""Whatever happens in whatever order: nobody is written to against their wish, nobody twice, and who was erased is a hash.

Hypothesis makes up the orders; each step goes through the calls that commands, pages and workers use, on a real PostgreSQL, and the
audience is that of a mailing which is really planned. JIANBAO_TEST_WISHES=2000 tries so many instead of a few.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from sqlalchemy import Connection, Engine, text

from mailer import issues, mailings, planning
from mailer.returns import consequences
from mailer.returns.consequences import Ended
from subscribers import merging, records, store, suppression
from subscribers.address import Address, parse_address
from subscribers.db import Base
from subscribers.erasing import erase
from subscribers.importing import batches
from subscribers.importing.run import Order, run_import
from subscribers.importing.source import look_at
from subscribers.models import ImportMode, SuppressionReason
from subscribers.sign_ups import Asked, Refusal, confirm_sign_up, find_pending, sign_up
from subscribers.store import NewSubscriber
from subscribers.subscriptions import Wish, resubscribe, unsubscribe
from subscribers.suppression import LiftedBy
from tests import factories
from tests.integration.subscribers.wishes import Wishes

EXAMPLES = int(os.environ.get("JIANBAO_TEST_WISHES", "12"))
PEOPLE, LISTS = range(5), range(2)
_EMPTIED_EVERY = 20
_PATIENT = replace(factories.TERMS, latest_start_hours=1e6)
_people, _lists = st.sampled_from(PEOPLE), st.sampled_from(LISTS)


class Subscriptions(RuleBasedStateMachine):
    """Five addresses, two lists, and everything that may happen to them."""

    engine: ClassVar[Engine]
    folder: ClassVar[Path]
    numbers: ClassVar[Iterator[int]]
    edition: ClassVar[tuple[int, int]]

    def __init__(self) -> None:
        super().__init__()
        # Addresses and lists of its own, so that what earlier examples left behind is not found.
        number = next(self.numbers)
        if number % _EMPTIED_EVERY == 0:
            type(self).edition = emptied(self.engine)
        self.looked_at = False
        self.now = datetime(2026, 11, 27, tzinfo=UTC)
        self.addresses = [f"p{one}x{number}@inst.example" for one in PEOPLE]
        self.names = [f"王{one}号{number}" for one in PEOPLE]
        self.number, self.corrected = number, 0
        self.wishes = Wishes()
        self.imports: list[int] = []
        self.deliveries: list[tuple[str, int, str]] = []  # whose link, of which list, and what the ledger calls it
        with self.step() as connection:
            self.lists = [
                store.create_list(connection, f"l{one}-{number}", "一", double_opt_in=True, actor="test") for one in LISTS
            ]
            self.mailings = {self.schedule(connection, list_id): list_id for list_id in self.lists}

    # --- What happens ------------------------------------------------------------------------------------------------------------

    @rule(people=st.sets(_people, min_size=1), place=_lists, mode=st.sampled_from(ImportMode))
    def import_file(self, people: set[int], place: int, mode: ImportMode) -> None:
        file = self.folder / "名单.csv"
        rows = "".join(f"{self.names[one]},{self.addresses[one]}\n" for one in sorted(people))
        file.write_text(f"姓名,邮箱\n{rows}", encoding="utf-8")
        list_id = self.lists[place]
        with self.step() as connection:
            before = members(connection, list_id)
            outcome = run_import(connection, Order(look_at(file), list_id, mode, "test", consent="paper forms"))
        self.imports.append(outcome.id)
        if mode is ImportMode.SYNC:
            there = {self.wishes.person(self.addresses[one]) for one in people}
            self.wishes.removed(before - there, list_id, outcome.id)

    @rule(which=st.integers(0, 7))
    @precondition(lambda self: self.imports)
    def undo_import(self, which: int) -> None:
        import_id = self.imports.pop(which % len(self.imports))
        with self.step() as connection:
            batches.undo(connection, import_id, "test")
        self.wishes.taken_back(import_id)

    @rule(people=st.lists(_people, min_size=1, max_size=3), place=_lists)
    def add_by_staff(self, people: list[int], place: int) -> None:
        new = [NewSubscriber(parse_address(self.addresses[one]), name=self.names[one]) for one in sorted(set(people))]
        with self.step() as connection:
            store.add_subscribers(connection, new, self.lists[place], method="staff", evidence="test")

    @rule(one=_people, place=_lists)
    def sign_up_and_confirm(self, one: int, place: int) -> None:
        address, list_id = self.addresses[one], self.lists[place]
        asked = Asked(list_id, parse_address(address), f"10.{one}.0.0/24", "test", self.now, self.names[one])
        with self.step() as connection:
            kept = sign_up(connection, asked)
        if isinstance(kept, Refusal):
            return
        with self.step() as connection:
            pending = find_pending(connection, kept)
            assert pending is not None
            assert confirm_sign_up(connection, pending, prefix="test", now=self.now)
        self.wishes.confirmed(address, list_id)
        person = self.wishes.person(address)
        if self.wishes.may_be_written_to(person, list_id):
            assert person in self.audiences()[list_id], "whose own word was asked for is written to"

    @rule(one=_people, place=_lists)
    def leave(self, one: int, place: int) -> None:
        address, list_id = self.addresses[one], self.lists[place]
        wish = Wish(self.subscriber(address) or 0, address, [list_id], "page", f"delivery {len(self.deliveries)}", self.now)
        with self.step() as connection:
            unsubscribe(connection, wish)
        self.deliveries.append((address, list_id, wish.evidence))
        self.wishes.left(address, list_id)

    @rule(which=st.integers(0, 7))
    @precondition(lambda self: self.deliveries)
    def come_back(self, which: int) -> None:
        address, list_id, evidence = self.deliveries[which % len(self.deliveries)]
        with self.step() as connection:
            wish = Wish(self.subscriber(address) or 0, address, [list_id], "undo", evidence, self.now)
            restored = resubscribe(connection, wish)
        if restored:
            self.wishes.came_back(address, list_id)

    @rule(one=_people)
    def bounce(self, one: int) -> None:
        if self.ends(one, SuppressionReason.HARD_BOUNCE):
            self.wishes.bounced(self.addresses[one])

    @rule(one=_people)
    def complain(self, one: int) -> None:
        if self.ends(one, SuppressionReason.COMPLAINT):
            self.wishes.complained(self.addresses[one])

    @rule(one=_people)
    def lift_by_staff(self, one: int) -> None:
        with self.step() as connection:
            suppression.lift(connection, self.address(one).hash, LiftedBy.STAFF)
        self.wishes.lifted_by_staff(self.addresses[one])

    @rule(gone=_people, kept=_people)
    def merge(self, gone: int, kept: int) -> None:
        first, second = self.subscriber(self.addresses[gone]), self.subscriber(self.addresses[kept])
        if first is None or second is None or first == second:
            return
        two = [self.wishes.person(self.addresses[one]) for one in (gone, kept)]
        with self.step() as connection:
            on = [list_id for list_id in self.lists if not members(connection, list_id).isdisjoint(two)]
            merging.merge(
                connection, records.read(connection, first), records.read(connection, second), actor="test", now=self.now
            )
        self.wishes.merge(*two, on)

    @rule(one=_people)
    def correct(self, one: int) -> None:
        found, before = self.subscriber(self.addresses[one]), self.wishes.person(self.addresses[one])
        if found is None:
            return
        self.corrected += 1
        new = f"c{self.corrected}x{self.number}@inst.example"
        with self.step() as connection:
            merging.readdress(connection, found, parse_address(new), actor="test", reason=None)
        self.wishes.merge(before, new)  # What is known of the person goes along, and the old address leads there.

    @rule(one=_people)
    def erase(self, one: int) -> None:
        with self.step() as connection:
            erase(connection, self.address(one), actor="test", reason="asked", now=self.now)
        self.wishes.erase(self.addresses[one])

    # --- What always holds -------------------------------------------------------------------------------------------------------

    @invariant()
    def wishes_hold(self) -> None:
        if not self.looked_at:
            self.nobody_is_written_to_against_their_wish_and_nobody_twice()
            self.who_was_erased_is_a_hash()
            self.looked_at = True

    def nobody_is_written_to_against_their_wish_and_nobody_twice(self) -> None:
        for list_id, written_to in self.audiences().items():
            assert len(written_to) == len(set(written_to))
            assert [address for address in written_to if not self.wishes.may_be_written_to(address, list_id)] == []

    def who_was_erased_is_a_hash(self) -> None:
        erased = sorted(self.wishes.erased)
        if not erased:
            return
        # Whatever was entered of them, in every column of every table.
        names = dict(zip(self.addresses, self.names, strict=True))
        patterns = [f"%{word}%" for one in erased for word in (one, names.get(one)) if word]
        with self.engine.connect() as connection:
            found = connection.execute(_ANYWHERE, {"patterns": patterns}).scalars().all()
            hashes = {parse_address(one).hash for one in erased}
            kept = connection.execute(_HASHES, {"hashes": list(hashes)}).scalar_one()
        assert found == []
        assert kept == len(hashes)

    # --- How it is asked ---------------------------------------------------------------------------------------------------------

    @contextmanager
    def step(self) -> Iterator[Connection]:
        """A transaction, a day after the last."""
        self.now += timedelta(days=1)
        self.looked_at = False
        with self.engine.begin() as connection:
            connection.execute(text("SET LOCAL synchronous_commit = off"))  # What a power cut would take is not asked here.
            yield connection

    def address(self, one: int) -> Address:
        return parse_address(self.addresses[one])

    def subscriber(self, address: str) -> int | None:
        with self.engine.connect() as connection:
            return records.find_id(connection, parse_address(address))

    def ends(self, one: int, reason: SuppressionReason) -> bool:
        """What came back ends the address; whether there was one."""
        address = self.addresses[one]
        with self.step() as connection:
            found = connection.execute(_BY_ADDRESS, {"hash": parse_address(address).hash}).scalar()
            if found is not None:
                consequences.suppress(connection, [Ended(found, reason, f"feedback {reason.value}")], self.now)
        return found is not None

    def audiences(self) -> dict[int, list[str]]:
        """Whom a mailing to each list would be sent to now."""
        audiences: dict[int, list[str]] = {list_id: [] for list_id in self.lists}
        with self.engine.connect() as connection:
            planning.start_due(connection, self.now, {})
            for row in connection.execute(_PENDING, {"mailings": list(self.mailings)}):
                audiences[self.mailings[row.mailing_id]].append(row.address)
        return audiences  # And nothing of the mailings that began is kept.

    def schedule(self, connection: Connection, list_id: int) -> int:
        """A mailing to a list that may begin at any time."""
        return mailings.schedule(
            connection,
            issue_id=self.edition[0],
            edition_id=self.edition[1],
            list_ids=[list_id],
            at=self.now,
            terms=_PATIENT,
            created_by="test",
        )

    def teardown(self) -> None:
        """The mailings begin in nobody else's example."""
        with self.engine.begin() as connection:
            connection.execute(text("DELETE FROM mailing"))


def members(connection: Connection, list_id: int) -> set[str]:
    """Who is on a list and has not left it."""
    return set(connection.execute(_MEMBERS, {"list": list_id}).scalars())


def emptied(engine: Engine) -> tuple[int, int]:
    """Every table empty, but for an issue and its edition, whose ids are returned."""
    tables = ", ".join(table.name for table in Base.metadata.sorted_tables)
    with engine.begin() as connection:
        factories.empty(connection, tables)
        imported = issues.import_issue(
            connection, factories.ISSUE, slug=None, source_name="a.txt", source_sha256="0" * 64, warnings=(), created_by="test"
        )
        edition_id = issues.freeze_edition(connection, imported.stored.revision_id, factories.EDITION)
    return imported.stored.id, edition_id


_BY_ADDRESS = text("SELECT id FROM subscriber WHERE address_hash = :hash")
_PENDING = text("SELECT mailing_id, address FROM delivery WHERE mailing_id = ANY(:mailings) AND state = 'pending' ORDER BY id")
_MEMBERS = text("""
    SELECT s.address FROM subscription x JOIN subscriber s ON s.id = x.subscriber_id
    WHERE x.list_id = :list AND x.state <> 'unsubscribed'""")
_HASHES = text("SELECT count(DISTINCT address_hash) FROM suppression WHERE address_hash = ANY(:hashes) AND reason = 'erased'")
_ANYWHERE = text(
    " UNION ALL ".join(
        f"SELECT '{table.name}: ' || CAST(t AS text) FROM {table.name} t WHERE CAST(t AS text) ILIKE ANY(:patterns)"
        for table in Base.metadata.sorted_tables
    )
)


@pytest.fixture
def subscriptions(engine: Engine, tmp_path: Path) -> type[Subscriptions]:
    """The model on this database."""
    Subscriptions.engine, Subscriptions.folder, Subscriptions.numbers = engine, tmp_path, count()
    return Subscriptions


def test_whatever_happens_wishes_hold(subscriptions: type[Subscriptions]) -> None:
    tried = settings(
        max_examples=EXAMPLES,
        stateful_step_count=12,
        phases=[Phase.explicit, Phase.reuse, Phase.generate],  # Shrinking a story takes longer than reading it.
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(subscriptions, settings=tried)


def test_who_was_merged_and_leaves_by_an_old_link_is_not_brought_back_by_a_file(subscriptions: type[Subscriptions]) -> None:
    story = subscriptions()
    story.add_by_staff([0, 3], 0)
    story.merge(gone=0, kept=3)
    story.leave(one=0, place=1)
    story.import_file(people={0, 3}, place=1, mode=ImportMode.SYNC)
    story.wishes_hold()


def test_who_leaves_after_a_file_had_removed_them_is_not_brought_back_by_its_undo(subscriptions: type[Subscriptions]) -> None:
    story = subscriptions()
    story.add_by_staff([0], 0)
    story.import_file(people={1}, place=0, mode=ImportMode.SYNC)
    story.leave(one=0, place=0)
    story.undo_import(0)
    story.wishes_hold()
