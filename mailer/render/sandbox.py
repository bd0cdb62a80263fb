"""Where templates run: they see what they are given, reach nothing else, and end after a known number of steps.

Jinja's sandbox keeps a template from Python's inside, and says itself that it bounds neither time nor memory. So every loop, call
and inclusion costs a step here, every text has a greatest length, and there are only such filters and methods as a page needs. Steps
and not seconds, so that the same input gives the same bytes on a slow machine, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import wraps
from threading import Lock
from typing import Any

from jinja2 import BaseLoader, StrictUndefined, nodes, pass_context
from jinja2.exceptions import SecurityError
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup

from mailer.text_part import printable

MAX_STEPS = 500_000  # of a hundred articles with a hundred paragraphs each, a page takes some 40,000
MAX_CHARACTERS = 4_000_000
_FILTERS = (
    *("abs", "capitalize", "count", "d", "default", "e", "escape", "first", "groupby", "int", "last", "length", "list"),
    *("lower", "map", "reject", "rejectattr", "reverse", "round", "select", "selectattr", "sort", "title", "trim", "truncate"),
    "upper",
)
_TEXT_METHODS = frozenset({"endswith", "lower", "startswith", "strip", "upper"})
# No template can write a filter's name with spaces in it.
_COUNTED = "counted by jianbao"
_WEIGHED = "weighed by jianbao"


@dataclass(slots=True)
class _Budget:
    """What one rendering may still take."""

    steps: int = MAX_STEPS
    characters: int = MAX_CHARACTERS

    def step(self, number: int = 1) -> None:
        self.steps -= number
        if self.steps < 0:
            raise SecurityError(f"the template takes more than {MAX_STEPS:,} steps")

    def write(self, number: int) -> None:
        self.characters -= number
        if self.characters < 0:
            raise SecurityError(f"the template writes more than {MAX_CHARACTERS:,} characters")


class Sandbox(ImmutableSandboxedEnvironment):
    """An environment for renderings one after the other: undefined names are errors, values are escaped, and what it takes is bounded."""

    intercepted_binops = frozenset({"*", "**", "%", "+"})

    def __init__(self, loader: BaseLoader) -> None:
        super().__init__(
            loader=loader,
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            finalize=self._written,
        )
        self._budget, self._one_at_a_time = _Budget(), Lock()
        self._safe: dict[tuple[type, str], bool] = {}
        self.filters = {name: self._bounded(self.filters[name]) for name in _FILTERS}
        self.filters |= {_COUNTED: self._counted, _WEIGHED: self._weighed}
        self.globals = {name: self.globals[name] for name in ("range", "namespace")}

    def fill(self, name: str, values: dict[str, object]) -> str:
        """The template of that name with these values in it. Raises jinja2's TemplateError."""
        with self._one_at_a_time:
            self._budget = _Budget()
            return self.get_template(name).render(values)

    def call(self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:
        """A call from a template, which is a step."""
        self._budget.step()
        return super().call(__context, __obj, *args, **kwargs)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Arithmetic is for numbers of a page's size; a text or a list must not be multiplied."""
        small = all(isinstance(side, int | float) and abs(side) < 10**9 for side in (left, right))
        if operator == "+" or (small and operator != "**"):
            return self._checked(super().call_binop(context, operator, left, right))
        raise SecurityError(f"{operator} is for small numbers in a template")

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Of a text's methods those few that only look at it."""
        if isinstance(obj, str | bytes):
            return attr in _TEXT_METHODS
        known = self._safe.get((type(obj), attr))
        if known is None:  # Jinja goes by the value's type and the name, and asks for both of them each time
            known = self._safe[type(obj), attr] = super().is_safe_attribute(obj, attr, value)
        return known

    def wrap_str_format(self, value: Any) -> None:
        """No formatting: a width in it would be memory."""

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        """What Jinja does without asking is led through filters of ours: loops, inclusions, `~`, and the template's own words."""
        template = super()._parse(source, name, filename)
        for loop in template.find_all(nodes.For):
            loop.iter = _through(loop.iter)
        kinds: tuple[type[Any], ...] = (nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends)
        for kind in kinds:
            for inclusion in template.find_all(kind):
                inclusion.template = _through(inclusion.template)
        for output in template.find_all(nodes.Output):
            words = sum(len(node.data) for node in output.nodes if isinstance(node, nodes.TemplateData))
            output.nodes.insert(0, _through(nodes.Const(words, lineno=output.lineno), _WEIGHED))
        for parent in [template, *template.find_all(nodes.Node)]:
            for field, value in parent.iter_fields():
                if isinstance(value, nodes.Concat):
                    setattr(parent, field, _through(value))
        return template

    @pass_context  # what asks for the context is not done once for all when the template is compiled
    def _counted(self, _: Context, value: Any) -> Any:
        self._budget.step()
        if isinstance(value, str):
            return self._checked(value)
        return self._steps(value) if isinstance(value, Iterable) else value

    @pass_context
    def _weighed(self, _: Context, number: int) -> str:
        self._budget.write(number)
        return ""

    def _steps(self, values: Iterable[Any]) -> Iterator[Any]:
        for value in values:
            self._budget.step()
            yield value

    def _bounded(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)  # Jinja marks its filters with what they want passed
        def bounded(*args: Any, **kwargs: Any) -> Any:
            return self._checked(function(*args, **kwargs))

        return bounded

    def _checked(self, value: Any) -> Any:
        size = len(value) if isinstance(value, str | list | tuple) else 0
        self._budget.step(1 + size // 1000)
        if size > MAX_CHARACTERS:
            raise SecurityError(f"a text of more than {MAX_CHARACTERS:,} characters")
        return value

    def _written(self, value: Any) -> Any:
        self._budget.write(len(value) if isinstance(value, str) else 1)
        return printable(value) if type(value) is str else value


def _through(expression: nodes.Node, name: str = _COUNTED) -> nodes.Expr:
    return nodes.Filter(expression, name, [], [], None, None, lineno=expression.lineno)


def trusted(css: str) -> Markup:
    """A style sheet that was checked, which goes into a page as it is."""
    return Markup(css)  # noqa: S704 - its caller has read every rule of it
