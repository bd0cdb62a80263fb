"""What is forgotten by itself, on a real database."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import Engine, text

from mailer import retention
from mailer.cli import cli
from mailer.settings import Settings, read_settings
from subscribers import store
from subscribers.address import parse_address
from subscribers.errors import InputError
from subscribers.sign_ups import Asked, Refusal, sign_up
from tests import factories

NOW = datetime(2026, 11, 27, 3, tzinfo=UTC)
OLD, NEW = NOW - timedelta(days=800), NOW - timedelta(days=5)


def settings_of(folder: Path, **given: str) -> Settings:
    return read_settings({f"JIANBAO_{name}": value for name, value in given.items()}, folder / ".env")


@pytest.fixture
def aged(engine: Engine) -> Engine:
    """One old and one new row of everything that is forgotten."""
    factories.schedule(engine, ["a@inst.example"])
    factories.start(engine)
    with engine.begin() as connection:
        list_id = store.create_list(connection, "bulletin", "信息集锦", double_opt_in=True)
        for at, name in ((OLD, "old"), (NEW, "new")):
            connection.execute(
                text("INSERT INTO event (mailing_id, delivery_id, kind, at) VALUES (1, 1, 'open', :at)"), {"at": at}
            )
            feedback = (
                "INSERT INTO feedback_raw (way, digest, content, received_at, read_at) VALUES ('file', :name, 'x', :at, :at)"
            )
            connection.execute(text(feedback), {"at": at, "name": name.encode()})
            batch = """INSERT INTO import_batch (file_name, sha256, mode, actor, finished_at, rejects)
                       VALUES ('a.csv', '', 'new', 'test', :at, '[{"line": 1, "address": "x@y", "reason": "r"}]')"""
            connection.execute(text(batch), {"at": at})
            change = """INSERT INTO import_change (import_id, kind, row_id, action, before, after)
                        SELECT max(id), kind, 1, 'updated', '{}', '{}'
                        FROM import_batch, unnest(ARRAY['subscriber', 'subscription']) AS kind GROUP BY kind"""
            connection.execute(text(change))
            asked = Asked(list_id, parse_address(f"{name}@inst.example"), "203.0.113.0/24", "1", at, "王芳")
            assert not isinstance(sign_up(connection, asked), Refusal)
        expired = Asked(list_id, parse_address("late@inst.example"), "203.0.113.0/24", "1", NOW - timedelta(days=8), "李四")
        assert not isinstance(sign_up(connection, expired), Refusal)
    return engine


def rows(engine: Engine, statement: str) -> list[object]:
    with engine.connect() as connection:
        return list(connection.execute(text(statement)).scalars())


def test_what_is_old_goes_and_what_is_new_stays(aged: Engine, tmp_path: Path) -> None:
    would = retention.would_forget(aged, settings_of(tmp_path), NOW)
    gone = retention.forget(aged, settings_of(tmp_path), NOW)
    assert {one.name: one.rows for one in would} == {
        "events": 1,
        "feedback": 1,
        "expired sign-ups": 2,
        "sign-ups": 1,
        "import rejects": 1,
        "what imports replaced": 1,
        "raw hits": 0,
        "visitors": 0,
        "deliveries at hand": 0,
    }
    assert gone == would
    assert rows(aged, "SELECT at FROM event") == [NEW]
    assert rows(aged, "SELECT received_at FROM feedback_raw") == [NEW]
    assert sorted(map(str, rows(aged, "SELECT address FROM sign_up"))) == ["", "new@inst.example"]
    assert rows(aged, "SELECT jsonb_array_length(rejects) FROM import_batch ORDER BY id") == [0, 1]
    assert all(one.rows == 0 for one in retention.forget(aged, settings_of(tmp_path), NOW))


def test_what_is_expired_is_forgotten_but_for_what_bounds_how_often_one_is_asked(aged: Engine, tmp_path: Path) -> None:
    retention.forget(aged, settings_of(tmp_path), NOW)
    again = Asked(2, parse_address("late@inst.example"), "203.0.113.0/24", "1", NOW - timedelta(days=7, hours=12))
    with aged.begin() as connection:
        assert sign_up(connection, again) is Refusal.ADDRESS


def test_nothing_is_forgotten_that_is_kept_for_ever(aged: Engine, tmp_path: Path) -> None:
    (events, *_) = retention.forget(aged, settings_of(tmp_path, KEEP_EVENTS="forever"), NOW)
    assert (events.days, events.rows) == (None, 0)
    assert len(rows(aged, "SELECT id FROM event")) == 2


def test_a_portion_at_a_time_is_forgotten_until_the_time_is_over(
    aged: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "PORTION", 1)
    with aged.begin() as connection:
        connection.execute(
            text("INSERT INTO event (mailing_id, delivery_id, kind, at) SELECT 1, 1, 'open', :at FROM generate_series(1, 3)"),
            {"at": OLD},
        )
    (events, *_) = retention.forget(aged, settings_of(tmp_path), NOW, seconds=0)
    assert events.rows == 1
    (events, *_) = retention.forget(aged, settings_of(tmp_path), NOW)
    assert events.rows == 3


def test_each_portion_begins_where_the_one_before_ended(aged: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "PORTION", 1)
    feedback = next(rule for rule in retention.RULES if rule.name == "feedback")
    with aged.begin() as connection:
        added = """INSERT INTO feedback_raw (way, digest, content, received_at, read_at)
                   SELECT 'file', CAST(CAST(n AS text) AS bytea), 'x', :at, :at FROM generate_series(1, 2) n RETURNING id"""
        second, third = connection.execute(text(added), {"at": OLD}).scalars()
        assert feedback.forget(connection, NEW) == (1, 1)
        assert feedback.forget(connection, NEW, second) == (1, second)
        assert feedback.forget(connection, NEW, third) == (1, third)
        assert feedback.forget(connection, NEW, third) == (0, third)


def test_of_hits_the_oldest_go_first_and_the_new_ones_are_not_read(aged: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "PORTION", 2)
    events, raw_hits = (next(rule for rule in retention.RULES if rule.name == name) for name in ("events", "raw hits"))
    added = """INSERT INTO event (mailing_id, delivery_id, kind, at, agent)
               SELECT 1, 1, 'open', :at + n * interval '1 second', 'x' FROM generate_series(1, CAST(:number AS integer)) n"""
    with aged.begin() as connection:
        connection.execute(text(added), {"at": NEW, "number": 5_000})
        connection.execute(text(added), {"at": OLD, "number": 2})
    with aged.connect() as connection:
        connection.execute(text("SET LOCAL enable_seqscan = off"))  # In a table that is small all rows may be read as well.
        assert raw_hits.forget(connection, NEW) == (2, OLD + timedelta(seconds=2))
        assert events.forget(connection, NEW) == (2, OLD + timedelta(seconds=1))
        assert events.forget(connection, NEW, OLD + timedelta(seconds=1)) == (1, OLD + timedelta(seconds=2))
        read = "SELECT sum(pg_stat_get_xact_tuples_returned(indexrelid)) FROM pg_index WHERE indrelid = 'event'::regclass"
        assert connection.execute(text(read)).scalar_one() < 50


def test_a_dry_run_counts_and_changes_nothing(aged: Engine, database_url: str, redis_url: str, tmp_path: Path) -> None:
    environment = {
        "JIANBAO_DATABASE_URL": database_url,
        "JIANBAO_REDIS_URL": redis_url,
        "JIANBAO_DATA_DIR": str(tmp_path),
    }
    result = CliRunner().invoke(cli, ["retention", "--dry-run", "--json"], env=environment)
    assert result.exit_code == 0, result.exception
    assert {one["name"]: one["rows"] for one in json.loads(result.stdout)}["events"] == 1
    assert len(rows(aged, "SELECT id FROM event")) == 2


@pytest.mark.parametrize(("name", "value"), [("KEEP_EVENTS", "long"), ("KEEP_SIGN_UPS", "7")])
def test_a_number_of_days_that_is_none_or_too_few_is_refused(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(InputError, match=f"JIANBAO_{name}"):
        settings_of(tmp_path, **{name: value})
