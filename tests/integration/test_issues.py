"""Issues and their revisions: the same file again, a changed one, another publication's, and what was frozen."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from sqlalchemy import Engine

from mailer import corrections, issues
from mailer.issue import Issue
from mailer.issues import Imported
from subscribers.errors import InputError
from tests.factories import EDITION, ISSUE
from tests.integration.conftest import Jianbao


def keep(engine: Engine, issue: Issue, slug: str | None = None) -> Imported:
    with engine.begin() as connection:
        return issues.import_issue(
            connection, issue, slug=slug, source_name="a.txt", source_sha256="0" * 64, warnings=("w",), created_by="test"
        )


def test_the_first_import_makes_the_publication_from_the_masthead(engine: Engine) -> None:
    imported = keep(engine, ISSUE)
    assert (imported.new_publication, imported.new_issue, imported.new_revision) == (True, True, True)
    assert imported.stored.issue == ISSUE
    assert imported.stored.publication.title == "信息集锦"
    assert imported.stored.publication.sender is None


def test_the_same_issue_again_changes_nothing(engine: Engine) -> None:
    keep(engine, ISSUE)
    again = keep(engine, ISSUE)
    assert (again.new_issue, again.new_revision, again.stored.revision) == (False, False, 1)


def test_a_changed_text_is_a_new_revision_and_the_edition_of_the_old_one_stays(engine: Engine) -> None:
    first = keep(engine, ISSUE)
    with engine.begin() as connection:
        edition_id = issues.freeze_edition(connection, first.stored.revision_id, EDITION)
    second = keep(engine, replace(ISSUE, publisher=ISSUE.publisher, colophon=("更正",)))
    assert (second.new_issue, second.new_revision, second.stored.revision) == (False, True, 2)
    with engine.begin() as connection:
        assert issues.load_edition(connection, edition_id) == EDITION
        assert issues.freeze_edition(connection, second.stored.revision_id, EDITION) == edition_id


def test_an_issue_is_found_by_its_number_its_total_number_or_its_id(engine: Engine) -> None:
    stored = keep(engine, ISSUE).stored
    with engine.connect() as connection:
        for ref in ("2026-11", "228", f"#{stored.id}"):
            assert issues.find_issue(connection, ref).id == stored.id
        for ref, why in (("2026-12", "there is no issue"), ("November", "names no issue")):
            with pytest.raises(InputError, match=why):
                issues.find_issue(connection, ref)


def test_a_masthead_of_nobody_s_asks_whose_it_is(engine: Engine) -> None:
    keep(engine, ISSUE)
    other = replace(ISSUE, title="别的简报")
    with pytest.raises(InputError, match="Say which it is with --publication"):
        keep(engine, other)
    assert keep(engine, replace(other, number=12), "bulletin").stored.issue.title == "别的简报"


def test_a_number_that_two_publications_have_asks_for_the_id(engine: Engine) -> None:
    keep(engine, ISSUE)
    with engine.begin() as connection:
        issues.create_publication(connection, "other", title="t", kind="k", publisher="p", sender=None)
    keep(engine, ISSUE, "other")
    with engine.connect() as connection, pytest.raises(InputError, match="Give its id: #1, #2"):
        issues.find_issue(connection, "2026-11")


def test_an_issue_without_a_number_gets_the_next_of_its_year_or_that_of_its_day(engine: Engine) -> None:
    keep(engine, ISSUE)
    first = keep(engine, replace(ISSUE, number=0, total_number=None, date=date(2026, 12, 20)))
    again = keep(engine, replace(ISSUE, number=0, total_number=None, date=date(2026, 12, 20), colophon=("更正",)))
    assert (first.stored.issue.ref, again.stored.issue.ref, again.stored.revision) == ("2026-12", "2026-12", 2)


@pytest.mark.parametrize(
    ("number", "total", "said"),
    [(12, 229, ""), (13, 230, "gap"), (12, 228, "is that of 2026-11, too"), (12, 100, "is not above 228")],
)
def test_gaps_and_doubles_in_a_series_are_named(engine: Engine, number: int, total: int, said: str) -> None:
    keep(engine, ISSUE)
    stored = keep(engine, replace(ISSUE, number=number, total_number=total)).stored
    with engine.connect() as connection:
        warnings = issues.series_warnings(connection, stored)
    assert len(warnings) == bool(said)
    assert said in " ".join(warnings)


DOUBLE = replace(ISSUE, last_number=12, last_total_number=229)


def test_an_issue_of_a_double_number_is_found_by_either_and_takes_both(engine: Engine) -> None:
    stored = keep(engine, DOUBLE).stored
    assert stored.issue == DOUBLE
    with engine.connect() as connection:
        for ref in ("2026-11", "2026-12", "228", "229"):
            assert issues.find_issue(connection, ref).id == stored.id
        for ref in ("2026-10", "2026-13", "227", "230"):
            with pytest.raises(InputError, match="there is no issue"):
                issues.find_issue(connection, ref)
    unnumbered = replace(ISSUE, number=0, total_number=None, date=date(2026, 12, 31))
    assert keep(engine, unnumbered).stored.issue.number == 13


@pytest.mark.parametrize(
    ("number", "last", "total", "said"),
    [
        (13, None, 230, ""),
        (12, None, 230, "the number 12 is, in part or whole, that of 2026-11, too"),
        (10, 11, 226, "the number 10-11 is, in part or whole, that of 2026-11, too"),
        (14, 15, 231, "between number 12 and 14"),
        (13, None, 229, "is not above 229"),
    ],
)
def test_what_meets_a_double_number_is_named(engine: Engine, number: int, last: int | None, total: int, said: str) -> None:
    keep(engine, DOUBLE)
    stored = keep(engine, replace(ISSUE, number=number, last_number=last, total_number=total)).stored
    with engine.connect() as connection:
        warnings = issues.series_warnings(connection, stored)
    assert len(warnings) == bool(said)
    assert said in " ".join(warnings)


def test_an_issue_that_bears_a_number_of_a_double_one_is_told_apart_by_its_id(engine: Engine) -> None:
    keep(engine, DOUBLE)
    stored = keep(engine, replace(ISSUE, number=12, total_number=230)).stored
    with engine.connect() as connection:
        assert corrections.received(connection, stored) == f"received(#{stored.id})"
        with pytest.raises(InputError, match="'2026-12' is more than one issue"):
            issues.find_issue(connection, "2026-12")


def test_a_double_number_that_ends_before_it_begins_is_refused(engine: Engine) -> None:
    with pytest.raises(InputError, match="number 11-10"):
        keep(engine, replace(ISSUE, last_number=10))


def test_the_column_of_articles_is_shown_where_one_stands_in_a_column(engine: Engine, jianbao: Jianbao) -> None:
    keep(engine, ISSUE)
    shown = jianbao("issue", "show", "2026-11").stdout
    assert "title" in shown
    assert "column" not in shown
    keep(engine, replace(ISSUE, articles=(*ISSUE.articles, replace(ISSUE.articles[0], position=2, column="学术动态"))))
    shown = jianbao("issue", "show", "2026-11").stdout
    assert "column" in shown
    assert "学术动态" in shown
