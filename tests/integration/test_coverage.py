"""Whether each institute was reached, and by whom, against a real PostgreSQL."""

from __future__ import annotations

import json

from sqlalchemy import Engine, text

from mailer import coverage
from mailer.coverage import Outcome
from subscribers import institutes, memberships
from subscribers.models import Succession
from tests import factories
from tests.integration.conftest import Jianbao
from tests.integration.contacts import NOW, A, B, schedule, settle


def outcomes(engine: Engine) -> dict[str, tuple[Outcome, list[str]]]:
    with engine.connect() as connection:
        covered = coverage.coverage(connection, 1)
    return {one.institute: (one.outcome, [who.address for who in one.by] or list(one.why)) for one in covered}


def test_coverage_says_by_whom_or_why_not_or_that_nobody_is_there(engine: Engine) -> None:
    schedule(engine, Succession.ALL)
    with engine.begin() as connection:
        memberships.create(connection, "丙省农业科学院", {}, actor="li")
        memberships.create(connection, "丁省农业科学院", {"status": "former"}, actor="li")
    factories.start(engine)
    with engine.begin() as connection:
        settle(connection, "b@inst.example", "bounced", "unknown_user")
    assert outcomes(engine) == {
        "丙省农业科学院": (Outcome.NOBODY, ["no contact is known"]),
        B: (Outcome.NOT_REACHED, ["b@inst.example: bounced, unknown_user"]),
        A: (Outcome.REACHED, ["a1@163.example", "a2@qq.example", "a9@inst.example"]),
    }


def test_coverage_outlives_mergers_new_names_and_people_who_move(engine: Engine) -> None:
    schedule(engine, Succession.FIRST)
    factories.start(engine)
    with engine.begin() as connection:
        settle(connection, "", "accepted")
        a, b = (institutes.find_institute(connection, name) for name in (A, B))
        other = memberships.create(connection, "丙省农业科学院", {}, actor="li")
        connection.execute(text("UPDATE subscriber SET institute_id = :id WHERE address = 'a1@163.example'"), {"id": other})
        memberships.rename(connection, b, "乙省现代农业研究院", NOW.date(), actor="li")
        assert memberships.merge(connection, b, a, NOW.date(), actor="li") == 1
    assert outcomes(engine) == {
        "丙省农业科学院": (Outcome.NOBODY, ["no contact is on the lists that it was sent to"]),
        A: (Outcome.REACHED, ["a1@163.example", "b@inst.example"]),
    }


def test_coverage_does_not_gather_those_of_no_institute(engine: Engine) -> None:
    schedule(engine, Succession.ALL)
    factories.start(engine)
    with engine.begin() as connection:
        settle(connection, "", "accepted")
        # Together more than one value of PostgreSQL's holds, as a million recipients are.
        connection.execute(
            text("""INSERT INTO delivery (mailing_id, subscriber_id, address, provider, state, reply)
                    SELECT 1, 100 + n, 'n', 'other', 'accepted', repeat('x', 1000000) FROM generate_series(1, 280) n""")
        )
        # As PostgreSQL joins many; of few it may end before it comes to them.
        connection.execute(text("SET LOCAL enable_mergejoin = off; SET LOCAL enable_nestloop = off"))
        assert {one.outcome for one in coverage.coverage(connection, 1)} == {Outcome.REACHED}


def test_the_command_counts_institutes_and_not_people(jianbao: Jianbao, engine: Engine) -> None:
    schedule(engine, Succession.ALL)
    factories.start(engine)
    with engine.begin() as connection:
        settle(connection, "b@inst.example", "bounced", "unknown_user")
    found = json.loads(jianbao("institute", "coverage", "2026-11", "--json").stdout)
    counts = {name: found[name] for name in ("institutes", "reached", "under_way", "not_reached", "nobody")}
    assert counts == {"institutes": 2, "reached": 1, "under_way": 0, "not_reached": 1, "nobody": 0}
    shown = jianbao("institute", "coverage", "2026-11", "--only", "not_reached")
    assert B in shown.stdout
    assert A not in shown.stdout
    assert "1 reached, 0 under way, 1 not reached, 0 nobody" in shown.stderr
