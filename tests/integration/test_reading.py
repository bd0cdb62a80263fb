"""Opens and clicks as they are kept: whose only by agreement, judged, judged anew, and forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event, text

from mailer import reading, retention
from mailer.events import Hit, record
from mailer.mailings import counts
from mailer.models import EventKind
from mailer.origin import OriginTable
from mailer.settings import read_settings
from subscribers.db import transaction
from subscribers.models import TrackingMode
from tests.integration.web.mailing import NOW, Sent, send

TABLE = OriginTable.load()
BROWSER = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/138.0.0.0 Safari/537.36"
LATER = NOW + timedelta(hours=2)


@pytest.fixture
def sent(engine: Engine) -> Sent:
    with transaction(engine) as connection:
        found = send(connection, [f"reader{number}@cas.example.org" for number in range(4)])
        connection.execute(text("UPDATE delivery SET settled_at = :at"), {"at": NOW})
    return found


def _hit(sent: Sent, place: int, kind: EventKind = EventKind.OPEN, number: int | None = None, agent: str = BROWSER) -> Hit:
    link = 0 if kind is EventKind.CLICK else None
    return Hit(sent.delivery_ids[place], kind, LATER, link, number, agent, "203.0.113.0/24", speaks=True)


def _mode(connection: Connection, mode: TrackingMode) -> None:
    connection.execute(text("UPDATE mailing SET tracking = :mode"), {"mode": mode.value})


def _wish(connection: Connection, subscriber_id: int, wish: str) -> None:
    values = {"subscriber": subscriber_id, "wish": wish}
    connection.execute(text("INSERT INTO reader_tracking (subscriber_id, wish) VALUES (:subscriber, :wish)"), values)


def _rows(connection: Connection, statement: str) -> list[tuple[object, ...]]:
    return [tuple(row) for row in connection.execute(text(statement))]


def test_a_reader_is_named_only_where_the_lists_and_the_reader_agree(engine: Engine, sent: Sent) -> None:
    with transaction(engine) as connection:
        _wish(connection, 1, "individual")
        _wish(connection, 2, "none")
        for mode in TrackingMode:
            _mode(connection, mode)
            connection.execute(text("DELETE FROM event"))
            record(connection, [_hit(sent, place) for place in (0, 1, 2)])
            named = _rows(connection, "SELECT delivery_id FROM event ORDER BY id")
            expected: dict[TrackingMode, list[tuple[object, ...]]] = {
                TrackingMode.OFF: [],
                TrackingMode.AGGREGATE: [(None,), (None,)],
                TrackingMode.INDIVIDUAL: [(sent.delivery_ids[0],), (None,)],
            }
            assert named == expected[mode]


def test_who_has_another_record_by_now_is_counted_as_they_say_there(engine: Engine, sent: Sent) -> None:
    with transaction(engine) as connection:
        _mode(connection, TrackingMode.INDIVIDUAL)
        connection.execute(text("UPDATE subscriber SET state = 'merged', merged_into_id = id + 1 WHERE id IN (1, 3)"))
        _wish(connection, 2, "none")
        _wish(connection, 4, "individual")
        assert record(connection, [_hit(sent, place) for place in range(4)]) == 2
        assert _rows(connection, "SELECT delivery_id FROM event ORDER BY 1") == [
            (sent.delivery_ids[2],),
            (sent.delivery_ids[3],),
        ]


def test_an_unsubscription_is_kept_whatever_is_counted(engine: Engine, sent: Sent) -> None:
    with transaction(engine) as connection:
        _mode(connection, TrackingMode.OFF)
        record(connection, [Hit(sent.delivery_ids[0], EventKind.UNSUBSCRIBE, NOW)])
        assert _rows(connection, "SELECT delivery_id, kind FROM event") == [(sent.delivery_ids[0], "unsubscribe")]


def test_readers_are_counted_once_each_without_being_named(engine: Engine, sent: Sent) -> None:
    with transaction(engine) as connection:
        record(connection, [_hit(sent, 0), _hit(sent, 0), _hit(sent, 1), _hit(sent, 0, EventKind.CLICK)])
        found = counts(connection, sent.mailing_id)
    assert (found.opened, found.clicked) == (2, 1)


def test_a_hit_is_kept_once_however_often_it_comes(engine: Engine, sent: Sent) -> None:
    with transaction(engine) as connection:
        assert record(connection, [_hit(sent, 0, number=7), _hit(sent, 0, number=7), _hit(sent, 1, number=8)]) == 2
        assert record(connection, [_hit(sent, 0, number=7), _hit(sent, 2, number=9)]) == 1
        assert _rows(connection, "SELECT hit FROM event ORDER BY hit") == [(7,), (8,), (9,)]


def test_hits_are_judged_at_once_and_for_good_when_time_has_passed(engine: Engine, sent: Sent) -> None:
    with transaction(engine) as connection:
        record(connection, [_hit(sent, 0), _hit(sent, 1, agent="Mozilla/5.0"), _hit(sent, 2, agent="Thing/1")])
        assert reading.judge_due(connection, TABLE, LATER) == 3
        assert _rows(connection, "SELECT origin, judged_by FROM event ORDER BY id") == [
            ("person", None),
            ("machine", None),
            ("unknown", None),
        ]
        assert reading.judge_due(connection, TABLE, LATER + timedelta(minutes=1)) == 0
        assert reading.judge_due(connection, TABLE, LATER + timedelta(minutes=16)) == 3
        assert _rows(connection, "SELECT DISTINCT judged_by FROM event") == [(TABLE.version,)]
        assert reading.judge_due(connection, TABLE, LATER + timedelta(days=1)) == 0


def test_what_comes_later_tells_of_what_came_before(engine: Engine, sent: Sent) -> None:
    with transaction(engine) as connection:
        record(connection, [_hit(sent, place, EventKind.CLICK) for place in range(3)])
        reading.judge_due(connection, TABLE, LATER)
        assert _rows(connection, "SELECT DISTINCT origin FROM event") == [("person",)]
        more = [Hit(sent.delivery_ids[3], EventKind.CLICK, LATER, link, None, BROWSER, None, speaks=True) for link in (0, 1)]
        record(connection, [*more, Hit(sent.delivery_ids[3], EventKind.CLICK, LATER, 2, None, BROWSER, None, speaks=True)])
        reading.judge_due(connection, TABLE, LATER + timedelta(minutes=16))
        assert _rows(connection, "SELECT origin, count(*) FROM event GROUP BY 1 ORDER BY 1") == [("machine", 3), ("person", 3)]


def test_between_what_is_new_and_what_is_settled_nothing_is_read_but_what_their_readers_did(engine: Engine, sent: Sent) -> None:
    def hit(place: int, minutes: int, kind: EventKind = EventKind.OPEN) -> Hit:
        link = 0 if kind is EventKind.CLICK else None
        return Hit(sent.delivery_ids[place], kind, LATER + timedelta(minutes=minutes), link, None, BROWSER, None, speaks=True)

    with transaction(engine) as connection:
        record(connection, [hit(0, 0), *(hit(place, 8) for place in (1, 2, 3))])
        assert reading.judge_due(connection, TABLE, LATER + timedelta(minutes=9)) == 4
        record(connection, [hit(1, 16, EventKind.CLICK)])
        with _row_counts(connection) as counted:
            assert reading.judge_due(connection, TABLE, LATER + timedelta(minutes=16)) == 2
        assert counted[-2] == 3  # The two of them, and the picture before the click.
        assert _rows(connection, "SELECT reasons FROM event WHERE kind = 'click'") == [("a browser, or a webmail in one",)]


def test_a_hit_is_judged_without_reading_what_was_judged_for_good_and_who_left(engine: Engine, sent: Sent) -> None:
    fetched = text("SELECT idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'event'")
    later = LATER + timedelta(hours=1)
    with transaction(engine) as connection:
        record(connection, [Hit(one, EventKind.UNSUBSCRIBE, LATER) for one in sent.delivery_ids])
        moments = [LATER + timedelta(seconds=number) for number in range(50)]
        record(connection, [_hit(sent, place)._replace(at=at) for place in range(4) for at in moments])
        assert reading.judge_due(connection, TABLE, later) == 200
        record(connection, [_hit(sent, 0)._replace(at=later)])
        connection.execute(text("SET LOCAL enable_seqscan = off"))  # Where another way is, a small table goes it too.
        before = connection.execute(fetched).scalar_one()
        assert reading.judge_due(connection, TABLE, later) == 1
        # Thrice as what is due, as what was around it, and to keep the judgement; whichever indexes the server takes for it.
        assert connection.execute(fetched).scalar_one() < before + 20


@contextmanager
def _row_counts(connection: Connection) -> Iterator[list[int]]:
    counted: list[int] = []

    def note(*arguments: Any) -> None:
        counted.append(arguments[1].rowcount)

    event.listen(connection, "after_cursor_execute", note)
    try:
        yield counted
    finally:
        event.remove(connection, "after_cursor_execute", note)


def test_another_table_judges_everything_anew_whose_raw_form_is_kept(engine: Engine, sent: Sent) -> None:
    other = OriginTable.parse(
        """
        [score]
        machine = 60
        person_below = 30
        [[agent]]
        name = "everything is a machine"
        contains = ["mozilla"]
        score = 100
        source = "a test"
        sample = "Mozilla"
        [signal]
        no_agent = 0
        no_language = 0
        soon_open = 0
        soon_click = 0
        early_click = 0
        many_links = 0
        many_readers = 0
        known_network = 0
        without_picture = 0
        [limit]
        soon_seconds = 5
        early_seconds = 120
        links = 3
        links_seconds = 3
        readers = 5
        readers_seconds = 60
        [[network]]
        name = "nobody"
        networks = []
        """
    )
    with transaction(engine) as connection:
        record(connection, [_hit(sent, 0), _hit(sent, 1)])
        reading.judge_due(connection, TABLE, LATER + timedelta(hours=1))
        assert reading.judge_anew(connection, TABLE) == 0
        assert reading.judge_anew(connection, other) == 2
        assert reading.judge_due(connection, other, LATER + timedelta(hours=1)) == 2
        assert _rows(connection, "SELECT DISTINCT origin, judged_by FROM event") == [("machine", other.version)]


def test_after_its_time_the_raw_form_goes_and_the_numbers_stay(engine: Engine, sent: Sent) -> None:
    kept = read_settings({"JIANBAO_KEEP_RAW_HITS": "1", "JIANBAO_KEEP_EVENTS": "forever"}, dotenv=Path("none"))
    with transaction(engine) as connection:
        record(connection, [_hit(sent, 0), _hit(sent, 1)])
        reading.judge_due(connection, TABLE, LATER + timedelta(hours=1))
    retention.forget(engine, kept, LATER + timedelta(hours=23))
    with transaction(engine) as connection:
        assert _rows(connection, "SELECT DISTINCT agent FROM event") == [(BROWSER,)]
    retention.forget(engine, kept, LATER + timedelta(days=2))
    with transaction(engine) as connection:
        assert _rows(connection, "SELECT DISTINCT agent, network, origin FROM event") == [(None, None, "person")]
        assert _rows(connection, "SELECT salt FROM mailing") == [(None,)]
        assert counts(connection, sent.mailing_id).opened == 2
        assert record(connection, [_hit(sent, 2)]) == 0  # Its numbers are closed.
