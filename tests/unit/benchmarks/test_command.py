"""`python -m benchmarks`."""

from __future__ import annotations

import pytest

from benchmarks.__main__ import BENCHMARKS, main, table
from benchmarks.figures import Figure, Pair, Report


def test_a_name_that_there_is_not_is_wrong_use_and_those_that_there_are_are_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["teleport", "--json"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "'teleport'" in said.err
    assert all(name in said.err for name in BENCHMARKS)


@pytest.mark.parametrize("count", ["0", "-3", "many"])
def test_a_number_of_recipients_is_a_whole_number_above_nothing(count: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["render", f"--recipients={count}"])
    assert stopped.value.code == 2
    assert "whole number" in capsys.readouterr().err


def test_the_table_says_what_must_be_reached_and_whether_it_was() -> None:
    pairs = (Pair(80, 100), Pair(90, 100))
    report = Report("dkim", (Figure("a", "rate", "messages/s", pairs, least=0.8), Figure("b", "CPU", "µs", pairs, most=0.5)))
    first, second = table(report).splitlines()[1:]
    assert "(0.80–0.90)  ≥ 0.8  reached" in first
    assert "≤ 0.5  missed" in second
