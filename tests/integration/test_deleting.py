"""An issue that is deleted while somebody else schedules it: whoever comes second waits, and is told."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from mailer import approvals, drafts, issues, mailings, scheduling
from mailer.bootstrap import Services
from mailer.issue import Issue
from mailer.issues import Imported, StoredIssue
from mailer.models import MailingStatus
from mailer.scheduling import Plan, Wish
from mailer.settings import read_settings
from subscribers.db import transaction
from subscribers.errors import InputError
from tests import factories

NOW = datetime(2026, 11, 20, 8, tzinfo=UTC)
_LEFT = text("SELECT (SELECT count(*) FROM issue), (SELECT count(*) FROM mailing), (SELECT count(*) FROM edition)")


@pytest.fixture
def opened(engine: Engine, tmp_path: Path) -> Services:
    """An empty database, with a list of one reader."""
    factories.subscribe(engine, ["a@one.example"])
    return Services(read_settings({"JIANBAO_DATA_DIR": str(tmp_path)}, dotenv=tmp_path / "none"), engine, "")


@pytest.fixture
def stored(opened: Services) -> StoredIssue:
    """An issue that nobody was sent."""
    slug = keep(opened).stored.publication.slug
    with transaction(opened.engine) as connection:
        issues.set_sender(connection, slug, "news@sender.example")
        return issues.find_issue(connection, "2026-11")


def keep(opened: Services, issue: Issue = factories.ISSUE) -> Imported:
    """Import the issue."""
    with transaction(opened.engine) as connection:
        return issues.import_issue(
            connection, issue, slug=None, source_name="a", source_sha256="0" * 64, warnings=(), created_by="test"
        )


@pytest.fixture
def plan(opened: Services, stored: StoredIssue) -> Plan:
    """How it would be sent tomorrow."""
    with transaction(opened.engine) as connection:
        audience = scheduling.find_audience(connection, ["members"], [], None, opened.settings)
    wish = Wish(NOW + timedelta(days=1), None, {}, None, None, "a test")
    return scheduling.make_plan(opened, stored, audience, wish, NOW)


def until_it_waits(engine: Engine, work: Future[Any], number: int = 1) -> None:
    """Until what was begun in another thread waits for a lock; with it there are so many that do."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as observer:
        while observer.execute(factories.WAITING_FOR_LOCKS).scalar_one() < number:
            assert not work.done(), work.exception()


def left(engine: Engine) -> tuple[int, int, int]:
    """How many issues, mailings and editions there are."""
    with transaction(engine) as connection:
        issues_, mailings_, editions = connection.execute(_LEFT).one()
    return issues_, mailings_, editions


def delete(opened: Services, stored: StoredIssue) -> None:
    with transaction(opened.engine) as connection:
        drafts.delete(connection, stored, "test")


@pytest.fixture(params=["schedule", "confirm", "approve", "delete"])
def second(request: pytest.FixtureRequest, opened: Services, stored: StoredIssue, plan: Plan) -> Callable[[], object]:
    """What somebody else does with the issue that is being deleted."""
    draft = prepared(opened, plan) if request.param == "confirm" else None

    def approve() -> None:
        with transaction(opened.engine) as connection:
            approvals.approve(connection, stored, plan.edition, by="another", actor="another")

    ways: dict[str, Callable[[], object]] = {
        "schedule": lambda: scheduling.carry_out(opened, plan, NOW, by="test"),
        "confirm": lambda: scheduling.carry_out(opened, plan, NOW, by="test", draft=draft),
        "approve": approve,
        "delete": lambda: delete(opened, stored),
    }
    return ways[request.param]


def prepared(opened: Services, plan: Plan) -> int:
    """A mailing of it that waits to be confirmed."""
    with transaction(opened.engine) as connection:
        return mailings.schedule(
            connection,
            issue_id=plan.stored.id,
            edition_id=issues.freeze_edition(connection, plan.stored.revision_id, plan.edition),
            list_ids=plan.audience.list_ids,
            at=plan.at,
            terms=plan.terms,
            created_by="test",
            status=MailingStatus.DRAFT,
        )


