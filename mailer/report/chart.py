"""A timeline as bars: sizes in a drawing, and every bar in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from zoneinfo import ZoneInfo

from mailer.report.timeline import Step, Timeline

WIDTH, HEIGHT = 720.0, 84.0
_FEWEST_STEPS = 3  # Two bars tell nothing that their sum does not.
_GAP = 0.2  # of a bar's place
_LEAST = 1.5  # what is not nothing is seen
_WORDS: Mapping[str, str] = MappingProxyType({"reached": "寄到", "opens": "加载图片", "clicks": "点链接"})


_UNITS = ((86400, "天"), (3600, "小时"), (60, "分钟"), (1, "秒"))


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar, from the bottom of the drawing up, and what it says."""

    x: float
    y: float
    width: float
    height: float
    said: str


@dataclass(frozen=True, slots=True)
class Row:
    """The bars of one kind over the whole time, with their sum and the height that is the tallest."""

    kind: str
    label: str
    total: int
    most: int
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """One row of bars for each kind that happened, the length of a step in words, and the moments at both ends."""

    rows: tuple[Row, ...]
    step: str
    begins: str
    ends: str


def chart(timeline: Timeline, zone: ZoneInfo) -> Chart | None:
    """The drawing of a timeline; None where it is too short to tell anything."""
    if len(timeline.steps) < _FEWEST_STEPS:
        return None
    rows = tuple(_row(timeline, kind, zone) for kind in _WORDS if any(getattr(step, kind) for step in timeline.steps))
    last = timeline.steps[-1].at + timeline.step
    return Chart(rows, length(timeline.step), _moment(timeline.steps[0].at, zone), _moment(last, zone))


def _row(timeline: Timeline, kind: str, zone: ZoneInfo) -> Row:
    numbers = [getattr(step, kind) for step in timeline.steps]
    bars = tuple(_bars(timeline.steps, numbers, zone))
    return Row(kind, _WORDS[kind], sum(numbers), max(numbers), bars)


def _bars(steps: tuple[Step, ...], numbers: list[int], zone: ZoneInfo) -> Iterator[Bar]:
    place, most = WIDTH / len(steps), max(numbers)
    for position, (step, number) in enumerate(zip(steps, numbers, strict=True)):
        if number:
            height = max(HEIGHT * number / most, _LEAST)
            said = f"{_moment(step.at, zone)}：{number:,}"
            yield Bar(place * (position + _GAP / 2), HEIGHT - height, place * (1 - _GAP), height, said)


def length(step: timedelta) -> str:
    """A length of time as people say it, in the largest unit of which it is so many."""
    seconds = round(step.total_seconds())
    size, word = next((size, word) for size, word in _UNITS if seconds % size == 0)
    return f"{seconds // size}{word}"


def _moment(at: datetime, zone: ZoneInfo) -> str:
    there = at.astimezone(zone)
    return f"{there.month}月{there.day}日 {there:%H:%M:%S}".removesuffix(":00")
