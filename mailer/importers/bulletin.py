"""From the blocks of a document to the bulletin, whatever format they came from: masthead, contents, articles, sources."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from itertools import takewhile
from operator import attrgetter

from mailer.block import Block, BlockKind, Inline, text_block
from mailer.importers.articles import ArticleLines, article_of, is_subtitle, source_lines
from mailer.importers.blocks import BlockLines
from mailer.importers.colophon import colophon_start
from mailer.importers.contents import Contents, is_contents_heading
from mailer.importers.dates import find_date
from mailer.importers.document import Document, Part
from mailer.importers.entries import Entry, read_entries
from mailer.importers.layout import Layout, lay_out
from mailer.importers.lines import Line, columns, join_lines, key
from mailer.importers.marked import above_headlines, read_marked
from mailer.importers.markers import unmarked
from mailer.importers.masthead import Known, Masthead, read_masthead, title_in
from mailer.importers.numbering import find_number
from mailer.importers.outline import Outline, Section, outline_of
from mailer.importers.reading import Piece, Place, Reading
from mailer.importers.spans import Spans
from mailer.importers.text import reading_of
from mailer.issue import Article
from subscribers.errors import InputError

_PLACE = r"(?P<before>{name}:|in line )(?P<line>\d+)"
_TEXT = (BlockKind.PARAGRAPH, BlockKind.ITEM, BlockKind.QUOTE)
_WIDE_SPACE = "　　"
_NUMBER_ALONE = re.compile(r"(?:No\.|PART|Part)?\s?\d{1,2}[.、]?")
_FRONT = 12  # blocks that a masthead may have
_LONGEST_LINE = 120  # columns of one of its lines


def read_document(document: Document, name: str) -> Reading:
    """The bulletin in a document: laid out by its headings, or by the look of its lines where it has none.

    A file that was exported from here says itself what is what. Raises InputError, with `name` and the place, as `read_text_issue` does.
    """
    if (marked := read_marked(document)) is not None:
        return Reading(marked, (*_stray(above_headlines(document), name), *document.warnings))
    parts = list(_with_numbers(list(_without_front_tables(_said_or_shown(document.parts)))))
    places = {number: part.where for number, part in enumerate(parts, start=1)}
    try:
        known = _known(document.fields, name)
        outline = outline_of([part.block for part in parts], known.number)
        layout = _by_look(parts, name) if outline is None else _outlined(outline, parts)
        if outline is not None and outline.title is not None and not known.title:
            known = replace(known, title=title_in(_lines(parts)[outline.title]))
        masthead, unsaid = _masthead(layout, name, known)
    except InputError as error:
        raise InputError(_placed(str(error), name, places)) from error
    reading = reading_of(layout, masthead, name)
    furniture = (*reading.issue.furniture, *document.furniture)
    blocks = list(_blocks(layout, parts))
    articles = tuple(
        replace(article, blocks=tuple(_rich(article.blocks, mixed, parts)))
        for article, mixed in zip(reading.issue.articles, blocks, strict=True)
    )
    issue = replace(reading.issue, articles=articles, furniture=furniture)
    warnings = [*unsaid, *(_placed(warning, name, places) for warning in reading.warnings)]
    if not masthead.number:
        warnings.insert(0, f"{name}: the masthead has no issue number; the next one is taken.")
    warnings += _joined(outline.sections if outline else (), layout, parts, name)
    warnings += _pictures_lost(articles, parts, name)
    written = [[place for place, block in enumerate(mixed) if isinstance(block, BlockLines)] for mixed in blocks]
    return Reading(issue, (*warnings, *document.warnings), tuple(_moved(piece, written) for piece in reading.pieces))


def _stray(parts: Iterable[Part], name: str) -> Iterator[str]:
    """A word for each part that stands in no article of an exported file."""
    for part in parts:
        said = repr(part.block.text.strip()) if part.block.text.strip() else "a picture"
        yield f"{name}: {part.where}: {said} stands above the first headline and was put in no article. Move it below one."


def read_single_article(parts: Sequence[Part]) -> Article:
    """The one article whose headline is the first of these parts and whose text is all others."""
    parts = _said_or_shown(parts)
    read = _article(Section((), 0, 1, len(parts)), _lines(parts), parts, None)
    (mixed,) = _blocks(Layout((), None, (), (read,), (), ()), parts)
    article = article_of(read, 1, None)
    return replace(article, blocks=tuple(_rich(article.blocks, mixed, parts)))


def _said_or_shown(parts: Iterable[Part]) -> list[Part]:
    return [part for part in parts if part.block.text.strip() or part.block.picture or part.block.kind is BlockKind.RULE]


def _without_front_tables(parts: Sequence[Part]) -> Iterator[Part]:
    """The parts with the tables that only lay out the masthead or the contents as lines, one for each row.

    The masthead's say one number, that of the issue: 第1期 and 第2期, or another than above, are of an article's.
    """
    front, known = True, set[int]()
    for index, part in enumerate(parts):
        block, above = part.block, parts[index - 1].block.text if index else ""
        if block.kind is BlockKind.TABLE:
            lines = [_WIDE_SPACE.join(cell.text for cell in row if cell.text) for row in block.rows]
            said = is_contents_heading(above) or any(is_contents_heading(line) for line in lines[:1])
            numbers = _numbers(lines)
            if said or (front and numbers and len(numbers | known) == 1):
                yield from (replace(part, block=text_block(BlockKind.PARAGRAPH, [Inline(line)])) for line in lines if line)
                continue
        front = front and index < _FRONT and columns(block.text) <= _LONGEST_LINE
        known |= _numbers([block.text] if front else [])
        yield part


def _numbers(lines: Iterable[str]) -> set[int]:
    return {number for line in lines if (number := find_number(line).number) is not None}


def _with_numbers(parts: Sequence[Part]) -> Iterator[Part]:
    """The parts, a heading that is a number alone, as above headlines on the web, being the beginning of the one below it."""
    number = ""
    for part, below in zip(parts, [*parts[1:], None], strict=True):
        block = part.block
        if _is_number(block) and below is not None and below.block.kind is BlockKind.HEADING and not _is_number(below.block):
            number = block.text.strip()
        elif number:
            said = [Inline(f"{number} "), *block.pieces]
            number = ""
            yield replace(part, block=text_block(block.kind, said, level=block.level))
        else:
            yield part


def _is_number(block: Block) -> bool:
    return block.kind is BlockKind.HEADING and _NUMBER_ALONE.fullmatch(block.text.strip()) is not None


def _masthead(layout: Layout, name: str, known: Known) -> tuple[Masthead, list[str]]:
    """The masthead; where it says neither number nor date, the date is that of the file's name, if this has one."""
    try:
        return read_masthead(layout.masthead, layout.colophon, name, known), []
    except InputError:
        found = find_date(name)
        if found is None or found.year is None or found.day is None:
            raise
        try:
            day = date(found.year, found.month, found.day)
        except ValueError:
            day = None
        if day is None or known.date is not None:
            raise
        dated = replace(known, date=day, year=known.year or day.year)
        said = f"{name}: the masthead says neither number nor date; the date {day} is that of the file's name."
        return read_masthead(layout.masthead, layout.colophon, name, dated), [said]


