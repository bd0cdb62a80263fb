"""What a mail's page has to begin with and to be built of, so that every program shows it: §5.3 of the project's reference, by its rows."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from lxml.html import HtmlElement

from mailer.preflight.finding import Fault, error, warning

_DEEPEST = 6  # tables within tables, which Word gives up on
_NARROWEST, _WIDEST = 600, 680
_LEAST_SIZE, _SMALLEST = 16.0, 12.0  # pixels: of what is read, and of anything
_SENTENCE = 12  # characters
_UNREAD = ("style", "title", "script")
_HIDDEN = re.compile(r"display\s*:\s*none", re.IGNORECASE)
_SIZE = re.compile(r"font-size\s*:\s*([\d.]+)px", re.IGNORECASE)
_FUNCTIONS = re.compile(r"\b(?:rgba?|hsla?|var|calc|min|max|clamp)\(", re.IGNORECASE)
_MARGIN = re.compile(r"(?:^|;)\s*margin(?:-\w+)?\s*:\s*(?!0(?:px)?(?:\s|;|$))", re.IGNORECASE)
_JUSTIFIED = re.compile(r"text-align\s*:\s*justify", re.IGNORECASE)
_SPACED = re.compile(r"letter-spacing\s*:\s*(?!0|normal)", re.IGNORECASE)
_WHITE_AND_BLACK = frozenset({"#ffffff", "#fff", "white", "#000000", "#000", "black"})
_COLOUR = re.compile(r"(?:^|;)\s*(?P<what>background-color|color)\s*:\s*(?P<colour>#?\w+)", re.IGNORECASE)
# What says nothing to those who hear links one after the other.
_MUTE = re.compile(
    r"\s*(?:请)?(?:点击|点此|单击|戳)?(?:这里|此处|链接|详情|更多|here|click here|link|more|read more)\s*[>»→.。…]*\s*",
    re.IGNORECASE,
)


def head(root: HtmlElement, degrades: Mapping[str, str]) -> Iterator[Fault]:
    """A doctype, a viewport, colours for both schemes, a direction, and the language said again where the body is a div."""
    if "html" not in (root.getroottree().docinfo.doctype or "").lower():
        yield error("text/html", "there is no doctype", "Begin with <!DOCTYPE html>.")
    named = {(meta.get("name") or "").lower() for meta in root.iter("meta")}
    for name, cure in (("viewport", "width=device-width, initial-scale=1"), ("color-scheme", "light dark")):
        if name not in named:
            yield warning("text/html", f"no meta element {name}", f'Write <meta name="{name}" content="{cure}">.')
    if not root.get("dir"):
        yield warning("text/html", "the page does not say its direction", 'Write <html dir="ltr">.')
    body = root.find("body")
    inside = next((each for each in body.iter("div", "table") if not _is_hidden(each)), None) if body is not None else None
    if inside is not None and not inside.get("lang"):
        yield warning("text/html", "the outermost element in the body does not say its language", 'Write <div lang="zh-CN">.')


def preheader(root: HtmlElement, degrades: Mapping[str, str]) -> Iterator[Fault]:
    """The first words, which an inbox shows, are hidden ones of our own and no link."""
    for element in root.iter():
        if not isinstance(element.tag, str) or element.tag in _UNREAD or not (element.text or "").strip():
            continue
        if not any(map(_is_hidden, (element, *element.iterancestors()))):
            yield warning(
                "text/html", f"an inbox shows {(element.text or '').strip()[:30]!r} first", "Begin with a hidden preheader."
            )
        return


def layout_tables(root: HtmlElement, degrades: Mapping[str, str]) -> Iterator[Fault]:
    """Tables that only put things in their places leave no gaps, are not nested too deep, and none is too wide."""
    for table in root.iter("table"):
        depth = 1 + sum(1 for _ in table.iterancestors("table"))
        if depth > _DEEPEST:
            yield warning(_place(table), f"{depth} tables within each other", f"Nest no more than {_DEEPEST}.")
            return
    for table in root.iter("table"):
        width = table.get("width", "")
        if width.isdecimal() and int(width) > _WIDEST:
            yield error(_place(table), f"a table of {width} pixels", f"Make it {_NARROWEST} to {_WIDEST} wide at most.")
        if table.get("role") == "presentation" and any(
            table.get(name) is None for name in ("cellpadding", "cellspacing", "border")
        ):
            yield warning(_place(table), "a table for layout with gaps", 'Write cellpadding="0" cellspacing="0" border="0".')


def plain_styles(root: HtmlElement, degrades: Mapping[str, str]) -> Iterator[Fault]:
    """Styles in elements use what Word and Gmail read: plain lengths, #rrggbb, and padding in cells."""
    said: set[str] = set()
    for element in root.iter():
        style = element.get("style", "") if isinstance(element.tag, str) else ""
        for found, what, cure in (
            (
                _FUNCTIONS.search(style),
                "a colour or length as a function, at which Gmail drops all of the style",
                "Write #rrggbb and px.",
            ),
            (element.tag in ("td", "th") and _MARGIN.search(style), "a margin in a cell, which Word drops", "Write padding."),
        ):
            if found and what not in said:
                said.add(what)
                yield warning(_place(element), what, cure)


