"""All of an institute or a domain leaving within minutes gives alarm, and is undone by one command."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Engine, text

from mailer import departures
from mailer.leaving import Method, come_back, find_recipient, leave
from mailer.models import AlarmScope, AlarmState
from subscribers.db import transaction
from subscribers.errors import InputError
from tests import factories
from tests.integration.web.mailing import NOW, Sent, send

INSTITUTES = ("云南省科学技术院", "云南省科学技术院", "四川研究院", "四川研究院", "四川研究院", None)


@pytest.fixture
def sent(engine: Engine) -> Sent:
    """Two of one institute on a domain of its own, three of another on different domains, and one of none."""
    with transaction(engine) as connection:
        found = send(
            connection,
            [
                "a@yn.example.org",
                "b@yn.example.org",
                "c@x.example.org",
                "d@y.example.org",
                "e@z.example.org",
                "f@y.example.org",
            ],
        )
        for delivery, institute in zip(found.delivery_ids, INSTITUTES, strict=True):
            values = {"institute": institute, "delivery": delivery}
            connection.execute(text("UPDATE delivery SET institute = :institute WHERE id = :delivery"), values)
    return found


def _leave(engine: Engine, sent: Sent, *places: int, minutes: int = 0, method: Method = Method.ONE_CLICK) -> None:
    for place in places:
        with transaction(engine) as connection:
            recipient = find_recipient(connection, sent.delivery_ids[place])
            assert recipient is not None
            leave(connection, recipient, method=method, now=NOW + timedelta(minutes=minutes))


def _look(engine: Engine, minutes: int = 1) -> list[departures.Alarm]:
    with transaction(engine) as connection:
        return departures.raise_alarms(connection, NOW + timedelta(minutes=minutes))


def _away(engine: Engine) -> list[str]:
    statement = """SELECT address FROM subscription JOIN subscriber ON subscriber.id = subscriber_id
                   WHERE subscription.state = 'unsubscribed' ORDER BY address"""
    with transaction(engine) as connection:
        return list(connection.execute(text(statement)).scalars())


def test_all_of_an_institute_leaving_gives_one_alarm(engine: Engine, sent: Sent) -> None:
    _leave(engine, sent, 0, 1)
    new = _look(engine)
    assert [(one.scope, one.name, one.left) for one in new] == [(AlarmScope.INSTITUTE, "云南省科学技术院", 2)]
    assert _look(engine) == []


@pytest.mark.parametrize("places", [(0,), (2, 3), (0, 2, 5), (3, 5)])
def test_some_of_several_institutes_leaving_gives_none(engine: Engine, sent: Sent, places: tuple[int, ...]) -> None:
    _leave(engine, sent, *places)
    assert _look(engine) == []


def test_of_those_whom_a_large_mailing_was_for_no_more_are_looked_at_than_could_give_alarm(engine: Engine) -> None:
    with transaction(engine) as connection:
        found = send(connection, [f"reader{number}@one.example.org" for number in range(500)])
        connection.execute(text("UPDATE delivery SET institute = '四川研究院'"))
    _leave(engine, found, 0, 1, 2)
    with transaction(engine) as connection:
        # As where the mailing is large, whatever the statistics of the moment would say.
        connection.execute(text("ANALYZE event, delivery; SET LOCAL seq_page_cost = 100"))
        before = connection.execute(factories.DELIVERIES_READ).scalar_one()
        assert departures.raise_alarms(connection, NOW) == []
        assert connection.execute(factories.DELIVERIES_READ).scalar_one() - before < 100


def test_departures_that_lie_far_apart_give_none(engine: Engine, sent: Sent) -> None:
    _leave(engine, sent, 0)
    _leave(engine, sent, 1, minutes=30)
    assert _look(engine, 31) == []


def test_a_domain_of_nobodys_in_particular_gives_alarm_too(engine: Engine, sent: Sent) -> None:
    with transaction(engine) as connection:
        connection.execute(text("UPDATE delivery SET institute = NULL, address = left(address, 1) || '@one.example.org'"))
    _leave(engine, sent, 0, 1, 2, 3, 4)
    assert [(one.scope, one.name, one.left) for one in _look(engine)] == [(AlarmScope.DOMAIN, "one.example.org", 5)]


def test_an_alarm_takes_up_whoever_leaves_while_it_lasts(engine: Engine, sent: Sent) -> None:
    with transaction(engine) as connection:
        connection.execute(text("UPDATE delivery SET institute = '云南省科学技术院'"))
    _leave(engine, sent, 0, 1, 2, 3, 4)
    assert [one.left for one in _look(engine)] == [5]
    _leave(engine, sent, 5, minutes=2)
    assert _look(engine, 3) == []
    with transaction(engine) as connection:
        assert [one.left for one in departures.alarms(connection)] == [6]


def test_undoing_brings_everybody_back_at_once_and_only_once(engine: Engine, sent: Sent) -> None:
    _leave(engine, sent, 0, 1, 3)
    (alarm,) = _look(engine)
    with transaction(engine) as connection:
        assert departures.undo(connection, alarm.id, by="staff", now=NOW) == 2
    assert _away(engine) == ["d@y.example.org"]
    assert _look(engine) == []
    with transaction(engine) as connection:
        assert departures.alarms(connection, state=AlarmState.RAISED) == []
        with pytest.raises(InputError, match="undone already"):
            departures.undo(connection, alarm.id, by="staff", now=NOW)


def test_a_machine_that_comes_again_gives_alarm_again(engine: Engine, sent: Sent) -> None:
    _leave(engine, sent, 0, 1)
    with transaction(engine) as connection:
        departures.undo(connection, departures.raise_alarms(connection, NOW)[0].id, by="staff", now=NOW)
    _leave(engine, sent, 0, 1, minutes=1)
    assert [one.left for one in _look(engine, 2)] == [2]


@pytest.mark.parametrize("method", [Method.PAGE, Method.MAIL])
@pytest.mark.parametrize("mail", [0, 1])
def test_who_left_once_more_in_another_way_or_by_another_mail_is_not_brought_back(
    engine: Engine, sent: Sent, method: Method, mail: int
) -> None:
    with transaction(engine) as connection:
        other = send(connection, ["a@yn.example.org"], slug="other", number=10)
        connection.execute(text("UPDATE mailing SET list_ids = ARRAY[:list]"), {"list": sent.list_id})
    _leave(engine, sent, 0, 1)
    (alarm,) = _look(engine)
    for _ in range(3):
        _leave(engine, (sent, other)[mail], 0, method=method, minutes=5)
    with transaction(engine) as connection:
        assert departures.undo(connection, alarm.id, by="staff", now=NOW) == 1
        said = connection.execute(text("SELECT method FROM consent WHERE subscriber_id = 1 AND list_id = 1 ORDER BY id"))
        assert said.scalars().all() == ["import", "one-click", method.value]
        assert connection.execute(text("SELECT actor FROM consent WHERE method = 'undo'")).scalars().all() == ["staff"]
        assert connection.execute(text("SELECT count(*) FROM event")).scalar() == 2
    assert _away(engine) == ["a@yn.example.org"]
    with transaction(engine) as connection:
        recipient = find_recipient(connection, (sent, other)[mail].delivery_ids[0])
        assert recipient is not None
        assert come_back(connection, recipient, now=NOW) is (mail == 0), (
            "what they left by it before is not for another mail to undo"
        )


def test_a_dismissed_alarm_leaves_them_away_and_is_not_raised_again(engine: Engine, sent: Sent) -> None:
    _leave(engine, sent, 0, 1)
    (alarm,) = _look(engine)
    with transaction(engine) as connection:
        departures.dismiss(connection, alarm.id, by="staff", now=NOW)
    assert _look(engine) == []
    assert len(_away(engine)) == 2


def test_an_alarm_that_there_is_not_is_told_with_the_cure(engine: Engine) -> None:
    with transaction(engine) as connection, pytest.raises(InputError, match="jianbao alarm list"):
        departures.undo(connection, 9, by="staff", now=NOW)
