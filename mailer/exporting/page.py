"""An issue as one page that needs nothing beside it: to be read, printed and kept."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from itertools import groupby

from jinja2 import Environment
from markupsafe import Markup, escape

from mailer.block import Block, BlockKind, Cell, Inline, Inlines, picture_type
from mailer.exporting.form import Form
from mailer.exporting.proof import proved
from mailer.importers.html import read_html
from mailer.importers.marks import PASSPORT, Mark
from mailer.issue import Article, Issue
from mailer.page_templates import page_environment
from mailer.render import Theme
from mailer.text_part import printable

_COUNTED = re.compile(r"(\d{1,6})\.")
_NOTE = re.compile(r"\[(\d{1,6})\]")
_PIXELS_TO_A_POINT = 2  # pictures are kept for screens with two


def write_page(issue: Issue, pictures: Mapping[str, bytes], theme: Theme) -> str:
    """The issue as HTML, with its pictures (octets by hash) within it, in a theme's colours and letters.

    It imports back to the same issue.
    """
    page = proved(issue, pictures, partial(_page, issue, pictures, theme), partial(read_html, name=""))
    return page.decode()


def _page(issue: Issue, pictures: Mapping[str, bytes], theme: Theme, form: Form, passport: str) -> bytes:
    articles = [
        {"number": number, "title": title, "column": column, "source_line": printable(article.source_line or ""), "text": text}
        for number, (article, title, column, text) in enumerate(
            zip(issue.articles, form.titles, form.columns, _texts(issue.articles, pictures, leveled=form.leveled), strict=True),
            start=1,
        )
    ]
    context = {
        "issue": issue,
        "form": form,
        "masthead": dict(form.masthead),
        "articles": articles,
        "colour": theme.colours,
        "dark": theme.dark,
        "font": theme.fonts,
        "word": theme.words,
        "mark": Mark,
        "passport_name": PASSPORT,
        "passport": passport,
        "running_head": _css_string(form.running_head),
    }
    return _environment().get_template("export/page.html").render(context).encode("utf-8", "replace")


def _css_string(text: str) -> Markup:
    """A string for the style sheet, of which nothing can come out."""
    return Markup('"{}"').format(re.sub(r"""[\\"'<>&]""", "", printable(text)))


@cache
def _environment() -> Environment:
    return page_environment(keep_trailing_newline=True)


def _texts(articles: Sequence[Article], pictures: Mapping[str, bytes], *, leveled: bool) -> Iterator[Markup]:
    for number, article in enumerate(articles, start=1):
        yield Markup("\n").join(_blocks(article.blocks, pictures, number, leveled=leveled))


def _blocks(blocks: Sequence[Block], pictures: Mapping[str, bytes], article: int, *, leveled: bool) -> Iterator[Markup]:
    for listed, group in groupby(blocks, _is_listed):
        if listed:
            yield _Lists().written(tuple(group), article)
            continue
        for kind, same in groupby(group, lambda block: block.kind):
            if kind is BlockKind.NOTE:
                yield _notes(tuple(same), article)
            else:
                yield from (_block(block, pictures, article, leveled=leveled) for block in same)


def _is_listed(block: Block) -> bool:
    return block.kind is BlockKind.ITEM or (block.kind is BlockKind.PARAGRAPH and block.level > 0)


def _block(block: Block, pictures: Mapping[str, bytes], article: int, *, leveled: bool) -> Markup:
    text = _inlines(block.pieces, article)
    match block.kind:
        case BlockKind.HEADING:
            level = min(6, max(3, block.level)) if leveled else 3
            return Markup("<h{0}>{1}</h{0}>").format(level, text)
        case BlockKind.QUOTE:
            return Markup("<blockquote><p>{}</p></blockquote>").format(text)
        case BlockKind.RULE:
            return Markup("<hr>")
        case BlockKind.TABLE:
            return _table(block, article)
        case BlockKind.IMAGE:
            return _image(block, pictures)
        case _:
            return Markup("<p>{}</p>").format(text)


