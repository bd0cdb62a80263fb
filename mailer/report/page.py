"""A report as one page that stands by itself: no script, nothing fetched, the same on screen and on paper."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cache, partial
from itertools import groupby
from zoneinfo import ZoneInfo

from jinja2 import Environment

from mailer.issue import up_to
from mailer.page_templates import page_environment
from mailer.provider import ProviderTable
from mailer.report.chart import chart
from mailer.report.counting import Report
from mailer.report.reading import LinkClicks
from mailer.report.tally import InstituteOutcome, Reach, Tally
from mailer.report.wording import MODES, STATES, STATUSES, explain

_ZONE = ZoneInfo("Asia/Shanghai")
_MOST_INDIVIDUALS = 300  # some ten printed pages; the sheet has all of them


@dataclass(frozen=True, slots=True)
class Stroke:
    """One part of a bar: where it begins and how long it is, in hundredths of the bar, and what it stands for."""

    kind: str
    start: float
    length: float


@dataclass(frozen=True, slots=True)
class Article:
    """The links of one article, or of the rest of the issue where it has no title."""

    title: str | None
    links: tuple[LinkClicks, ...]


def render_report_html(report: Report, *, zone: ZoneInfo = _ZONE, providers: ProviderTable | None = None) -> str:
    """The report as HTML in plain Chinese, for reading and for printing on A4; times are told in `zone`, `providers` give the names."""
    table = providers or ProviderTable.load()
    names = {key: table.provider(key).name_zh for key in table.keys}
    unreached = tuple(one for one in report.institutes if one.reach is not Reach.REACHED)
    context = {
        "local": partial(_local, zone),
        "report": report,
        "status": STATUSES[report.status],
        "provinces": [(group.name or "未登记", group) for group in report.provinces],
        "providers": [(names.get(group.name or "", group.name), group) for group in report.providers],
        "reached": _by_province(tuple(one for one in report.institutes if one.reach is Reach.REACHED)),
        "not_reached": [one for one in unreached if one.reach is Reach.NOT_REACHED],
        "open": [one for one in unreached if one.reach is Reach.OPEN],
        "articles": _articles(report.links),
        "most_clicks": max((link.people for link in report.links), default=0),
        "chart": chart(report.timeline, zone),
        "mode": MODES[report.reading.tracking],
        "most_individuals": _MOST_INDIVIDUALS,
    }
    return _environment().get_template("report/report.html").render(context)


@cache
def _environment() -> Environment:
    environment = page_environment()
    environment.globals |= {"explain": explain, "share": share, "strokes": strokes}
    environment.filters |= {"number": "{:,}".format, "up_to": up_to, "state": STATES.__getitem__}
    return environment


def share(part: int, whole: int) -> str:
    """A percentage with one decimal; neither 0 % nor 100 % is said of what is not exactly that."""
    if not whole:
        return "–"
    if 0 < part < whole:
        return f"{min(max(100 * part / whole, 0.1), 99.9):.1f}%"
    return f"{100 * part // whole}%"


def strokes(tally: Tally) -> tuple[Stroke, ...]:
    """A bar of reached, open and not reached, end to end over its whole length."""
    parts = [("reached", tally.reached), ("open", tally.open), ("lost", tally.not_reached)]
    ends = [0, tally.reached, tally.reached + tally.open]
    scale = 100 / (tally.recipients or 1)
    return tuple(Stroke(kind, end * scale, part * scale) for (kind, part), end in zip(parts, ends, strict=True) if part)


def _by_province(institutes: tuple[InstituteOutcome, ...]) -> list[tuple[str, list[InstituteOutcome]]]:
    return [(province or "未登记", list(lot)) for province, lot in groupby(institutes, lambda one: one.province)]


def _articles(links: tuple[LinkClicks, ...]) -> list[Article]:
    titles = dict.fromkeys(link.article for link in links)
    return [Article(title, tuple(link for link in links if link.article == title)) for title in titles]


def _local(zone: ZoneInfo, moment: datetime) -> str:
    there = moment.astimezone(zone)
    return f"{there.year}年{there.month}月{there.day}日 {there:%H:%M}"
