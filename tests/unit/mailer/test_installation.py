"""When a database is taken for a copy, and when not: the rule alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.installation import Beat, Doubt, Record, Witnesses, judge, machine_id

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
HERE, THERE = "this machine", "another machine"


def beat(number: int = 100, owner: str = "ours", ago: timedelta = timedelta(minutes=1)) -> Beat:
    return Beat(owner, number, NOW - ago)


def record(*, machine: str | None = HERE, stopped: bool = False, ago: timedelta = timedelta(minutes=1)) -> Record:
    return Record(beat(ago=ago), machine, stopped)


NOTHING = Witnesses(broker=None, file=None, own=None, machine=HERE)
RESTARTED = replace(NOTHING, broker=beat(), file=beat())
RUNNING = replace(RESTARTED, own=beat())
DAYS, HOUR, MINUTES = timedelta(days=3), timedelta(hours=1), timedelta(minutes=20)


@pytest.mark.parametrize(
    ("about", "found", "seen"),
    [
        ("a fresh installation", None, NOTHING),
        ("a fresh one on a broker that another one left long ago", None, replace(NOTHING, broker=beat(7, "theirs", HOUR))),
        ("a restart", record(), RESTARTED),
        ("a restart after an orderly stop of days", record(stopped=True, ago=DAYS), RESTARTED),
        ("a restart with a broker that keeps nothing", record(), replace(NOTHING, file=beat())),
        ("a restart of a container, which has no files and no machine", record(), Witnesses(beat(), None, None, None)),
        ("a broker that was wiped while it ran", record(), replace(NOTHING, own=beat())),
        ("a beat that was committed and not yet told", record(), replace(RESTARTED, broker=beat(99), file=beat(98))),
        ("a scheduler that starts on a second machine", record(machine=THERE), replace(NOTHING, broker=beat())),
        ("a second machine's turn after the database was away", record(machine=THERE, ago=HOUR), RUNNING),
        ("a machine that slept", record(ago=DAYS), replace(RUNNING, lived=DAYS)),
        ("the clock an hour ahead", record(ago=HOUR), RUNNING),
        ("the clock an hour back", record(ago=-HOUR), RUNNING),
        ("a machine that was off for an hour", record(ago=HOUR), RESTARTED),
    ],
)
def test_no_hand_is_needed_for(about: str, found: Record | None, seen: Witnesses) -> None:
    assert judge(found, seen, NOW, idle=False) is None, about


@pytest.mark.parametrize(
    ("about", "found", "seen", "doubt"),
    [
        ("a dump in another place", record(), NOTHING, Doubt.UNKNOWN),
        (
            "a dump in another place with a folder of something else",
            record(),
            replace(NOTHING, file=beat(7, "x")),
            Doubt.UNKNOWN,
        ),
        ("last night's backup put back", record(), replace(RESTARTED, broker=beat(5000)), Doubt.BEHIND),
        ("the same, the broker lost as well", record(), replace(NOTHING, file=beat(5000)), Doubt.BEHIND),
        ("the same under a running scheduler", record(), replace(RUNNING, own=beat(5000)), Doubt.BEHIND),
        ("a dump whose settings lead to the original's broker", record(), replace(NOTHING, broker=beat(101)), Doubt.BEHIND),
        ("an original whose copy has taken over its broker", record(), replace(RUNNING, broker=beat(1, "copy")), Doubt.OTHER),
        ("the same days later", record(), replace(RUNNING, broker=beat(1, "copy", DAYS)), Doubt.OTHER),
        ("a fresh database at a broker in use", None, replace(NOTHING, broker=beat(7, "theirs", timedelta())), Doubt.OTHER),
        ("the data directory on another machine", record(machine=THERE, ago=MINUTES), RESTARTED, Doubt.MOVED),
        ("the same, stopped in order", record(machine=THERE, ago=MINUTES, stopped=True), RESTARTED, Doubt.MOVED),
        ("a snapshot of the machine, days later", record(ago=DAYS), RESTARTED, Doubt.SILENT),
        ("a snapshot with all that ran in it", record(ago=DAYS), replace(RUNNING, lived=MINUTES), Doubt.SILENT),
    ],
)
def test_a_copy_is_held(about: str, found: Record | None, seen: Witnesses, doubt: Doubt) -> None:
    assert judge(found, seen, NOW, idle=False) is doubt, about


@pytest.mark.parametrize("doubt", list(Doubt))
def test_while_no_mailing_is_open_only_those_doubts_count_that_mean_two_histories(doubt: Doubt) -> None:
    found, seen = {
        Doubt.OTHER: (record(), replace(RESTARTED, broker=beat(1, "copy"))),
        Doubt.BEHIND: (record(), replace(RESTARTED, broker=beat(5000))),
        Doubt.UNKNOWN: (record(), NOTHING),
        Doubt.MOVED: (record(machine=THERE, ago=HOUR), RESTARTED),
        Doubt.SILENT: (record(ago=DAYS), RESTARTED),
    }[doubt]
    assert judge(found, seen, NOW, idle=False) is doubt
    assert judge(found, seen, NOW, idle=True) is (doubt if doubt in (Doubt.OTHER, Doubt.BEHIND) else None)


@given(st.integers(0, 10**9), st.integers(0, 10**9), st.booleans())
def test_whoever_remembers_a_later_beat_is_believed(row: int, memory: int, idle: bool) -> None:
    found = Record(beat(row), HERE, stopped=False)
    doubted = judge(found, replace(NOTHING, broker=beat(memory)), NOW, idle=idle)
    assert doubted is (Doubt.BEHIND if memory > row else None)


def test_a_beat_survives_being_written_down_and_anything_else_is_no_beat() -> None:
    assert Beat.from_json(beat().to_json()) == beat()
    for text in ("", "null", "[]", '{"id": "x"}', '{"id": "x", "number": "many", "at": "now"}', b"\xff"):
        assert Beat.from_json(text) is None


def test_a_machine_is_named_only_where_it_has_a_name_and_never_by_that_name(tmp_path: Path) -> None:
    file = tmp_path / "machine-id"
    assert machine_id(file) is None
    file.write_text("uninitialized\n")
    assert machine_id(file) is None
    file.write_text("0123456789abcdef0123456789abcdef\n")
    named = machine_id(file)
    assert named is not None
    assert "0123456789abcdef" not in named
    assert machine_id(file) == named
