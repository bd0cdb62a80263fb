"""A theme filled: its templates run in the sandbox, and its style sheet goes into the elements, where every mail program looks."""

from __future__ import annotations

import logging
import os
import re
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from threading import Lock

from jinja2 import BaseLoader, Environment, TemplateError, TemplateNotFound, TemplateSyntaxError
from jinja2.loaders import split_template_path

from mailer.render.sandbox import Sandbox, trusted
from mailer.render.stylesheet import StyleSheet, take_apart
from mailer.render.theme import Theme
from subscribers.errors import InputError

# What premailer remembers of selectors and declarations. Its own 128 are fewer than those of two themes, which push each other out.
os.environ.setdefault("PREMAILER_CACHE_MAXSIZE", "4096")
from premailer import Premailer

_LARGEST_FILE = 200_000
_REMEMBERED = 16
_LISTENING = Lock()
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_SHEET = re.compile(r"<style>(.*?)</style>", re.DOTALL)
# premailer would turn CSS into attributes that HTML knows for tables alone; the theme sets them where they belong.
_NO_ATTRIBUTES = ["align", "valign", "bgcolor", "width", "height"]
# What a faulty template can bring about besides Jinja's own errors.
_FAULTS = (TemplateError, RecursionError, TypeError, ValueError, ArithmeticError, LookupError, AttributeError)


class _Chain(BaseLoader):
    """Finds `issue.html` in the nearest folder of a theme that has it, and `official/issue.html` from `official` on."""

    def __init__(self, folders: tuple[Path, ...]) -> None:
        self._folders = folders

    def get_source(self, environment: Environment, template: str) -> tuple[str, str, Callable[[], bool]]:
        first, *rest = split_template_path(template)
        names = [folder.name for folder in self._folders]
        said = rest and first in names
        folders = self._folders[names.index(first) :] if said else self._folders
        for path in (folder.joinpath(*(rest if said else [first, *rest])) for folder in folders):
            if path.is_file():
                return self._read(path)
        raise TemplateNotFound(template)

    def _read(self, path: Path) -> tuple[str, str, Callable[[], bool]]:
        if path.stat().st_size > _LARGEST_FILE:
            raise InputError(f"{path}: larger than {_LARGEST_FILE:,} octets, which no theme needs. Make it smaller.")
        changed = path.stat().st_mtime_ns
        return path.read_text(encoding="utf-8"), str(path), lambda: path.is_file() and path.stat().st_mtime_ns == changed


def fill_theme(theme: Theme, context: Mapping[str, object]) -> str:
    """The theme's page with `context` in it. InputError where the theme is faulty, with file and line."""
    sandbox = _sandbox(theme.folders)
    own = {"theme": theme, "font": theme.fonts, "word": theme.words, "masthead": theme.masthead}
    sheet = _style_sheet(sandbox, theme, own)
    css = {name: trusted(getattr(sheet, name)) for name in StyleSheet.__slots__}
    values = {**context, **own, "colour": theme.colours, "css": css}
    with _told(theme):
        page = sandbox.fill("issue.html", values)
    return "\n".join(line.strip() for line in page.split("\n") if line.strip())


def with_inline_css(page: str, theme: Theme) -> str:
    """The page with its plain rules in the elements' style attributes. InputError where a program would leave out a rule."""
    for css in _SHEET.findall(_COMMENT.sub("", page)):
        if complaint := _read_sheet(css, 0, theme.is_shipped)[1]:
            raise InputError(f"theme {theme.name}: {complaint}. Use CSS that mail programs understand.")
    inliner = _Inliner(
        page,
        allow_network=False,
        disable_basic_attributes=_NO_ATTRIBUTES,
        disable_validation=True,  # the sheet has been read
        strip_important=False,  # it would strip the word from the authors' text, too
    )
    inliner.known = theme.is_shipped
    with _css_complaints():
        return str(inliner.transform(pretty_print=False))


class _Inliner(Premailer):  # type: ignore[misc] # it has no types
    """premailer, which reads the same sheet once: reading it takes most of its time."""

    known = True

    def _parse_style_rules(self, css: str, number: int) -> tuple[list[object], list[object]]:
        rules, _ = _read_sheet(css, number, self.known)
        return super()._parse_style_rules(css, number) if rules is None else (list(rules), [])


@lru_cache(_REMEMBERED)
def _read_sheet(css: str, number: int, known: bool) -> tuple[tuple[object, ...] | None, str | None]:
    """The rules of a sheet as premailer has them, None where it has some of which no element's style can come; what is wrong with it.

    A `known` one is not held against the grammar of every property, which takes longer than all else.
    """
    reader = Premailer("<p></p>", allow_network=False, cache_css_parsing=False, strip_important=False, disable_validation=known)
    with _css_complaints() as complaints:
        rules, left = reader._parse_style_rules(css, number)
    return None if left else tuple(rules), complaints[0] if complaints else None


@lru_cache(_REMEMBERED)
def _sandbox(folders: tuple[Path, ...]) -> Sandbox:
    return Sandbox(_Chain(folders))


def _style_sheet(sandbox: Sandbox, theme: Theme, own: Mapping[str, object]) -> StyleSheet:
    """The sheets of all its folders, the farthest first, so that what the theme itself says wins."""
    light, dark = [], []
    names = [f"{folder.name}/style.css" for folder in reversed(theme.folders) if (folder / "style.css").is_file()]
    for name in names:
        with _told(theme):
            light.append(sandbox.fill(name, {**own, "colour": theme.colours}))
            dark.append(sandbox.fill(name, {**own, "colour": {**theme.colours, **theme.dark}}))
    parts = [take_apart(*pair, name) for pair, name in zip(zip(light, dark, strict=True), names, strict=True)]
    return StyleSheet(*("\n".join(getattr(part, name) for part in parts) for name in StyleSheet.__slots__))


@contextmanager
def _told(theme: Theme) -> Iterator[None]:
    """Turns what goes wrong in a template into what is wrong with it, and where."""
    try:
        yield
    except TemplateSyntaxError as error:
        raise InputError(f"{error.filename or error.name}:{error.lineno}: {error.message}. Mend the template.") from error
    except TemplateNotFound as error:
        there = ", ".join(str(folder) for folder in theme.folders)
        raise InputError(f"theme {theme.name}: {error.message} is in none of its folders: {there}. Write it.") from error
    except _FAULTS as error:
        message = str(error).removesuffix(".")
        raise InputError(f"{_place(error, theme)}: {message}. docs/themes.md lists what a template is given.") from error


def _place(error: BaseException, theme: Theme) -> str:
    """The template and its line, the innermost of them; Jinja writes both into the traceback."""
    folders = tuple(map(str, theme.folders))
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename.startswith(folders)]
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else f"theme {theme.name}"


class _Collector(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.complaints: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.complaints.append(record.getMessage())


@contextmanager
def _css_complaints() -> Iterator[list[str]]:
    """Collect what cssutils leaves out of a style sheet; by itself it says so on stderr and goes on.

    It has one log for all threads, so that only one of them may listen.
    """
    with _LISTENING:
        log, collector = logging.getLogger("CSSUTILS"), _Collector()
        before, log.handlers, log.propagate = (log.handlers, log.propagate), [collector], False
        try:
            yield collector.complaints
        finally:
            log.handlers, log.propagate = before
