"""The bulletin as a structure: an Issue, its articles, and nothing of how it was read or how it will look."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

from mailer.block import Block
from mailer.json_values import as_integer, as_integer_or_none, as_list, as_object, as_text, as_text_or_none, as_texts


@dataclass(frozen=True, slots=True)
class Article:
    """One article as printed. `position` counts from 1.

    `source_line` is the line as it stands (several are joined by a space); `source` and `authors` are what it says.
    `column` is the column the article stands in; `column_line` is the column's heading as printed, and only the article
    that stands first below it carries it.
    """

    position: int
    title: str
    blocks: tuple[Block, ...]
    column: str | None = None
    source_line: str | None = None
    source: str | None = None
    authors: tuple[str, ...] = ()
    column_line: str | None = None

    def to_json(self) -> dict[str, object]:
        """The article as plain JSON values; the blocks are called `paragraphs` there."""
        return {
            "position": self.position,
            "title": self.title,
            "column": self.column,
            "column_line": self.column_line,
            "source": self.source,
            "authors": list(self.authors),
            "source_line": self.source_line,
            "paragraphs": [block.to_json() for block in self.blocks],
        }

    @classmethod
    def from_json(cls, value: object) -> Article:
        """The article that `to_json` wrote."""
        document = as_object(value)
        return cls(
            position=as_integer(document["position"]),
            title=as_text(document["title"]),
            blocks=tuple(Block.from_json(block) for block in as_list(document["paragraphs"])),
            column=as_text_or_none(document["column"]),
            source_line=as_text_or_none(document["source_line"]),
            source=as_text_or_none(document["source"]),
            authors=as_texts(document["authors"]),
            column_line=as_text_or_none(document["column_line"]),
        )


@dataclass(frozen=True, slots=True)
class ContentsEntry:
    """One line of the contents: as printed (with its star, number or page), the title it names, its column."""

    line: str
    title: str
    column: str | None = None

    def to_json(self) -> dict[str, object]:
        """The entry as plain JSON values."""
        return {"line": self.line, "title": self.title, "column": self.column}

    @classmethod
    def from_json(cls, value: object) -> ContentsEntry:
        """The entry that `to_json` wrote."""
        document = as_object(value)
        return cls(as_text(document["line"]), as_text(document["title"]), as_text_or_none(document["column"]))


def ref_of(year: int, number: int) -> str:
    """The reference staff use: `2023-09`."""
    return f"{year}-{number:02d}"


def up_to(first: int, last: int | None) -> str:
    """A number as it is printed, `last` closing a double one: `9`, `9-10`."""
    return f"{first}" if last is None else f"{first}-{last}"


def number_line(year: int, number: str, total_number: str | None) -> str:
    """How an issue's number is printed: `2023年第9期（总第190期）`, `2023年第9-10期`."""
    return f"{year}年第{number}期" + (f"（总第{total_number}期）" if total_number is not None else "")


def kind_below(title: str, kind: str) -> str:
    """The kind as it stands below a title; empty where that says it itself, as 科研动态 does, or where the kind stands in its place."""
    return "" if not title or title.endswith(kind) else kind


@dataclass(frozen=True, slots=True)
class Issue:
    """One number of a publication.

    `masthead`, `contents_headings`, `colophon`, `furniture` (page numbers, running heads, rules) and `unplaced` (what no
    other field could take) keep the lines as printed, so that an issue holds every character of the file it was read from.
    `last_number` and `last_total_number` close a double number (第9-10期, 总第190-191期); its `ref` is that of the first.
    """

    publisher: str
    title: str
    kind: str
    year: int
    number: int
    total_number: int | None
    date: date | None
    articles: tuple[Article, ...]
    contents: tuple[ContentsEntry, ...] = ()
    masthead: tuple[str, ...] = ()
    contents_headings: tuple[str, ...] = ()
    colophon: tuple[str, ...] = ()
    furniture: tuple[str, ...] = ()
    unplaced: tuple[str, ...] = ()
    last_number: int | None = None
    last_total_number: int | None = None

    @property
    def ref(self) -> str:
        """The reference staff use: `2023-09`."""
        return ref_of(self.year, self.number)

    @property
    def number_line(self) -> str:
        """Its number as it is printed; see `number_line`."""
        return number_line(self.year, self.numbers, self.total_numbers)

    @property
    def numbers(self) -> str:
        """The number, or both of a double one: `9`, `9-10`."""
        return up_to(self.number, self.last_number)

    @property
    def last_numbers(self) -> dict[str, object]:
        """What closes double numbers, as JSON values by their names; nothing where there are none."""
        last = {"last_number": self.last_number, "last_total_number": self.last_total_number}
        return {name: number for name, number in last.items() if number is not None}

    @property
    def total_numbers(self) -> str | None:
        """The total number, or both of a double one."""
        return None if self.total_number is None else up_to(self.total_number, self.last_total_number)

    @property
    def subject(self) -> str:
        """The subject line: a constant prefix for filters, then year, number and total number."""
        return f"【{self.title or self.kind}】{self.number_line}"

    @property
    def kind_below(self) -> str:
        """The kind as it stands below the title; see `kind_below`."""
        return kind_below(self.title, self.kind)

    def without_articles(self) -> Issue:
        """The issue but for its articles."""
        return replace(self, articles=())

    def to_json(self) -> dict[str, object]:
        """The issue as plain JSON values, as `jianbao issue import --json` prints it; `ref` and `subject` are derived. The last of double
        numbers are only there where there are any."""
        return self.last_numbers | {
            "ref": self.ref,
            "year": self.year,
            "number": self.number,
            "total_number": self.total_number,
            "date": self.date.isoformat() if self.date is not None else None,
            "publisher": self.publisher,
            "title": self.title,
            "kind": self.kind,
            "subject": self.subject,
            "articles": [article.to_json() for article in self.articles],
            "contents": [entry.to_json() for entry in self.contents],
            "masthead": list(self.masthead),
            "contents_headings": list(self.contents_headings),
            "colophon": list(self.colophon),
            "furniture": list(self.furniture),
            "unplaced": list(self.unplaced),
        }

    @classmethod
    def from_json(cls, value: object) -> Issue:
        """The issue that `to_json` wrote. Raises TypeError or ValueError for a value of another type, KeyError for a missing key."""
        document = as_object(value)
        day = document["date"]
        return cls(
            publisher=as_text(document["publisher"]),
            title=as_text(document["title"]),
            kind=as_text(document["kind"]),
            year=as_integer(document["year"]),
            number=as_integer(document["number"]),
            total_number=as_integer_or_none(document["total_number"]),
            date=None if day is None else date.fromisoformat(as_text(day)),
            articles=tuple(Article.from_json(article) for article in as_list(document["articles"])),
            contents=tuple(ContentsEntry.from_json(entry) for entry in as_list(document["contents"])),
            masthead=as_texts(document["masthead"]),
            contents_headings=as_texts(document["contents_headings"]),
            colophon=as_texts(document["colophon"]),
            furniture=as_texts(document["furniture"]),
            unplaced=as_texts(document["unplaced"]),
            last_number=as_integer_or_none(document.get("last_number")),
            last_total_number=as_integer_or_none(document.get("last_total_number")),
        )
