"""`jianbao workdays`: which days are worked in China, and what to do about a year that this program does not know yet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta

import rich_click as click

from mailer import work_years
from mailer.cli.output import actor, json_option, note, print_json, print_table, services
from mailer.workdays import Source, Year, parse_days
from subscribers.db import transaction
from subscribers.errors import InputError


@click.group()
def workdays() -> None:
    """Chinese working days. Example: `jianbao workdays show 2026`."""


@workdays.command()
@click.argument("year", type=click.IntRange(2004, 2100), required=False)
@json_option
def show(year: int | None, as_json: bool) -> None:
    """Show which weekdays of a year are off, and which weekend days are worked in their stead; without YEAR, this year's.

    Example: `jianbao workdays show 2026`
    """
    with services() as opened:
        shown = year or datetime.now(UTC).astimezone(opened.settings.zone).year
        with transaction(opened.engine) as connection:
            calendar = work_years.load(connection)
    source = calendar.source(shown)
    off, worked = calendar.exceptions(shown) if source else ([], [])
    if as_json:
        print_json({"year": shown, "source": source, "off": off, "worked": worked})
    elif source is None:
        note(
            f"{shown} has not been announced, as far as this program knows. `jianbao workdays set {shown} --help` says how to enter it."
        )
    else:
        rows = [("off", text) for text in _ranges(off)] + [("worked", text) for text in _ranges(worked)]
        print_table((f"{shown}", _SAID[source]), rows)


_SAID = {Source.LIBRARY: "as announced by the State Council", Source.STAFF: "as staff entered it"}


@workdays.command("set")
@click.argument("year", type=click.IntRange(2004, 2100))
@click.option("--off", multiple=True, metavar="DAYS", help="Days off, like 10-01 or 10-01..10-07; may be repeated.")
@click.option(
    "--work", "worked", multiple=True, metavar="DAYS", help="Weekend days that are worked, like 10-10; may be repeated."
)
def set_(year: int, off: tuple[str, ...], worked: tuple[str, ...]) -> None:
    """Enter a whole year as the State Council announced it, in place of what was entered for it before.

    Weekends need not be entered. A day of the December before is written with its year.

    Example: `jianbao workdays set 2027 --off 01-01..01-03 --off 02-05..02-11 --work 02-20`
    """
    if not off:
        raise InputError(f"no day of {year} is off. Give the public holidays with --off, like --off 01-01..01-03.")
    entered = Year(year, _days(off, year), _days(worked, year))
    if both := sorted(entered.off & entered.worked):
        raise InputError(f"{both[0]} is given as off and as worked. Give it once.")
    with services() as opened, transaction(opened.engine) as connection:
        work_years.enter(connection, entered, actor())
    note(f"{year} is entered. Mailings that waited for it go on within a minute; `jianbao workdays show {year}` shows it.")


@workdays.command()
@click.argument("year", type=click.IntRange(2004, 2100))
def forget(year: int) -> None:
    """Take back what was entered for a year; what this program knows of it by itself counts again.

    Example: `jianbao workdays forget 2027`
    """
    with services() as opened, transaction(opened.engine) as connection:
        if not work_years.forget(connection, year):
            raise InputError(f"nothing was entered for {year}. `jianbao workdays show {year}` says what is known of it.")
    note(f"what was entered for {year} is forgotten.")


def _days(texts: Iterable[str], year: int) -> frozenset[date]:
    return frozenset().union(*(parse_days(text, year) for text in texts))


def _ranges(days: Iterable[date]) -> Iterator[str]:
    """Neighbouring days as one line, with their weekdays."""
    runs: list[list[date]] = []
    for day in days:
        if runs and day - runs[-1][-1] == timedelta(days=1):
            runs[-1].append(day)
        else:
            runs.append([day])
    yield from (" – ".join(f"{day:%Y-%m-%d %a}" for day in dict.fromkeys((run[0], run[-1]))) for run in runs)
