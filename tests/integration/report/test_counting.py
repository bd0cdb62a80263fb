"""A mailing's report: counted from rows, adding up in every table."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, insert, text

from mailer.deliveries import of_mailing
from mailer.events import Hit, record
from mailer.models import EventKind
from mailer.report import Report, mailing_report, render_report_html
from mailer.report.tally import Reach, Tally
from mailer.report.timeline import _BOUNDS, read_issues_before, step_for
from subscribers import memberships
from subscribers.address import parse_address
from subscribers.db import transaction
from subscribers.errors import InputError
from subscribers.institutes import NewInstitute, ensure_institutes
from subscribers.models import Subscriber
from tests import factories
from tests.integration.report.conftest import (
    BOUNCED,
    BROWSER,
    NOW,
    Sent,
    assert_adds_up,
    make_institutes,
    make_mailing,
    make_mailing_read_by_all,
    make_mailing_with_one_who_agreed,
    read_by,
)


def test_every_table_adds_up_to_the_total(report: Report) -> None:
    assert report.total == Tally(recipients=8, reached=3, open=1, not_reached=4, complained=1, unsubscribed=1, receipts=1)
    assert_adds_up(report)


def test_an_institute_is_reached_by_one_of_its_addresses(report: Report) -> None:
    found = {one.name: (one.province, one.reach, [cause.reason for cause in one.causes]) for one in report.institutes}
    assert found == {
        "云南省科学技术院": ("云南", Reach.REACHED, []),
        "四川省自然资源科学研究院": ("四川", Reach.NOT_REACHED, ["mailbox_full"]),
        "北京市科学技术研究院": ("北京", Reach.OPEN, ["transient"]),
        "无省份研究所": (None, Reach.NOT_REACHED, ["a reason of tomorrow", "suppressed: unsubscribed"]),
    }


def test_an_institute_that_was_not_written_to_is_named_with_the_reason(report: Report) -> None:
    assert [(one.name, one.has_contact) for one in report.unaddressed] == [
        ("没列入的研究所", True),
        ("没有联系人的研究所", False),
    ]


def test_groups_are_ordered_by_size_with_the_unknown_last(report: Report) -> None:
    assert [line.name for line in report.provinces] == ["云南", "北京", "四川", None]
    assert [(line.name, line.tally.recipients) for line in report.providers] == [
        ("netease", 3),
        ("tencent", 3),
        ("coremail", 2),
    ]


def test_readers_of_a_link_are_counted_once_and_clicks_each(report: Report) -> None:
    assert [(link.article, link.readers, link.clicks) for link in report.links] == [
        ("科研院所社团工作会议", 1, 2),
        ("完善科技金融服务体系", 2, 2),
        (None, 0, 0),
    ]
    assert (report.reading.openers.total, report.reading.loads.total) == (1, 2)
    assert report.reading.clickers.total == 2


def test_those_who_were_not_plainly_reached_are_named_with_the_servers_words(report: Report) -> None:
    assert [(one.address, one.state, one.reply) for one in report.individuals if one.reply] == [
        ("b@yn.example.org", BOUNCED, "550 User not found"),
        ("c@sc.example.org", BOUNCED, "552 <b>full</b>"),
    ]
    assert len(report.individuals) == 5


def test_a_renamed_institute_keeps_the_name_it_had_and_its_province(engine: Engine) -> None:
    with transaction(engine) as connection:
        make_institutes(connection, {"新名研究院": "云南"})
        people = {
            "address": "x@y.org",
            "canonical": "x@y.org",
            "domain": "y.org",
            "address_hash": parse_address("x@y.org").hash,
        }
        connection.execute(insert(Subscriber).values(people | {"institute_id": 1}))
        make_mailing(connection, [Sent("x@y.org", "旧名研究院")])
        found = mailing_report(connection, 1)
    assert [(one.name, one.province) for one in found.institutes] == [("旧名研究院", "云南")]
    assert found.unaddressed == ()


def test_an_institute_was_addressed_under_the_name_it_had_and_not_where_its_contact_went_since(engine: Engine) -> None:
    with transaction(engine) as connection:
        ids = ensure_institutes(
            connection, [NewInstitute("旧名研究院", province="云南"), NewInstitute("后来研究院", province="四川")]
        )
        connection.execute(text("UPDATE institute SET created_at = :at"), {"at": NOW})
        make_mailing(connection, [Sent("x@y.org", "旧名研究院")])
        memberships.rename(connection, ids["旧名研究院"], "新名研究院", NOW.date(), actor="test")
        row = {"address": "x@y.org", "canonical": "x@y.org", "domain": "y.org", "address_hash": parse_address("x@y.org").hash}
        connection.execute(insert(Subscriber).values(row | {"id": 1, "institute_id": ids["后来研究院"]}))
        found = mailing_report(connection, 1)
        (listed,) = of_mailing(connection, 1)
    assert [(one.name, one.province) for one in found.institutes] == [("旧名研究院", "云南")]
    assert (found.provinces[0].name, listed.province) == ("云南", "云南")
    assert [one.name for one in found.unaddressed] == ["后来研究院"]


def test_who_is_no_member_any_more_is_not_missed(engine: Engine) -> None:
    with transaction(engine) as connection:
        make_institutes(connection, {"退会研究院": "云南", "并入研究院": "云南", "会员研究院": "云南"})
        memberships.amend(connection, 1, {"status": "former"}, actor="test")
        memberships.merge(connection, 2, 3, NOW.date(), actor="test")
        make_mailing(connection, [Sent("x@y.org", "并入研究院")])
        found = mailing_report(connection, 1)
    assert found.unaddressed == ()


def test_before_a_mailing_begins_it_leaves_nobody_out(engine: Engine) -> None:
    with transaction(engine) as connection:
        make_institutes(connection, {"一院": "云南"})
        make_mailing(connection, [Sent("a@x.org", None)])
        assert [one.name for one in mailing_report(connection, 1).unaddressed] == ["一院"]
        connection.execute(text("DELETE FROM delivery"))
        connection.execute(text("UPDATE mailing SET status = 'scheduled', started_at = NULL"))
        assert mailing_report(connection, 1).unaddressed == ()


def test_other_mailings_are_not_counted(engine: Engine, report: Report) -> None:
    with transaction(engine) as connection:
        connection.execute(
            text("""INSERT INTO mailing (issue_id, edition_id, list_ids, excluded_list_ids, terms, status, at, created_by)
                    SELECT issue_id, edition_id, list_ids, excluded_list_ids, terms, 'sending', at, created_by FROM mailing""")
        )
        connection.execute(
            text("""INSERT INTO delivery (mailing_id, subscriber_id, address, provider, state)
                    VALUES (2, 1, 'other@x.org', 'other', 'accepted')""")
        )
        record(connection, [Hit(9, EventKind.CLICK, NOW, 0)])
        again, other = mailing_report(connection, 1), mailing_report(connection, 2)
    assert (again.total, again.links) == (report.total, report.links)
    assert other.total == Tally(recipients=1, reached=1, open=0, not_reached=0, complained=0, unsubscribed=0, receipts=0)
    assert (other.reading.clickers.total, again.reading) == (1, report.reading)


def test_a_mailing_that_is_not_there_is_said_with_the_cure(engine: Engine) -> None:
    with transaction(engine) as connection, pytest.raises(InputError, match=r"no mailing 7.*mailing list"):
        mailing_report(connection, 7)


def test_whose_clicks_they_were_is_told_of_no_institute_and_of_no_small_group(engine: Engine) -> None:
    with transaction(engine) as connection:
        few = [Sent(f"few{number}@x.org", "一院", provider="netease") for number in range(4)]
        more = [Sent(f"more{number}@x.org", "二院", provider="coremail") for number in range(5)]
        many = [Sent(f"many{number}@x.org", "二院", provider="tencent") for number in range(6)]
        ids = make_mailing(connection, [*few, *more, *many])
        read_by(connection, ids, [BROWSER] * 15)
        found = mailing_report(connection, 1)
    told = {group.name: group.seen and group.seen.clickers for group in found.providers}
    # With those of coremail told, the total would tell of the four at netease.
    assert told == {"tencent": 6, "coremail": None, "netease": None}
    assert [one.agreed.clickers for one in found.institutes] == [0, 0]
    assert found.reading.clickers.people == 15


def test_clicks_whose_they_were_is_forgotten_are_told_as_a_whole_alone(engine: Engine) -> None:
    with transaction(engine) as connection:
        make_mailing_read_by_all(connection)
        connection.execute(text("UPDATE mailing SET salt = NULL"))
        found = mailing_report(connection, 1)
    assert [(group.tally.recipients, group.seen) for group in (*found.provinces, *found.providers)] == [(6, None), (6, None)]
    assert found.reading.clickers.people == 6
    page = render_report_html(found)
    assert "保存期已过" in page
    assert "不满五位收件人" not in page


def test_an_issue_that_was_not_counted_has_no_readers_beside_one_that_was(engine: Engine) -> None:
    with transaction(engine) as connection:
        make_mailing_read_by_all(connection)
        connection.execute(_EARLIER_MAILINGS, {"number": 1})
        connection.execute(text("UPDATE mailing SET tracking = 'off' WHERE id = 2"))
        connection.execute(
            text(
                "INSERT INTO delivery (mailing_id, subscriber_id, address, provider, state) VALUES (2, 1, 'c@x.org', 'x', 'accepted')"
            )
        )
        found = mailing_report(connection, 1)
    assert [(one.mailing_id, one.openers, one.clickers) for one in found.issues] == [(2, None, None), (1, 0, 6)]
    render_report_html(found)


def test_who_agreed_counts_for_the_institute(engine: Engine) -> None:
    with transaction(engine) as connection:
        ids = make_mailing_with_one_who_agreed(connection)
        read_by(connection, ids, [BROWSER, BROWSER])
        found = mailing_report(connection, 1)
    assert found.institutes[0].agreed.clickers == 1


def test_a_mailing_that_goes_on_for_weeks_is_told_as_long_as_it_is_read(engine: Engine) -> None:
    with transaction(engine) as connection:
        make_mailing(connection, [Sent("a@x.example", None), Sent("b@x.example", None)])
        settled = text("UPDATE delivery SET settled_at = CASE id WHEN 1 THEN CAST(:now AS timestamptz) ELSE :last END")
        last = NOW + timedelta(days=25)
        connection.execute(settled, {"now": NOW, "last": last})
        connection.execute(text("UPDATE mailing SET finished_at = :last"), {"last": last})
        hit = text("INSERT INTO event (mailing_id, kind, at, visitor, origin) VALUES (1, 'open', :at, 1, 'person')")
        for days in (1, 20, 26, 60):
            connection.execute(hit, {"at": NOW + timedelta(days=days)})
        steps = mailing_report(connection, 1).timeline.steps
    assert sum(step.opens for step in steps) == 3
    assert sum(step.reached for step in steps) == 2


def test_when_the_first_and_the_last_were_seen_is_found_without_a_look_at_every_hit(engine: Engine) -> None:
    with transaction(engine) as connection:
        make_mailing(connection, [Sent("a@x.org", None)])
        connection.execute(_HITS, {"at": NOW, "many": 5000})
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE event"))
    with transaction(engine) as connection:
        # The server counts what it has not yet reported of the transactions before, too.
        before = connection.execute(_EVENTS_READ).scalar_one()
        assert tuple(connection.execute(_BOUNDS, {"mailing": 1}).one()) == (
            NOW + timedelta(seconds=2),
            NOW + timedelta(seconds=5000),
        )
        assert connection.execute(_EVENTS_READ).scalar_one() - before < 50


# Every second one a person's.
_HITS = text("""
    INSERT INTO event (mailing_id, kind, at, visitor, origin)
    SELECT 1, 'open', :at + second * interval '1 second', second, (ARRAY['person', 'machine'])[1 + second % 2]
    FROM generate_series(1, :many) AS second""")
_EVENTS_READ = text("SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'event'")


def test_the_timeline_has_every_delivery_and_no_gap(engine: Engine) -> None:
    with transaction(engine) as connection:
        make_mailing(connection, [Sent(f"{number}@x.org", None) for number in range(20)])
        connection.execute(
            text("UPDATE delivery SET settled_at = CAST(:at AS timestamptz) + id * id * interval '7 minutes'"), {"at": NOW}
        )
        found = mailing_report(connection, 1)
    steps = found.timeline.steps
    assert sum(step.reached for step in steps) == found.total.reached == 20
    assert {later.at - earlier.at for earlier, later in pairwise(steps)} == {found.timeline.step}
    assert len(steps) <= 37
    page = render_report_html(found)
    assert page.count("<title>") == 1 + sum(step.reached > 0 for step in steps)


@given(st.timedeltas(timedelta(0), timedelta(days=3000)))
def test_a_length_of_time_is_told_in_a_few_dozen_steps(span: timedelta) -> None:
    assert span < step_for(span) * 36


def test_issues_before_are_set_beside_this_one(engine: Engine) -> None:
    with transaction(engine) as connection:
        make_mailing(connection, [Sent("a@x.org", None), Sent("b@x.org", None, BOUNCED, "unknown_user")])
        connection.execute(_EARLIER_MAILINGS, {"number": 8})
        connection.execute(
            text("""INSERT INTO delivery (mailing_id, subscriber_id, address, provider, state)
                    SELECT mailing.id, 1, 'c@x.org', 'other', 'accepted' FROM mailing WHERE mailing.id > 1""")
        )
        found = mailing_report(connection, 1)
        oldest = mailing_report(connection, 9)
    assert [one.mailing_id for one in found.issues] == [6, 5, 4, 3, 2, 1]
    assert (found.issues[-1].recipients, found.issues[-1].reached, found.issues[-1].not_reached) == (2, 1, 1)
    assert [one.mailing_id for one in oldest.issues] == [9]
    assert "（本期）" in render_report_html(found)
    assert "与前几期比较" not in render_report_html(oldest)


def test_only_the_issues_that_are_shown_are_counted(engine: Engine) -> None:
    with transaction(engine) as connection:
        make_mailing(connection, [Sent("a@x.org", None)])
        connection.execute(_EARLIER_MAILINGS, {"number": 40})
        connection.execute(
            text("""INSERT INTO delivery (mailing_id, subscriber_id, address, provider, state)
                    SELECT mailing.id, number, 'c@x.org', 'other', 'accepted' FROM mailing, generate_series(1, 100) AS number
                    WHERE mailing.id NOT IN (1, 3, 4)""")
        )
        connection.execute(text("SET LOCAL enable_seqscan = off"))  # As where the table is large.
        before = connection.execute(factories.DELIVERIES_READ).scalar_one()
        found = read_issues_before(connection, 1)
        read = connection.execute(factories.DELIVERIES_READ).scalar_one() - before
    assert [(one.mailing_id, one.recipients) for one in found] == [*((number, 100) for number in (8, 7, 6, 5, 2)), (1, 1)]
    assert read < 10 * 100


_EARLIER_MAILINGS = text("""
    INSERT INTO mailing (issue_id, edition_id, list_ids, excluded_list_ids, terms, status, at, started_at, created_by)
    SELECT issue_id, edition_id, list_ids, excluded_list_ids, terms, 'finished', at,
           started_at - number * interval '30 days', created_by FROM mailing, generate_series(1, :number) AS number""")


def test_who_left_is_named_and_who_came_back_too(engine: Engine) -> None:
    with transaction(engine) as connection:
        ids = make_mailing(connection, [Sent("a@x.org", "一院"), Sent("b@x.org", None)])
        record(connection, [Hit(ids[0], EventKind.UNSUBSCRIBE, NOW)])
        found = mailing_report(connection, 1)
    assert [(one.address, one.institute, one.back) for one in found.departed] == [("a@x.org", "一院", False)]
