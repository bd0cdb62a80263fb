"""Line charts as SVG, in nothing but text: panels side by side, logarithmic from left to right."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

_WIDTH, _HEIGHT, _LEFT, _TOP, _BOTTOM, _GAP = 380, 240, 64, 44, 48, 40
_COLOURS = ("#1b6ca8", "#c1521f", "#3f7f3f", "#7a4fa3", "#555555")
_STEPS = 4
_STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#333}.name{font-size:14px;font-weight:600}"
    ".grid{stroke:#ddd}.line{fill:none;stroke-width:2}@media(prefers-color-scheme:dark)"
    "{text{fill:#ddd}.grid{stroke:#444}}"
)

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Line:
    """A named row of points; `dashed` for one that is there to be compared with."""

    name: str
    points: tuple[Point, ...]
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class Panel:
    """One chart: what goes up (`name`), what goes right (`across`), and its lines."""

    name: str
    across: str
    lines: tuple[Line, ...]


def draw(panels: Sequence[Panel], about: str) -> str:
    """The panels beside each other, with one legend. `about` is said to those who cannot see it."""
    width = len(panels) * (_LEFT + _WIDTH + _GAP)
    height = _TOP + _HEIGHT + _BOTTOM + 28
    body = "".join(_panel(panel, number * (_LEFT + _WIDTH + _GAP) + _LEFT) for number, panel in enumerate(panels))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" aria-label="{escape(about)}">'
        f"<style>{_STYLE}</style>{body}{_legend(panels[0].lines, height - 14)}</svg>\n"
    )


def _panel(panel: Panel, left: int) -> str:
    points = [point for line in panel.lines for point in line.points]
    low, high = math.log10(min(x for x, _ in points)), math.log10(max(x for x, _ in points))
    top = _round_up(max(y for _, y in points))

    def place(point: Point) -> tuple[float, float]:
        share = (math.log10(point[0]) - low) / (high - low or 1)
        return left + share * _WIDTH, _TOP + _HEIGHT * (1 - point[1] / top)

    drawn = [f'<text class="name" x="{left}" y="24">{escape(panel.name)}</text>', _grid(left, top)]
    drawn += [_tick(place((x, 0))[0], x) for x in sorted({x for x, _ in points})]
    drawn.append(f'<text x="{left + _WIDTH / 2}" y="{_TOP + _HEIGHT + 38}" text-anchor="middle">{escape(panel.across)}</text>')
    for colour, line in zip(_COLOURS, panel.lines, strict=False):
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in map(place, line.points))
        dashes = ' stroke-dasharray="6 4"' if line.dashed else ""
        drawn.append(f'<polyline class="line" stroke="{colour}"{dashes} points="{path}"/>')
        drawn += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in map(place, line.points)]
    return "".join(drawn)


def _grid(left: int, top: float) -> str:
    lines = []
    for step in range(_STEPS + 1):
        y = _TOP + _HEIGHT * (1 - step / _STEPS)
        lines.append(f'<line class="grid" x1="{left}" x2="{left + _WIDTH}" y1="{y}" y2="{y}"/>')
        lines.append(f'<text x="{left - 8}" y="{y + 4}" text-anchor="end">{top * step / _STEPS:,.0f}</text>')
    return "".join(lines)


def _tick(x: float, value: float) -> str:
    return f'<text x="{x:.1f}" y="{_TOP + _HEIGHT + 18}" text-anchor="middle">{value:,.0f}</text>'


def _legend(lines: Sequence[Line], y: int) -> str:
    drawn, x = "", _LEFT
    for colour, line in zip(_COLOURS, lines, strict=False):
        drawn += f'<rect x="{x}" y="{y - 9}" width="14" height="4" fill="{colour}"/><text x="{x + 20}" y="{y}">{escape(line.name)}</text>'
        x += 50 + 8 * len(line.name)
    return drawn


def _round_up(value: float) -> float:
    """The next number with one digit, or with a 5 behind it: the top of the scale."""
    magnitude = math.pow(10, math.floor(math.log10(value)))
    return math.ceil(value / magnitude * 2) / 2 * magnitude