def _pictures_lost(articles: Sequence[Article], parts: Sequence[Part], name: str) -> Iterator[str]:
    """A word for each picture that stands in no article: a masthead's, which the theme draws itself."""
    shown = {id(block.picture) for article in articles for block in article.blocks}
    for part in parts:
        picture = part.block.picture
        if picture is not None and id(picture) not in shown:
            yield f"{name}: {part.where}: the picture {picture.source[-60:]!r} stands in no article and is not shown."


def _joined(sections: Sequence[Section], layout: Layout, parts: Sequence[Part], name: str) -> Iterator[str]:
    """A word for each headline that was put together of paragraphs and that the contents do not have."""
    for section, article in zip(sections, layout.articles, strict=bool(sections)):
        if section.start - section.title > 1 and article.entry is None:
            said = f"the headline {join_lines(article.title)!r} was put together of {section.start - section.title} paragraphs"
            yield f"{name}: {parts[section.title].where}: {said}. If one is a heading of its own, give it another size."


def _placed(message: str, name: str, places: dict[int, str]) -> str:
    """A message about lines as one about the places of the file."""

    def place(found: re.Match[str]) -> str:
        where = places.get(int(found["line"]), "")
        if found["before"].startswith("in "):
            return f"in {where}"
        number = re.fullmatch(r"line (\d+)", where)
        return f"{name}:{number[1]}" if number else f"{name}: {where}"

    return re.sub(_PLACE.format(name=re.escape(name)), place, message)


