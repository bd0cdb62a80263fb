"""What staff should look at after an import, in words that name the line, the cause and the cure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mailer.importers.articles import ArticleLines
from mailer.importers.blocks import BlockLines
from mailer.importers.contents import Contents, repeated_in
from mailer.importers.entries import Entry, announced
from mailer.importers.layout import Layout
from mailer.importers.lines import Line, join_lines, key
from mailer.importers.masthead import Masthead, is_beyond_masthead
from mailer.importers.numbering import find_number
from mailer.importers.punctuation import is_closed
from mailer.importers.sources import is_source

_CURE = "Where the issues of a year are numbered, too, write it like 2023年第9期（总第190期）."


def warnings_about(layout: Layout, masthead: Masthead, name: str) -> Iterator[str]:
    """One sentence for all that staff should look at, each with `name`, the line, and what to do."""
    first = layout.masthead[0].number if layout.masthead else 1
    if not masthead.names.publisher:
        yield f"{name}:{first}: the masthead names no publisher. Add a line like 主办：…, or set the publication's publisher."
    if masthead.date is None:
        yield f"{name}:{first}: the masthead has no date with a day. Add a line like 2023年8月3日."
    if masthead.has_total_alone:
        yield f"{name}:{first}: the masthead has the total number {masthead.total_number} alone, which is taken for the number. {_CURE}"
    for line in layout.masthead:
        printed = find_number(line.text)
        other = find_number(printed.rest)
        if printed.number is not None and other.number not in (None, printed.number):
            said = f"{line.text!r} has two numbers, of which {masthead.number} of {masthead.year} is taken, also in the mail"
            yield f"{name}:{line.number}: {said}. Write one, or two of one year, like 2023年第9-10期."
        if is_beyond_masthead(line):
            yield f"{name}:{line.number}: {line.text!r} stands in the masthead, and in no article. Move it below a headline."
    if layout.contents:
        yield from _warnings_of_contents(layout.contents, layout.articles, name)
    for line in layout.unplaced:
        yield f"{name}:{line.number}: {line.text!r} stands above the first headline and was put in no article. Move it below one."
    for article in layout.articles:
        if not article.blocks:
            yield f"{name}:{article.title[0].number}: the article {join_lines(article.title)!r} has no text."
        inner = _source_within(article.blocks)
        if inner is not None:
            where = f"{name}:{inner.number}: {inner.text!r} stands within the article {join_lines(article.title)!r}"
            cure = "If so, put the headline of that on a line of its own, with a blank line above and below."
            yield f"{where}, as if another one ended or began there. {cure}"


def _source_within(blocks: Sequence[BlockLines]) -> Line | None:
    """The first source line that stands neither above nor below an article's text, a lone line below it being no text."""
    for index, block in enumerate(blocks[1:-1], start=1):
        above = blocks[index - 1].lines[-1].text
        if len(block.lines) == 1 and is_source(block.lines[0].text) and (index + 2 < len(blocks) or not is_closed(above)):
            return block.lines[0]
    return None


def _warnings_of_contents(contents: Contents, articles: Sequence[ArticleLines], name: str) -> Iterator[str]:
    for line, said in repeated_in(contents.entries):
        yield f"{name}:{line.number}: the contents have {said} twice. Correct the contents."
    found = {article.entry: article for article in articles if article.entry is not None}
    for entry in contents.entries:
        where, article = f"{name}:{entry.lines[0].number}", found.get(entry)
        if article is None:
            yield f"{where}: the contents announce {entry.title!r}, but no headline below says it. Correct one, or add the article."
        elif not _says(article, entry):
            printed = f"the headline in line {article.title[0].number} is {join_lines(article.title)!r}"
            yield f"{where}: the contents print {entry.title!r}, {printed}. Correct one of the two."
    for article in articles:
        if article.entry is None:
            title = join_lines(article.title)
            yield f"{name}:{article.title[0].number}: the contents do not announce {title!r}. Add it to them."


def _says(article: ArticleLines, entry: Entry) -> bool:
    """Whether a headline says what the contents announce, with or without its number and its subtitle."""
    title = join_lines(article.title)
    said = (title, *(without for _, without in announced([Line(1, 0, title)], 0, 1)))
    return any(key(each).startswith(key(entry.title)) for each in said)
