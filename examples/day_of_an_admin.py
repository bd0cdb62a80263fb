"""A day of an admin, run for real after `jianbao demo` has sent an issue; what was typed and what was answered, as Markdown.

    .venv/bin/python examples/day_of_an_admin.py [BULLETIN] [--into docs/admins.md]

All of it happens in a temporary folder, in the demo's own database: its invented institutes, and their contacts in a file as an office
would keep it. With --into, the chapter of that name in the file is replaced. `make transcript` does that for docs/admins.md.
"""

from __future__ import annotations

import argparse
import csv
import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain, groupby, islice
from pathlib import Path

from mailer.embedded import stop_services
from mailer.world.population import Person, Role, population

_BULLETIN = Path(__file__).with_name("2026-11.txt")
_JIANBAO = Path(sys.executable).parent / "jianbao"
_DEMO_SEED = 1  # That of `jianbao demo`.
_CONTACTS, _INSTITUTES = 600, 200
_CHAPTER = "## A day of an admin\n"
_SLIP = 11  # the row in which somebody has written no '@'


def main() -> None:
    """Run the day."""
    parser = argparse.ArgumentParser()
    parser.add_argument("bulletin", nargs="?", type=Path, default=_BULLETIN)
    parser.add_argument("--into", type=Path)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        people = _people()
        _write(place / "通讯录.csv", people)
        (place / chosen.bulletin.name).write_bytes(chosen.bulletin.read_bytes())
        try:
            said = "\n".join(_day(place, people, chosen.bulletin)) + "\n"
        finally:
            stop_services(place / "data" / "demo" / "data")
    if chosen.into is None:
        print(said)  # noqa: T201
        return
    before, _, after = chosen.into.read_text(encoding="utf-8").partition(_CHAPTER)
    rest = after.partition("\n## ")[2]
    chosen.into.write_text(f"{before}{_CHAPTER}\n{said}\n## {rest}", encoding="utf-8")


def _people() -> list[Person]:
    """The contacts of the demo's first institutes, and colleagues of theirs whom the demo does not know: all in all so many."""
    demo = groupby(population(_CONTACTS, _DEMO_SEED), key=lambda person: person.institute)
    known = [list(contacts) for _, contacts in islice(demo, _INSTITUTES)]
    strangers = islice(population(20_000, _DEMO_SEED), _CONTACTS, None)
    for number, stranger in enumerate(islice(strangers, _CONTACTS - sum(map(len, known)))):
        contacts = known[number % _INSTITUTES]
        there = contacts[0]
        contacts.append(replace(stranger, institute=there.institute, province=there.province))
    return list(chain.from_iterable(known))


def _write(path: Path, people: list[Person]) -> None:
    """The contacts as an office keeps them: in GBK, under a title, with a slip and a full-width sign."""
    with path.open("w", encoding="gbk", newline="") as file:
        sheet = csv.writer(file)
        sheet.writerow(["会员单位通讯录（2023年8月）"])
        sheet.writerow(["序号", "单位名称", "省份", "姓名", "职务", "联系人顺序", "电子邮箱"])
        order = 0
        for number, person in enumerate(people, 1):
            order = order + 1 if number > 1 and people[number - 2].institute == person.institute else 1
            address = {_SLIP: person.address.replace("@", "#"), _SLIP + 1: person.address.replace("@", "＠")}
            cell = address.get(number, person.address)
            sheet.writerow([number, person.institute, person.province, person.name, person.role.value, order, cell])


def _day(place: Path, people: list[Person], bulletin: Path) -> Iterator[str]:
    theirs = {name: value for name, value in os.environ.items() if not name.startswith("JIANBAO_")}
    environment = theirs | {"COLUMNS": "80", "USER": "lihua", "LOGNAME": "lihua", "JIANBAO_DATA_DIR": str(place / "data")}
    yield (
        "Made by `make transcript`: all of this was typed and answered on one machine, with invented institutes. An issue goes out to\n"
        f"the demo's {_CONTACTS} subscribers; then the office's own file comes in, with {_CONTACTS} contacts at {_INSTITUTES} institutes."
    )
    last_import = ""
    fence = False
    for words in [*_send(bulletin), *_morning(people), *_afternoon(people, bulletin.stem)]:
        if words.startswith("# "):
            if fence:
                yield "```"
            yield f"\n{words.removeprefix('# ')}\n\n```"
            fence = True
            continue
        command = words.replace("LAST", last_import)
        said = _run(command, place, environment)
        yield f"$ {command}"
        yield from [said] if said else []
        if number := re.search(r"import undo (\d+)` takes it back", said):
            last_import = number[1]
        if command.startswith("export "):
            name, _, value = command.removeprefix("export ").partition("=")
            environment[name] = str(place / value)
    yield "```"