_FIELDS = {
    "publisher": ("publisher", "主办", "主办单位", "编者", "出版者"),
    "title": ("title", "刊名", "标题", "名称"),
    "kind": ("kind", "类别", "种类"),
    "year": ("year", "年", "年份"),
    "number": ("number", "issue", "期", "期号"),
    "total_number": ("total_number", "total", "总期", "总期号"),
    "date": ("date", "日期"),
}


def _known(fields: Mapping[str, str], name: str) -> Known:
    """What the front matter says."""
    said = {field: fields[alias] for field, aliases in _FIELDS.items() for alias in aliases if alias in fields}
    numbers: dict[str, int] = {}
    for field in ("year", "number", "total_number"):
        if field in said:
            if not said[field].strip().isdecimal():
                raise InputError(f"{name}: the front matter has {field}: {said[field]!r}. Write a whole number.")
            numbers[field] = int(said[field])
    day = None
    if "date" in said:
        try:
            day = date.fromisoformat(said["date"].strip())
        except ValueError as error:
            raise InputError(f"{name}: the front matter has the date {said['date']!r}. Write it like 2023-08-03.") from error
    return Known(
        publisher=said.get("publisher", ""),
        title=said.get("title", ""),
        kind=said.get("kind", ""),
        year=numbers.get("year", day.year if day else None),
        number=numbers.get("number"),
        total_number=numbers.get("total_number"),
        date=day,
        may_be_unnumbered=True,
    )


def _by_look(parts: Sequence[Part], name: str) -> Layout:
    lines = [line for line in _lines(parts) if line.text]
    layout = lay_out(lines)
    if not layout.articles:
        where = lines[-1].number if lines else 1
        raise InputError(f"{name}:{where}: no article was found. Give each headline a heading style.")
    articles = tuple(replace(article, blocks=tuple(_by_part(article.blocks))) for article in layout.articles)
    return replace(layout, articles=articles)


def _lines(parts: Sequence[Part]) -> list[Line]:
    return [Line(number, 0, part.block.text.strip(), gap=1 + part.gap) for number, part in enumerate(parts, start=1)]


def _by_part(blocks: Sequence[BlockLines]) -> Iterator[BlockLines]:
    """The blocks, one for each part of the document: the file says itself where paragraphs end."""
    for block in blocks:
        groups: list[list[Line]] = []
        for line in block.lines:
            if groups and groups[-1][-1].number == line.number:
                groups[-1].append(line)
            else:
                groups.append([line])
        yield from (BlockLines(block.kind if len(groups) == 1 else BlockKind.PARAGRAPH, tuple(lines)) for lines in groups)


def _outlined(outline: Outline, parts: Sequence[Part]) -> Layout:
    lines = _lines(parts)
    sections = list(outline.sections)
    end = _colophon(sections[-1], lines, parts)
    sections[-1] = replace(sections[-1], end=end)
    contents = _contents(outline, lines)
    entries = {key(entry.title): entry for entry in contents.entries} if contents else {}
    articles = tuple(
        _article(
            section,
            lines,
            parts,
            next((entries[key(said)] for said in _printed(lines, section) if key(said) in entries), None),
        )
        for section in sections
    )
    above = outline.contents[1] if outline.contents else outline.masthead
    return Layout(
        masthead=_said(lines[: outline.masthead]),
        contents=contents,
        unplaced=_said(lines[above : outline.unplaced]),
        articles=articles,
        colophon=_said(lines[end:]),
        furniture=(),
    )


def _printed(lines: Sequence[Line], section: Section) -> tuple[str, str]:
    """A headline as it stands, and without the number before it, which the contents may give it in another form."""
    headline = join_lines(lines[section.title : section.start])
    return headline, unmarked(headline)


def _said(lines: Sequence[Line]) -> tuple[Line, ...]:
    return tuple(line for line in lines if line.text)


