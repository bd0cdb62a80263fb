"""A theme: a folder that says how an issue looks, and the folders it inherits from."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from mailer.page_templates import TEMPLATES
from subscribers.errors import InputError

SHIPPED = TEMPLATES / "themes"
BLOCKS = ("contents", "articles", "colophon")  # masthead and footer are the law's, or the reader's: no theme is without them

_NAME = re.compile(r"[a-z][a-z0-9-]{0,39}")
_COLOUR = re.compile(r"#[0-9a-f]{6}")
_FONTS = re.compile(r"[\w-]+( [\w-]+)*(,[\w-]+( [\w-]+)*)*")
_TABLES = ("colours", "dark", "fonts", "words", "masthead", "fields", "degrades")
_KEYS = {"title": str, "about": str, "extends": str, "blocks": list, "summary": int} | dict.fromkeys(_TABLES, dict)
_SHAPES = {
    "colours": (_COLOUR, "#rrggbb"),
    "dark": (_COLOUR, "#rrggbb"),
    "fonts": (_FONTS, "names without quotes, by comma"),
}
_DEEPEST = 8

Values = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Theme:
    """How an issue looks. `folders` are its own and those it inherits from, nearest first; what a nearer one says holds.

    `blocks` are the parts that it shows. `summary` is how many characters of an article stand in the mail, 0 for all of them.
    `colours` and `dark` are `#rrggbb` by name, in light and in dark; `fonts` are lists for CSS; `words` are what the theme itself
    says; `masthead` are its options. `fields` are what it asks of a publication, each with what holds where a publication gives
    nothing. `degrades` names the features that some mail program does not have, and why nothing is lost there.
    """

    name: str
    title: str
    about: str
    folders: tuple[Path, ...]
    blocks: tuple[str, ...]
    summary: int
    colours: Values
    dark: Values
    fonts: Values
    words: Values
    masthead: Values
    fields: Values
    degrades: Values

    @property
    def abridged(self) -> bool:
        """Whether the mail holds less than the issue, and the browser view the rest."""
        return self.summary > 0

    @property
    def is_shipped(self) -> bool:
        """Whether all of it comes with the program, whose tests have looked at every rule of it."""
        return all(folder.parent == SHIPPED for folder in self.folders)

    def file(self, name: str) -> Path | None:
        """The nearest file of that name, or None."""
        return next((folder / name for folder in self.folders if (folder / name).is_file()), None)


def theme_names(folders: Sequence[Path]) -> tuple[str, ...]:
    """The names of the themes under these folders; what only serves to be inherited from is not among them."""
    found = {path.parent.name: path for folder in folders for path in folder.glob("*/theme.toml")}
    return tuple(sorted(name for name, path in found.items() if "title" in _document(path)))


def find_theme(name: str, folders: Sequence[Path]) -> Theme:
    """The theme of that name. InputError where it is missing, or one of its `theme.toml` is faulty, with file and key."""
    chain = _chain(name, folders)
    documents = [_document(folder / "theme.toml") for folder in chain]
    merged: dict[str, object] = {}
    for document in reversed(documents):
        for key, value in document.items():
            before = merged.get(key)
            merged[key] = {**before, **value} if isinstance(before, dict) and isinstance(value, dict) else value
    tables = {key: MappingProxyType(_texts(merged.get(key))) for key in _TABLES}
    blocks, summary = merged.get("blocks"), merged.get("summary", 0)
    return Theme(
        name=name,
        title=str(documents[0].get("title", name)),
        about=str(documents[0].get("about", "")),
        folders=chain,
        blocks=tuple(map(str, blocks)) if isinstance(blocks, list) else BLOCKS,
        summary=summary if isinstance(summary, int) else 0,
        **tables,
    )


def _chain(name: str, folders: Sequence[Path]) -> tuple[Path, ...]:
    chain: list[Path] = []
    wanted: object = name
    while wanted is not None:
        folder = _folder(str(wanted), folders, name)
        if folder in chain or len(chain) == _DEEPEST:
            raise InputError(f"{chain[-1] / 'theme.toml'}: it inherits from itself, or too deep. Mend `extends`.")
        chain.append(folder)
        wanted = _document(folder / "theme.toml").get("extends")
    return tuple(chain)


def _folder(wanted: str, folders: Sequence[Path], asked: str) -> Path:
    for folder in folders:
        if _NAME.fullmatch(wanted) and (folder / wanted / "theme.toml").is_file():
            return folder / wanted
    there_are = ", ".join(theme_names(folders)) or "none"
    where = "" if wanted == asked else f", from which {asked} inherits"
    raise InputError(f"theme {wanted}{where}: there is no such theme. Themes: {there_are}.")


def _document(path: Path) -> dict[str, object]:
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: {error}. Mend the file.") from error
    for key, value in document.items():
        if (fault := _fault(key, value)) is not None:
            raise InputError(f"{path}: {fault}")
    return document


def _fault(key: str, value: object) -> str | None:
    """What is wrong with a key of theme.toml, and what to write."""
    if key not in _KEYS:
        return f"there is no key {key!r}. There are: {', '.join(_KEYS)}."
    if not isinstance(value, _KEYS[key]) or isinstance(value, bool):
        return f"{key} is {value!r}. Give {_KEYS[key].__name__}."
    if key == "blocks" and (strange := [block for block in value if block not in BLOCKS]):  # type: ignore[attr-defined]
        return f"blocks: there is no block {strange[0]!r}. There are: {', '.join(BLOCKS)}."
    for name, text in _texts(value).items() if isinstance(value, dict) else ():
        if not isinstance(text, str) or not name.replace("-", "_").isidentifier():
            return f"{key}: {name} = {text!r}. Give a text under a name of letters, digits, - and _."
        if key in _SHAPES and not _SHAPES[key][0].fullmatch(text):
            return f"{key}: {name} = {text!r}. Give {_SHAPES[key][1]}."
    return None


def _texts(value: object) -> dict[str, str]:
    return value if isinstance(value, dict) else {}
