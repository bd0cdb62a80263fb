"""`jianbao segment`: which subscribers are meant, in one line."""

from __future__ import annotations

from datetime import UTC, datetime

import rich_click as click
from sqlalchemy import func, select

from mailer.activity import load_vocabulary
from mailer.cli import known
from mailer.cli.output import actor, json_option, local_day, note, print_json, print_table, services
from subscribers.db import transaction
from subscribers.models import Subscriber, SubscriberState
from subscribers.segments import saved
from subscribers.segments.expanding import understand
from subscribers.segments.printing import print_expression
from subscribers.segments.selecting import select_ids
from subscribers.segments.vocabulary import Moment, Vocabulary


@click.group()
def segment() -> None:
    """Which subscribers are meant, in one line. Example: `jianbao segment test "institute.province in (云南, 浙江)"`."""


@segment.command()
@click.argument("expression", metavar="EXPR|NAME", shell_complete=known.segments)
@click.option("--sample", "size", type=click.IntRange(0, 1000), default=5, show_default=True, help="How many of them to show.")
@json_option
def test(expression: str, size: int, as_json: bool) -> None:
    """Say how many subscribers are in a segment, and show the first of them. Nothing is changed.

    Example: `jianbao segment test "list(members) and institute.province in (云南, 浙江) and not received(last 3)"`
    """
    with services() as opened, transaction(opened.engine) as connection:
        vocabulary = load_vocabulary(connection)
        tree = understand(expression, vocabulary)
        chosen = select_ids(tree, vocabulary, Moment(datetime.now(UTC), opened.settings.zone))
        count, people = saved.count(connection, chosen), saved.sample(connection, chosen, size)
        everybody = select(func.count()).where(Subscriber.state != SubscriberState.MERGED.value)
        of = connection.execute(everybody).scalar_one()
    if as_json:
        print_json({"expression": print_expression(tree), "count": count, "of": of, "sample": people})
        return
    click.echo(f"{count} of {of} subscribers")
    if people:
        print_table(("address", "name", "institute"), [(one.address, one.name, one.institute) for one in people])


@segment.command()
@click.argument("name", shell_complete=known.segments)
@click.argument("expression", metavar="EXPR")
@json_option
def save(name: str, expression: str, as_json: bool) -> None:
    """Keep a segment by name, in the place of what had the name; what is scheduled already keeps the old one.

    Example: `jianbao segment save 西部 "institute.province in (云南, 四川, 贵州)"`
    """
    with services() as opened, transaction(opened.engine) as connection:
        changed = saved.save_segment(connection, name, expression, load_vocabulary(connection), actor())
    if as_json:
        print_json({"name": name, "expression": expression, "changed": changed})
    else:
        note(f"{name} is kept. `jianbao segment test {name}` tries it." if changed else f"{name} says that already.")


@segment.command("list")
@json_option
def list_(as_json: bool) -> None:
    """List the saved segments.

    Example: `jianbao segment list`
    """
    with services() as opened:
        zone = opened.settings.zone
        with transaction(opened.engine) as connection:
            kept = saved.segments(connection)
    if as_json:
        print_json(kept)
    elif kept:
        rows = [(one.name, one.expression, one.created_by, local_day(one.created_at, zone)) for one in kept]
        print_table(("name", "expression", "by", "since"), rows)
    else:
        note('no segment is saved yet. `jianbao segment save 西部 "institute.province in (云南, 四川)"` saves one.')


@segment.command()
@click.argument("name", shell_complete=known.segments)
@json_option
def show(name: str, as_json: bool) -> None:
    """Print a saved segment.

    Example: `jianbao segment show 西部`
    """
    with services() as opened, transaction(opened.engine) as connection:
        found = saved.find_segment(connection, name)
    if as_json:
        print_json(found)
    else:
        click.echo(found.expression)


@segment.command()
@click.argument("name", shell_complete=known.segments)
@json_option
def remove(name: str, as_json: bool) -> None:
    """Forget a saved segment; what is scheduled already keeps it.

    Example: `jianbao segment remove 西部`
    """
    with services() as opened, transaction(opened.engine) as connection:
        saved.remove_segment(connection, name, load_vocabulary(connection), actor())
    if as_json:
        print_json({"name": name, "removed": True})
    else:
        note(f"{name} is forgotten.")


@segment.command()
@json_option
def words(as_json: bool) -> None:
    """List all that a segment may speak of, with the lists, issues and saved segments that there are.

    Example: `jianbao segment words`
    """
    with services() as opened, transaction(opened.engine) as connection:
        vocabulary = load_vocabulary(connection)
    rows = [*_fields(vocabulary), *_questions(vocabulary)]
    if as_json:
        print_json([{"word": word, "takes": takes, "about": about} for word, takes, about in rows])
    else:
        print_table(("word", "takes", "about"), rows)


def _fields(vocabulary: Vocabulary) -> list[tuple[str, str, str]]:
    own = [(f"{prefix}NAME", "a text", make("").about) for prefix, make in vocabulary.own.items()]
    return [(name, ", ".join(one.choices) or one.kind.holds, one.about) for name, one in vocabulary.fields.items()] + own


def _questions(vocabulary: Vocabulary) -> list[tuple[str, str, str]]:
    return [
        (
            f"{name}(…)",
            "; ".join(", ".join((*one.choices, *(span.value for span in one.spans))) for one in asked.parameters),
            asked.about,
        )
        for name, asked in vocabulary.predicates.items()
    ]
