"""`jianbao task`: what staff have to look at."""

from __future__ import annotations

import rich_click as click

from mailer.cli.output import actor, json_option, local_day, print_json, print_table, services
from subscribers.db import database_time, transaction
from subscribers.tasks import TaskRecord, close_task, task_list


@click.group()
def task() -> None:
    """What staff have to look at, such as an institute whose contact was lost. Example: `jianbao task list`."""


@task.command("list")
@click.option("--done", is_flag=True, help="Those that are done, instead of those that are open.")
@json_option
def list_(done: bool, as_json: bool) -> None:
    """The open tasks, the oldest first. With --json: one object a line.

    Example: `jianbao task list`
    """
    with services() as opened:
        with transaction(opened.engine) as connection:
            tasks = task_list(connection, done=done)
        zone = opened.settings.zone
    if as_json:
        for one in tasks:
            print_json(one)
        return
    heads = ["id", "since", "kind", "institute", "address", "what to do"]
    print_table(
        heads,
        ([one.id, local_day(one.opened_at, zone), one.kind, one.institute, one.address, _about(one)] for one in tasks),
    )


@task.command()
@click.argument("number", type=int, metavar="TASK")
@click.option("--note", help="What was done, for those who look later.")
@json_option
def done(number: int, note: str | None, as_json: bool) -> None:
    """Mark a task as done.

    Example: `jianbao task done 3 --note "new contact entered"`
    """
    with services() as opened, transaction(opened.engine) as connection:
        close_task(connection, number, by=actor(), note=note, now=database_time(connection))
    if as_json:
        print_json({"id": number, "done": True})
    else:
        click.echo(f"task {number} is done.")


def _about(one: TaskRecord) -> str:
    return f"{one.about} ({one.done_by}: {one.note})" if one.note else one.about