def test_who_comes_while_an_issue_is_deleted_is_told_that_it_was(
    opened: Services, stored: StoredIssue, second: Callable[[], object]
) -> None:
    with ThreadPoolExecutor(1) as threads:
        with transaction(opened.engine) as deleting:
            drafts.delete(deleting, stored, "test")
            coming = threads.submit(second)
            until_it_waits(opened.engine, coming)
        with pytest.raises(InputError, match=r"deleted .*at this moment"):
            coming.result()
    assert left(opened.engine) == (0, 0, 0)


def test_an_issue_that_is_imported_while_it_is_deleted_is_new(opened: Services, stored: StoredIssue) -> None:
    with ThreadPoolExecutor(1) as threads:
        with transaction(opened.engine) as deleting:
            drafts.delete(deleting, stored, "test")
            coming = threads.submit(keep, opened)
            until_it_waits(opened.engine, coming)
        assert coming.result().new_issue
    assert left(opened.engine) == (1, 0, 0)


@pytest.mark.parametrize("is_prepared", [False, True])
@pytest.mark.parametrize("step", ["mailing", "installation"])
def test_an_issue_is_not_deleted_beneath_the_mailing_that_somebody_schedules(
    opened: Services, stored: StoredIssue, plan: Plan, is_prepared: bool, step: str
) -> None:
    """The scheduling is halted between its edition and its mailing, and at its very end, by a table that it needs for that."""
    draft = prepared(opened, plan) if is_prepared else None
    with ThreadPoolExecutor(2) as threads:
        with transaction(opened.engine) as halting:
            halting.execute(text(f"LOCK TABLE {step} IN ACCESS EXCLUSIVE MODE"))
            scheduling_ = threads.submit(scheduling.carry_out, opened, plan, NOW, by="test", draft=draft)
            until_it_waits(opened.engine, scheduling_)
            deleting = threads.submit(delete, opened, stored)
            until_it_waits(opened.engine, deleting, 2)
        mailing_id = scheduling_.result().record.id
        with pytest.raises(InputError, match=f"mailing {mailing_id} is to send issue 2026-11"):
            deleting.result()
    assert left(opened.engine) == (1, 1, 1)


def test_what_staff_held_of_a_mailing_that_never_began_is_forgotten_with_its_issue(
    opened: Services, stored: StoredIssue, plan: Plan
) -> None:
    mailing_id = scheduling.carry_out(opened, plan, NOW, by="test").record.id
    with transaction(opened.engine) as connection:
        mailings.pause(connection, mailing_id, "wait")
        mailings.pause_provider(connection, mailing_id, "netease", "they called", NOW)
        mailings.cancel(connection, mailing_id, NOW)
    delete(opened, stored)
    assert left(opened.engine) == (0, 0, 0)


def test_a_prepared_mailing_is_not_confirmed_with_what_the_issue_said_before_somebody_changed_it(
    opened: Services, stored: StoredIssue, plan: Plan
) -> None:
    draft = prepared(opened, plan)
    keep(opened, replace(factories.ISSUE, date=None))
    with pytest.raises(InputError, match="issue 2026-11 was changed at this moment"):
        scheduling.carry_out(opened, plan, NOW, by="test", draft=draft)
    with transaction(opened.engine) as connection:
        assert mailings.require_draft(connection, draft).id == draft


def test_what_another_series_sent_of_the_same_text_stays_when_the_issue_is_deleted(
    opened: Services, stored: StoredIssue, plan: Plan
) -> None:
    with transaction(opened.engine) as connection:
        approvals.approve(connection, stored, plan.edition, by="another", actor="another")
        issues.create_publication(connection, "other", title="t", kind="k", publisher="p", sender="news@sender.example")
        imported = issues.import_issue(
            connection, factories.ISSUE, slug="other", source_name="a", source_sha256="0", warnings=(), created_by="test"
        )
    scheduling.carry_out(opened, replace(plan, stored=imported.stored), NOW, by="test")
    delete(opened, stored)
    assert left(opened.engine) == (1, 1, 1)
    with transaction(opened.engine) as connection:
        assert [word.approved_by for word in approvals.approvals_of(connection, plan.edition)] == ["another"]