def _send(bulletin: Path) -> list[str]:
    return [
        "# The demo sends the issue through real workers to the mail servers of its own world.",
        f"jianbao demo --bulletin {shlex.quote(bulletin.name)} --subscribers {_CONTACTS} --keep",
        "export JIANBAO_DATA_DIR=data/demo/data",
    ]


def _morning(people: list[Person]) -> list[str]:
    slip = people[_SLIP - 1].address
    return [
        f"# The first import: {_CONTACTS} contacts at {_INSTITUTES} institutes, in a file as the office keeps it.",
        "jianbao list create liaison --name 联系人 --succession first",
        "jianbao subscriber import 通讯录.csv --list liaison --dry-run",
        "jianbao subscriber import 通讯录.csv --list liaison --rejects 待改.csv",
        "# One address has no `@`. Mended, the row comes in too.",
        "cat 待改.csv",
        f"sed -i s/{slip.replace('@', '#')}/{slip}/ 待改.csv",
        "jianbao subscriber import 待改.csv --list liaison",
        "jianbao list show liaison",
        "# A mistake: last year's list, and `--sync`, which lets go whoever is not in it. It is taken back.",
        "head -52 通讯录.csv > 去年.csv",
        "jianbao subscriber import 去年.csv --list liaison --sync",
        "jianbao subscriber import 去年.csv --list liaison --sync --yes",
        "jianbao list show liaison",
        "jianbao import undo LAST",
        "jianbao list show liaison",
        "jianbao import list",
    ]


def _afternoon(people: list[Person], ref: str) -> list[str]:
    gone, kept = people[30], people[90]
    known = set(population(_CONTACTS, _DEMO_SEED))
    leaver, erased = (
        next(one for one in people[first:] if one in known and one.role is not Role.OFFICE) for first in (150, 210)
    )
    return [
        "# Two institutes merge, and the one that stays gets a new name.",
        f"jianbao institute merge {gone.institute} {kept.institute} --name {kept.province}现代科学研究院 --on 2023-08-01",
        f"jianbao institute show {gone.institute}",
        "# Somebody leaves.",
        f"jianbao subscriber find {leaver.name}",
        f'jianbao subscriber unsubscribe {leaver.address} --all --why "retired, says the office"',
        "jianbao subscriber import 通讯录.csv --list liaison",
        "# Somebody asks what is held, and then to be erased.",
        f"jianbao subscriber access {erased.address} access.json",
        f'jianbao subscriber erase {erased.address} --why "letter of 2 August" --yes',
        f"jianbao subscriber show {erased.address}",
        "jianbao subscriber import 通讯录.csv --list liaison --update",
        f"# Which institutes have issue {ref}? Whoever has merged, moved, left or been erased since is counted as it was.",
        f"jianbao institute coverage {ref} --only not_reached",
        f"jianbao institute coverage {ref} --only nobody --json | head -c 120",
        f"jianbao institute coverage {ref} --csv 送达.csv > coverage.txt",
        f"grep {kept.province}现代科学研究院 送达.csv",
        "# Who did what.",
        "jianbao audit --subject institute",
    ]


def _run(command: str, place: Path, environment: dict[str, str]) -> str:
    words = command.replace("jianbao", shlex.quote(str(_JIANBAO)), 1) if command.startswith("jianbao") else command
    done = subprocess.run(
        ["/bin/sh", "-c", f"{{ {words}; }} 2>&1"], cwd=place, env=environment, stdin=subprocess.DEVNULL, stdout=-1, check=False
    )
    lines = done.stdout.decode("utf-8", "replace").replace(f"{place}/", "").splitlines()
    if done.returncode:
        lines.append(f"(exit code {done.returncode})")
    return "\n".join(line.rstrip() for line in lines)


if __name__ == "__main__":
    main()
