"""What is written about the project is true of it: commands, options, links, settings, and how much there is to read."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailer.settings import PREFIX, SETTINGS, read_settings
from tests.paths import PROJECT
from tests.unit.house.commands import command_path

_PAGES = sorted([PROJECT / "README.md", PROJECT / "CHANGELOG.md", *(PROJECT / "docs").rglob("*.md")])
_EXAMPLE = PROJECT / ".env.example"
_FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
# An address of the outside, a mail address or a place on the same page.
_ELSEWHERE = re.compile(r"[a-z]+:|#")


def _name(page: Path) -> str:
    return str(page.relative_to(PROJECT))


def _commands(text: str) -> Iterator[list[str]]:
    """Every `jianbao …` in a line of code, split as a shell would; continuation lines belong to it."""
    blocks = [block for fence in _FENCE.findall(text) for block in fence.replace("\\\n", " ").splitlines()[1:-1]]
    spans = re.findall(r"`([^`\n]+)`", _FENCE.sub("", text))
    for line in [*blocks, *spans]:
        found = re.match(r"(?:\$ )?(?:\.venv/bin/jianbao|jianbao|docker compose run .*\bjianbao) (?P<words>.+)", line.strip())
        if found:
            yield shlex.split(re.sub(r"[…|<>].*", "", found["words"]), comments=True)


@pytest.mark.parametrize("page", _PAGES, ids=_name)
def test_a_command_that_is_written_down_exists_with_its_options(page: Path) -> None:
    for words in _commands(page.read_text(encoding="utf-8")):
        _assert_known(words, page)


def test_a_command_that_the_program_tells_to_give_exists_with_its_options() -> None:
    for source in (source for folder in ("mailer", "subscribers", "workers") for source in (PROJECT / folder).rglob("*.py")):
        for words in _commands(source.read_text(encoding="utf-8")):
            if words[1:] not in (["COMMAND"], ["{command}"]):  # any of the commands below it
                _assert_known(words, source)


def _assert_known(words: list[str], where: Path) -> None:
    if words[0].startswith("--"):
        return
    path, rest = command_path(words)
    assert path, f"{_name(where)}: there is no `jianbao {' '.join(words)}`"
    known = {name for parameter in path[-1].params for name in [*parameter.opts, *parameter.secondary_opts]} | {"--help"}
    unknown = [word for word in rest if word.startswith("--") and word.split("=")[0] not in known]
    assert not unknown, f"{_name(where)}: `jianbao {' '.join(words)}` has no {unknown[0]}"


@pytest.mark.parametrize("page", _PAGES, ids=_name)
def test_a_link_leads_somewhere(page: Path) -> None:
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    targets = re.findall(r"\]\(([^)\s]+)\)|(?:src|srcset|href)=\"([^\"]+)\"", text)
    for target in (markdown or html for markdown, html in targets):
        if not _ELSEWHERE.match(target):
            assert (page.parent / target.split("#")[0]).exists(), f"{_name(page)} links to {target}, which is not there"


@pytest.mark.parametrize("page", _PAGES, ids=_name)
def test_a_file_of_the_project_that_is_named_exists(page: Path) -> None:
    spans = re.findall(r"`([^`\n]+)`", _FENCE.sub("", page.read_text(encoding="utf-8")))
    for span in spans:
        if re.match(r"(docs|mailer|subscribers|templates|tests|workers)/", span) and not re.search(r"[A-Z]{3}", span):
            assert (PROJECT / span).exists(), f"{_name(page)} names {span}, which is not there"


def test_each_decision_has_a_number_of_its_own() -> None:
    pages = sorted((PROJECT / "docs" / "adr").glob("*.md"))
    numbers = [int(page.name.split("-")[0]) for page in pages]
    assert numbers == list(range(1, len(pages) + 1))
    assert [page.read_text(encoding="utf-8").split(".")[0] for page in pages] == [f"# {number}" for number in numbers]


def test_the_readme_is_short() -> None:
    text = re.sub(r"<[^>]*>|\]\([^)]*\)", " ", (PROJECT / "README.md").read_text(encoding="utf-8"))
    assert len(re.findall(r"[A-Za-z0-9][\w'’./-]*|[\u4e00-\u9fff]", text)) <= 300


def test_the_example_of_settings_names_each_of_them_once_and_in_order() -> None:
    assert re.findall(rf"^#?({PREFIX}\w+)=", _EXAMPLE.read_text(encoding="utf-8"), re.MULTILINE) == [
        PREFIX + setting.name for setting in SETTINGS
    ]


def test_the_example_of_settings_changes_nothing_until_it_is_edited() -> None:
    assert all(value.origin == "default" for value in read_settings({}, _EXAMPLE).values.values())


def test_the_example_of_settings_can_be_used_as_it_is_written(tmp_path: Path) -> None:
    edited = tmp_path / ".env"
    edited.write_text(re.sub(rf"^#({PREFIX})", r"\1", _EXAMPLE.read_text(encoding="utf-8"), flags=re.MULTILINE))
    values = read_settings({}, edited).values.values()
    assert sum(value.origin == str(edited) for value in values) == len(SETTINGS)
