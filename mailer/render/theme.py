"""A theme: a template filled in a sandbox, and its CSS put into the elements, where every mail program looks for it."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from jinja2 import FileSystemLoader, StrictUndefined, TemplateError, TemplateNotFound
from jinja2.sandbox import ImmutableSandboxedEnvironment
from premailer import Premailer

from mailer.text_part import printable
from subscribers.errors import InputError

_PACKAGE = Path(__file__).resolve().parents[1]
# In a wheel the templates lie inside the package, in a checkout beside it.
TEMPLATES = _PACKAGE / "templates" if (_PACKAGE / "templates").is_dir() else _PACKAGE.parent / "templates"
# premailer would turn CSS into attributes that HTML knows for tables alone; the theme sets them where they belong.
_NO_ATTRIBUTES = ["align", "valign", "bgcolor", "width", "height"]


def themes(base: Path = TEMPLATES) -> tuple[str, ...]:
    """The names of the themes that lie under `base`."""
    return tuple(sorted(template.parent.name for template in base.glob("themes/*/issue.html")))


def fill_theme(base: Path, theme: str, context: Mapping[str, object]) -> str:
    """The theme's page with `context` in it, CSS inlined. Raises InputError where the theme is missing or faulty."""
    try:
        page = _environment(base).get_template(f"themes/{theme}/issue.html").render(context)
    except TemplateNotFound as error:
        there_are = ", ".join(themes(base)) or "none"
        raise InputError(f"theme {theme}: {error.message} is not under {base}. Themes there: {there_are}.") from error
    except TemplateError as error:
        raise InputError(f"theme {theme}: {error.message}. Correct its issue.html.") from error
    return _with_inline_css("\n".join(line.strip() for line in page.split("\n") if line.strip()), theme)


@cache
def _environment(base: Path) -> ImmutableSandboxedEnvironment:
    return ImmutableSandboxedEnvironment(
        loader=FileSystemLoader(base),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_printable_value,
    )


def _printable_value(value: object) -> object:
    return printable(value) if type(value) is str else value


def _with_inline_css(page: str, theme: str) -> str:
    with _css_complaints() as complaints:
        inlined = Premailer(
            page,
            allow_network=False,
            disable_basic_attributes=_NO_ATTRIBUTES,
            strip_important=False,  # it would strip the word from the authors' text, too
            cache_css_parsing=False,  # a faulty sheet is complained about on its first parse alone
        ).transform(pretty_print=False)
    if complaints:
        raise InputError(f"theme {theme}: {complaints[0]}. Use CSS that mail programs understand.")
    return str(inlined)


class _Collector(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.complaints: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.complaints.append(record.getMessage())


@contextmanager
def _css_complaints() -> Iterator[list[str]]:
    """Collect what cssutils leaves out of a style sheet; by itself it says so on stderr and goes on."""
    log, collector = logging.getLogger("CSSUTILS"), _Collector()
    before, log.handlers, log.propagate = (log.handlers, log.propagate), [collector], False
    try:
        yield collector.complaints
    finally:
        log.handlers, log.propagate = before