def _colophon(section: Section, lines: Sequence[Line], parts: Sequence[Part]) -> int:
    """Where the colophon begins below the last article; it is text and nothing else."""
    body = section.start
    for index in range(section.start, section.end):
        if parts[index].block.kind not in (BlockKind.PARAGRAPH, BlockKind.RULE, BlockKind.TABLE) or not lines[index].text:
            body = index + 1
    return colophon_start(lines[: section.end], max(body, section.start + 1)) if section.end - body > 0 else section.end


def _contents(outline: Outline, lines: Sequence[Line]) -> Contents | None:
    if outline.contents is None:
        return None
    start, end = outline.contents
    said = [line for line in lines if line.text]
    first, below = (bisect_left(said, number + 1, key=attrgetter("number")) for number in (start, end))
    head = said[first : first + is_contents_heading(said[first].text)]
    headings, entries = read_entries(said, Spans(said), first + len(head), below)
    return Contents(start, end, (*head, *headings), tuple(entries))


def _article(section: Section, lines: Sequence[Line], parts: Sequence[Part], entry: Entry | None) -> ArticleLines:
    body = [line for line in lines[section.start : section.end] if line.text]
    below = list(takewhile(lambda line: _is_paragraph(line, parts) and is_subtitle(line), body))
    title = [*lines[section.title : section.start], *below]
    body = body[len(below) :]
    text = [line for line in body if parts[line.number - 1].block.kind in _TEXT]
    front, back = source_lines(text)
    source = [line for index, line in enumerate(text) if index < front or index in back]
    # What stands above the text is the source only where nothing but text stands above it.
    source = [line for line in source if line in text[front:] or body.index(line) < front]
    blocks = tuple(BlockLines(parts[line.number - 1].block.kind, (line,)) for line in body if line not in source)
    column = tuple(lines[index] for index in section.columns)
    return ArticleLines(column, tuple(title), tuple(source), blocks, entry)


def _is_paragraph(line: Line, parts: Sequence[Part]) -> bool:
    return parts[line.number - 1].block.kind is BlockKind.PARAGRAPH


def _blocks(layout: Layout, parts: Sequence[Part]) -> Iterator[list[BlockLines | Block]]:
    """The blocks of each article: those that lines make, and between them what has no text and stands below what it followed."""
    silent: dict[int, list[Block]] = {}
    number = 0
    for index, part in enumerate(parts, start=1):
        if part.block.text.strip():
            number = index
        else:
            silent.setdefault(number, []).append(part.block)
    for read in layout.articles:
        mixed: list[BlockLines | Block] = [
            block for line in (*read.title, *read.source) for block in silent.pop(line.number, [])
        ]
        for lines in read.blocks:
            mixed.append(lines)
            mixed += silent.pop(lines.lines[-1].number, [])
        yield mixed


def _moved(piece: Piece, written: Sequence[Sequence[int]]) -> Piece:
    """A piece whose block counts those without text, too; `written` are the places of those with text in each article."""
    return piece if piece.place is not Place.BLOCK else replace(piece, block=written[piece.index][piece.block or 0])


def _rich(plain: Sequence[Block], mixed: Iterable[BlockLines | Block], parts: Sequence[Part]) -> Iterator[Block]:
    """The blocks as the document has them."""
    kinds = iter(plain)
    for block in mixed:
        yield block if isinstance(block, Block) else _cut(next(kinds).kind, block.lines, parts)


def _cut(kind: BlockKind, lines: Sequence[Line], parts: Sequence[Part]) -> Block:
    """The block of a document, whole or the piece of it that its lines say."""
    block = parts[lines[0].number - 1].block
    if len(lines) == 1 and lines[0].text == block.text.strip():
        return replace(block, kind=kind if block.kind is BlockKind.PARAGRAPH else block.kind)
    before = len(block.text) - len(block.text.lstrip())
    begin, end = lines[0].offset + before, lines[-1].offset + len(lines[-1].text) + before
    return text_block(kind, _between(block.pieces, begin, end))


def _between(inlines: Sequence[Inline], begin: int, end: int) -> Iterator[Inline]:
    at = 0
    for inline in inlines:
        text = inline.text[max(0, begin - at) : max(0, end - at)]
        at += len(inline.text)
        if text:
            yield replace(inline, text=text)
