"""What `mailing watch` says at one look."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from mailer.cli.progress import View
from mailer.mailings import Counts, MailingRecord
from mailer.models import MailingStatus
from tests import factories

NOW = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
SHANGHAI = ZoneInfo("Asia/Shanghai")


def view(
    *, rate: float, predicted: datetime | None, status: MailingStatus = MailingStatus.SENDING, why: str | None = None
) -> View:
    record = MailingRecord(
        id=1, issue="2026-11", status=status, reason=None, at=NOW, started_at=NOW, finished_at=None, closed_until=None,
        edition_id=1, issue_id=1, list_ids=(1,), excluded_list_ids=(), terms=factories.TERMS,
    )  # fmt: skip
    counts = Counts(1000, 690, 0, 300, 10, 0, 0, 0, 0, 0, 0, 0, 0)
    return View(record, counts, rate, predicted, why)


def test_the_terms_tell_the_end_until_what_is_measured_is_later() -> None:
    in_an_hour = NOW + timedelta(hours=1)
    assert view(rate=100, predicted=in_an_hour).done(NOW) == in_an_hour
    assert view(rate=0.1, predicted=in_an_hour).done(NOW) == NOW + timedelta(seconds=7000)
    assert view(rate=0, predicted=in_an_hour).done(NOW) == in_an_hour
    assert view(rate=0, predicted=None).done(NOW) is None


def test_what_is_held_is_not_measured_as_if_it_went_on() -> None:
    in_an_hour = NOW + timedelta(hours=1)
    assert replace(view(rate=0.1, predicted=in_an_hour), held=("netease",)).done(NOW) == in_an_hour
    assert replace(view(rate=100, predicted=None), held=("netease",)).done(NOW) is None


def test_the_end_is_told_by_the_clock_of_staff_and_with_its_day_where_it_is_another() -> None:
    assert view(rate=100, predicted=None).words(NOW, SHANGHAI) == "sending, 10 deferred, 100/s, done about 10:00:07"
    tomorrow = view(rate=0.4, predicted=NOW + timedelta(days=1), why="outside its hours")
    assert tomorrow.words(NOW, SHANGHAI) == "sending, 10 deferred, done about 2026-11-25 10:00, outside its hours"


def test_it_says_which_mailings_share_the_pace() -> None:
    shared = replace(view(rate=100, predicted=None), beside=(3, 4))
    assert shared.words(NOW, SHANGHAI) == "sending, 10 deferred, 100/s, done about 10:00:07 or later, beside mailing 3 and 4"


def test_what_does_not_send_has_no_end() -> None:
    paused = view(rate=0, predicted=NOW, status=MailingStatus.PAUSED, why="wrong date")
    assert paused.words(NOW, SHANGHAI) == "paused, 10 deferred, wrong date"


def test_it_says_at_whom_a_mailing_is_held() -> None:
    held = replace(view(rate=0, predicted=NOW + timedelta(hours=1)), held=("netease", "tencent"))
    assert held.words(NOW, SHANGHAI) == "sending, 10 deferred, done about 11:00:00, held at netease and tencent"
    over = replace(view(rate=0, predicted=None, status=MailingStatus.CANCELLED), held=("netease",))
    assert over.words(NOW, SHANGHAI) == "cancelled, 10 deferred"
