"""Who is in a segment, as PostgreSQL says it and as plain Python does."""

from __future__ import annotations

from datetime import date

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from mailer.activity import load_vocabulary
from subscribers.segments.parsing import parse
from subscribers.segments.printing import print_expression
from subscribers.segments.saved import count, sample
from subscribers.segments.selecting import select_ids
from subscribers.segments.tree import Argument, Before, Call, Expression, LastDays, LastIssues, Named, Since
from tests.integration.segments.world import ISSUES, MOMENT, OWN, TEXTS, World, holds, make_frame, put, worlds
from tests.unit.segments.expressions import CALLS, VOCABULARY, comparisons, trees

_DAYS = st.dates(date(2026, 9, 1), date(2026, 12, 1))
_WHICH: st.SearchStrategy[tuple[Argument, ...]] = st.just(()) | st.tuples(
    st.sampled_from(ISSUES).map(Named)
    | st.builds(LastIssues, st.integers(1, 4))
    | st.builds(LastDays, st.integers(0, 90))
    | st.builds(Since, _DAYS)
    | st.builds(Before, _DAYS)
)
_ACTIVITY = st.builds(Call, st.sampled_from(["received", "bounced", "complained", "opened", "clicked"]), _WHICH)
_LEAVES: st.SearchStrategy[Expression] = comparisons(VOCABULARY, OWN, st.sampled_from(TEXTS)) | CALLS | _ACTIVITY


def test_the_database_and_plain_python_find_the_same_people(engine: Engine) -> None:
    make_frame(engine)

    @given(worlds(), st.lists(trees(_LEAVES), min_size=3, max_size=3))
    @settings(max_examples=150, suppress_health_check=list(HealthCheck))
    def agree(world: World, segments: list[Expression]) -> None:
        with engine.connect() as connection:
            vocabulary = load_vocabulary(connection)
            ids = put(connection, world)
            for tree in segments:
                chosen = select_ids(parse(print_expression(tree), vocabulary), vocabulary, MOMENT)
                expected = [
                    found
                    for place, found in enumerate(ids)
                    if world.people[place].row["state"] != "merged" and holds(tree, world, place)
                ]
                assert sorted(connection.execute(chosen).scalars()) == expected
                assert count(connection, chosen) == len(expected)
                assert len(sample(connection, chosen, 2)) == min(2, len(expected))

    agree()
