"""A day of an admin, run for real against the mail world of the demo; what was typed and what was answered goes to stdout.

    .venv/bin/python examples/day_of_an_admin.py [BULLETIN]

All of it happens in a temporary folder: invented institutes, their contacts in a file as an office would keep it, a database of its own,
mail servers on this machine. `docs/admins.md` has a transcript of it.
"""

from __future__ import annotations

import csv
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import groupby
from pathlib import Path

from mailer.demo.stage import free_port
from mailer.embedded import stop_services
from mailer.world.fates import fate
from mailer.world.population import Person, population
from mailer.world.shares import FateKind, Shares

_BULLETIN = Path(__file__).with_name("2026-11.txt")
_JIANBAO = Path(sys.executable).parent / "jianbao"
_SEED = 9
_SIZES = {2: 50, 3: 100, 4: 50}  # Institutes by how many contacts they have: 200 of them, with some 600 contacts.
_SHARES = "unknown_user=0.02,slow=0.01"


def main() -> None:
    """Run the day."""
    bulletin = Path(sys.argv[1]) if len(sys.argv) > 1 else _BULLETIN
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        place = Path(folder)
        people = _people()
        _write(place / "通讯录.csv", people)
        environment = stack.enter_context(_office(place))
        last_import = ""
        for words in _morning(people) + _afternoon(bulletin):
            said = _run(words.replace("LAST", last_import), place, environment)
            if number := re.search(r"import undo (\d+)` takes it back", said):
                last_import = number[1]


def _people() -> list[Person]:
    """Those of 200 institutes, one of which has nobody whose mailbox exists."""
    groups = [list(contacts) for _, contacts in groupby(population(20_000, _SEED), key=lambda person: person.institute)]
    chosen = [group for size, number in _SIZES.items() for group in [one for one in groups if len(one) == size][:number]]
    shares = Shares.parse(_SHARES)
    lost = next(
        group for group in groups if all(fate(one.address, _SEED, shares).kind is FateKind.UNKNOWN_USER for one in group)
    )
    chosen[_SIZES[len(lost)] - 1 if len(lost) == min(_SIZES) else 0] = lost
    return [person for group in chosen for person in group]


def _write(path: Path, people: list[Person]) -> None:
    """The contacts as an office keeps them: in GBK, under a title, with slips in two rows."""
    with path.open("w", encoding="gbk", newline="") as file:
        sheet = csv.writer(file)
        sheet.writerow(["会员单位通讯录（2023年8月）"])
        sheet.writerow(["序号", "单位名称", "省份", "姓名", "职务", "联系人顺序", "电子邮箱"])
        for number, person in enumerate(people, 1):
            order = sum(1 for other in people[:number] if other.institute == person.institute)
            address = {11: person.address.replace("@", ""), 12: person.address.replace("@", "＠")}.get(number, person.address)
            sheet.writerow([number, person.institute, person.province, person.name, person.role.value, order, address])


@contextmanager
def _office(place: Path) -> Iterator[dict[str, str]]:
    """The mail world and the system, for the time of the block; what commands are run with."""
    port = free_port()
    world = [sys.executable, "-m", "mailer.world", "--seed", str(_SEED), "--shares", _SHARES]
    theirs = {name: value for name, value in os.environ.items() if not name.startswith("JIANBAO_")}
    with subprocess.Popen(world, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=place) as process:
        assert process.stdout is not None
        smtp_url = json.loads(process.stdout.readline())["smtp_url"]
        ours = {
            "DATA_DIR": str(place / "data"),
            "SMTP_URL": f"{smtp_url}?starttls=none",
            "BASE_URL": f"http://127.0.0.1:{port}",
            "WEB_PORT": str(port),
            "BOUNCE_DOMAIN": "bounce.sender.example",
            "UNSUBSCRIBE_MAILTO": "leave@sender.example",
        }
        environment = theirs | {f"JIANBAO_{name}": value for name, value in ours.items()} | {"COLUMNS": "80", "USER": "lihua"}
        environment |= {"LOGNAME": "lihua"}
        log = (place / "up.log").open("wb")
        with subprocess.Popen([_JIANBAO, "up"], env=environment, cwd=place, stdout=log, stderr=log) as system:
            try:
                yield environment
            finally:
                system.terminate()
                system.wait(60)
        stop_services(place / "data")
        process.terminate()


def _morning(people: list[Person]) -> list[str]:
    """Lists and people: the first import, a mistake and its undo, two institutes that merge, one who leaves, one who is erased."""
    gone, kept = people[20], people[60]
    leaver, erased = people[100], people[140]
    return [
        "# The first import: some 600 contacts at 200 institutes, in a file as the office keeps it.",
        "jianbao list create members --name 会员单位 --succession first",
        "jianbao subscriber import 通讯录.csv --list members --dry-run",
        "jianbao subscriber import 通讯录.csv --list members --rejects 待改.csv",
        "cat 待改.csv",
        "jianbao list show members",
        "# A mistake: last year's list, and `--sync`, which lets go whoever is not in it.",
        "head -50 通讯录.csv > 去年.csv",
        "jianbao subscriber import 去年.csv --list members --sync --yes",
        "jianbao list show members",
        "jianbao import list",
        "jianbao import undo LAST",
        "jianbao list show members",
        "# A member of whom no contact is known yet.",
        "jianbao institute add 西藏自治区农牧科学院 --province 西藏自治区 --number A201",
        "# Two institutes merge, and the one that stays gets a new name.",
        f"jianbao institute merge {gone.institute} {kept.institute} --name {kept.province}现代科学研究院 --on 2023-08-01",
        f"jianbao institute show {gone.institute}",
        "# Somebody leaves the institute; the next contact will be written to.",
        f"jianbao subscriber find {leaver.name}",
        f'jianbao subscriber unsubscribe {leaver.address} --all --why "retired, says the office"',
        "# Somebody asks what is held, and then to be erased.",
        f"jianbao subscriber access {erased.address} access.json",
        f'jianbao subscriber erase {erased.address} --why "letter of 2 August" --yes',
        f"jianbao subscriber show {erased.address}",
    ]


def _afternoon(bulletin: Path) -> list[str]:
    """The issue goes out, and the secretary general asks who has it."""
    ref = bulletin.stem
    return [
        "# The issue goes out.",
        f"jianbao issue import {shlex.quote(str(bulletin))}",
        "jianbao publication update bulletin --from news@sender.example",
        f"jianbao mailing schedule {ref} --list members --at now",
        "jianbao mailing watch 1",
        "# Which institutes have it? Where the first contact's mailbox was gone, the next one got it.",
        f"jianbao institute coverage {ref} --only not_reached",
        f"jianbao institute coverage {ref} --only nobody",
        f"jianbao institute coverage {ref} --csv 送达.csv > /dev/null",
        "jianbao audit --subject institute",
    ]


def _run(words: str, place: Path, environment: dict[str, str]) -> str:
    if words.startswith("#"):
        print(f"\n{words}\n")  # noqa: T201
        return ""
    print(f"$ {words}")  # noqa: T201
    command = words.replace("jianbao", shlex.quote(str(_JIANBAO)), 1) if words.startswith("jianbao") else words
    done = subprocess.run(
        ["/bin/sh", "-c", f"{command} 2>&1"], cwd=place, env=environment, stdin=subprocess.DEVNULL, stdout=-1, check=False
    )
    said = done.stdout.decode("utf-8", "replace").rstrip()
    if said:
        print(said, flush=True)  # noqa: T201
    if done.returncode:
        print(f"(exit code {done.returncode})", flush=True)  # noqa: T201
    return said


if __name__ == "__main__":
    main()