@dataclass
class _Lists:
    """Lists within lists, as they are open."""

    open: list[str] = field(default_factory=list)
    said: list[Markup] = field(default_factory=list)

    def written(self, blocks: Sequence[Block], article: int) -> Markup:
        """The lists that items, and paragraphs within items, make."""
        for block in blocks:
            text = _inlines(block.pieces, article)
            if block.kind is BlockKind.PARAGRAPH:
                self._close(block.level)
                self.said.append(Markup("<p>{}</p>").format(text))
                continue
            self._close(block.level + 1)
            tag = "ol" if block.marker else "ul"
            if len(self.open) == block.level + 1:
                self.said.append(Markup("</li>"))
                if self.open[-1] != tag:
                    self.said.append(Markup("</{}>").format(self.open.pop()))
            while len(self.open) < block.level + 1:
                self.open.append(tag)
                self.said.append(Markup("<{}>").format(tag))
            self.said.append(Markup("<li{}>{}").format(_counted(block.marker, _COUNTED), text))
        self._close(0)
        return Markup("").join(self.said)

    def _close(self, depth: int) -> None:
        while len(self.open) > depth:
            self.said.append(Markup("</li></{}>").format(self.open.pop()))


def _counted(marker: str, form: re.Pattern[str]) -> Markup:
    """What an item says of its number: a browser counts in Arabic figures alone."""
    number = form.fullmatch(marker)
    if number is not None:
        return Markup(' value="{}"').format(int(number[1]))
    return Markup(' data-marker="{}"').format(printable(marker)) if marker else Markup("")


def _notes(blocks: Sequence[Block], article: int) -> Markup:
    items = (
        Markup('<li id="{}"{}>{}</li>').format(
            _note_id(article, block.marker), _counted(block.marker, _NOTE), _inlines(block.pieces, article)
        )
        for block in blocks
    )
    return Markup('<section role="doc-endnotes" class="notes"><ol>{}</ol></section>').format(Markup("").join(items))


def _note_id(article: int, marker: str) -> str:
    return f"fn-{article}_{re.sub(r'[^0-9A-Za-z]', '', marker)}"


def _inlines(inlines: Inlines, article: int) -> Markup:
    return Markup("").join(_inline(inline, article) for inline in inlines)


def _inline(inline: Inline, article: int) -> Markup:
    text: Markup = escape(printable(inline.text))
    if inline.note is not None:
        return Markup('<sup><a href="#{}">{}</a></sup>').format(_note_id(article, inline.note), text)
    if inline.link is not None:
        text = Markup('<a href="{}">{}</a>').format(inline.link, text)
    if inline.emphasis:
        text = Markup("<em>{}</em>").format(text)
    return Markup("<strong>{}</strong>").format(text) if inline.strong else text


def _table(block: Block, article: int) -> Markup:
    rows = (Markup("<tr>{}</tr>").format(Markup("").join(_cell(cell, article) for cell in row)) for row in block.rows)
    return Markup("<table>{}</table>").format(Markup("\n").join(rows))


def _cell(cell: Cell, article: int) -> Markup:
    spans = Markup(' colspan="{}"').format(cell.columns) if cell.columns > 1 else Markup("")
    spans += Markup(' rowspan="{}"').format(cell.rows) if cell.rows > 1 else Markup("")
    text = _inlines(cell.inlines or (Inline(cell.text),), article)
    return Markup("<{0}{1}>{2}</{0}>").format("th" if cell.header else "td", spans, text)


def _image(block: Block, pictures: Mapping[str, bytes]) -> Markup:
    picture = block.picture
    content = pictures.get(picture.sha256 or "") if picture is not None else None
    if picture is None or content is None:
        return Markup('<p class="missing">〔图：{}〕</p>').format(printable(block.text))
    source = f"data:{picture_type(content)};base64,{base64.b64encode(content).decode()}"
    shown = (picture.width or 0) // _PIXELS_TO_A_POINT
    width = Markup(' width="{}"').format(shown) if shown > 1 else Markup("")  # one of a pixel would be taken for a counter
    return Markup('<figure><img src="{}" alt="{}"{}></figure>').format(source, printable(block.text), width)
