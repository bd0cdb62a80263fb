"""What is kept of measurements: the history, and the picture."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from datetime import UTC, datetime
from pathlib import Path

import pytest

from benchmarks import growth, history
from benchmarks.chart import Line, Panel, draw
from benchmarks.figures import Figure, Pair, Report
from tests.paths import PROJECT

_SVG = "{http://www.w3.org/2000/svg}"


def test_the_history_keeps_ratios_and_no_name_of_a_machine(tmp_path: Path) -> None:
    report = Report("dkim", (Figure("a", "rate", "messages/s", (Pair(8, 10),)), Figure("raw", "raw", "1/s", (Pair(7, 10),))))
    history.record(report, datetime(2026, 11, 20, tzinfo=UTC), tmp_path / "history.jsonl")
    (line,) = (tmp_path / "history.jsonl").read_text().splitlines()
    kept = json.loads(line)
    assert (kept["name"], kept["date"], kept["ratio"], kept["ratio_raw"]) == ("dkim", "2026-11-20", 0.8, 0.7)
    assert kept.keys() == {"name", "date", "revision", "cpu", "runs", "ratio", "ratio_raw"}
    assert str(PROJECT) not in line


def test_the_history_that_is_kept_can_be_read() -> None:
    for line in history.HISTORY.read_text(encoding="utf-8").splitlines() if history.HISTORY.exists() else ():
        assert {"name", "date", "revision", "cpu", "ratio"} <= json.loads(line).keys()


def test_a_chart_has_a_mark_for_every_point_all_inside_it() -> None:
    panel = Panel("rate", "recipients", (Line("a", ((10, 5), (100, 7.5), (1000, 4))), Line("b & c", ((10, 1),), dashed=True)))
    root = ET.fromstring(draw([panel, panel], "two charts"))
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    marks = [(float(mark.attrib["cx"]), float(mark.attrib["cy"])) for mark in root.iter(f"{_SVG}circle")]
    assert len(marks) == 8
    assert all(0 <= x <= width and 0 <= y <= height for x, y in marks)
    assert root.attrib["aria-label"] == "two charts"


def test_the_picture_of_growth_has_a_line_for_each_number_of_processes_and_one_to_compare_with() -> None:
    keys = ("rate", "smtp_source", "cpu", "smtp_source_cpu")
    points = [
        {"processes": processes, "recipients": size, **dict.fromkeys(keys, 1000.0)}
        for processes in growth.PROCESSES
        for size in (10_000, 100_000)
    ]
    root = ET.fromstring(growth.picture(points))
    assert len(list(root.iter(f"{_SVG}polyline"))) == 2 * (len(growth.PROCESSES) + 1)
    said = " ".join(element.text or "" for element in root.iter(f"{_SVG}text"))
    assert all(words in said for words in ("1 process", "4 processes", "smtp-source", "100,000"))


@pytest.mark.parametrize(("greatest", "top"), [(7.3, 7.5), (1000, 1000), (1001, 1500), (9999, 10000)])
def test_the_scale_ends_at_a_round_number_above_the_greatest_value(greatest: float, top: float) -> None:
    root = ET.fromstring(draw([Panel("x", "y", (Line("a", ((1, greatest),)),))], "one point"))
    labels = [element.text for element in root.iter(f"{_SVG}text")]
    assert f"{top:,.0f}" in labels