def legible_letters(root: HtmlElement, degrades: Mapping[str, str]) -> Iterator[Fault]:
    """What is read is large enough, and set as Chinese is: not justified in short lines, no gaps between the letters."""
    sizes: list[float] = []
    for element in root.iter():
        if not isinstance(element.tag, str) or element.tag in _UNREAD:
            continue
        style = element.get("style", "")
        if _JUSTIFIED.search(style):
            yield warning(_place(element), "justified text, which has holes in short lines", "Align it at the left.")
        if _SPACED.search(style) and len((element.text or "").strip()) > _SENTENCE:
            yield warning(_place(element), "letters set apart", "Leave letter-spacing out: Chinese has none.")
        if len((element.text or "").strip()) > _SENTENCE and not any(map(_is_hidden, (element, *element.iterancestors()))):
            sizes.append(_size(element))
    if sizes and max(sizes) < _LEAST_SIZE:
        yield warning("text/html", f"no text is larger than {max(sizes):g} pixels", f"Set it in {_LEAST_SIZE:g} at least.")
    if sizes and min(sizes) < _SMALLEST:
        yield warning("text/html", f"text of {min(sizes):g} pixels", f"Set nothing in less than {_SMALLEST:g}.")


def no_harsh_pair(root: HtmlElement, degrades: Mapping[str, str]) -> Iterator[Fault]:
    """No pure black on pure white: programs that darken mails turn the two around without looking."""
    for element in root.iter():
        if isinstance(element.tag, str):
            pair = {found["what"].lower(): found["colour"].lower() for found in _COLOUR.finditer(element.get("style", ""))}
            if len(pair) == 2 and set(pair.values()) <= _WHITE_AND_BLACK:
                yield warning(_place(element), "pure black and pure white", "Take a shade off both, like #222222 on #fdfdfc.")
                return


def links_and_tables_speak(root: HtmlElement, degrades: Mapping[str, str]) -> Iterator[Fault]:
    """A link says where it leads, in its words and not in a title; the heads of a table say what they head."""
    for anchor in root.iter("a"):
        if _MUTE.fullmatch(anchor.text_content()) and not anchor.get("aria-label"):
            yield warning(
                _place(anchor),
                f"a link that says {anchor.text_content().strip()!r}",
                "Let it say what it leads to, like 阅读全文：标题.",
            )
        if anchor.get("title"):
            yield warning(_place(anchor), "a link with a title, which is read twice or never", "Put it into the link's words.")
    for cell in root.iter("th"):
        if not cell.get("scope"):
            yield warning(_place(cell), "a table's head that does not say what it heads", 'Write scope="col" or scope="row".')
            return


def _size(element: HtmlElement) -> float:
    found = (_SIZE.search(each.get("style", "")) for each in (element, *element.iterancestors()))
    return next((float(size[1]) for size in found if size is not None), _LEAST_SIZE)


def _is_hidden(element: HtmlElement) -> bool:
    return _HIDDEN.search(element.get("style", "")) is not None


def _place(element: HtmlElement) -> str:
    return f"text/html line {element.sourceline}"
