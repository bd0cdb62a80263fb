"""What reading a bulletin gives: the issue, what to look at, and where each character of the file went."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

from mailer.issue import Issue


class Place(StrEnum):
    """The fields of an issue and of its articles that hold printed lines; each is named like the field."""

    MASTHEAD = "masthead"
    CONTENTS_HEADING = "contents_headings"
    CONTENTS = "contents"
    COLUMN_LINE = "column_line"
    TITLE = "title"
    SOURCE_LINE = "source_line"
    BLOCK = "blocks"
    COLOPHON = "colophon"
    FURNITURE = "furniture"
    UNPLACED = "unplaced"


@dataclass(frozen=True, slots=True)
class Piece:
    """A printed line and the field that holds it.

    `index` counts, from 0, within the issue's field, or the articles where the field is an article's; `block` counts the
    article's blocks. `line` counts the file's lines from 1.
    """

    place: Place
    index: int
    text: str
    line: int
    block: int | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """An issue as read from a file. `warnings` name file, line and cause; `pieces` hold the whole file, in its order.

    Every character that is not white space stands in exactly one piece, and each piece's text in the field it names.
    """

    issue: Issue
    warnings: tuple[str, ...] = ()
    pieces: tuple[Piece, ...] = ()

    def held(self, piece: Piece) -> str:
        """The value of the field that holds a piece: the piece's text, joined with that of other pieces, is in it."""
        issue, index = self.issue, piece.index
        match piece.place:
            case Place.MASTHEAD:
                held = issue.masthead[index]
            case Place.CONTENTS_HEADING:
                held = issue.contents_headings[index]
            case Place.CONTENTS:
                held = issue.contents[index].line
            case Place.COLOPHON:
                held = issue.colophon[index]
            case Place.FURNITURE:
                held = issue.furniture[index]
            case Place.UNPLACED:
                held = issue.unplaced[index]
            case Place.TITLE:
                held = issue.articles[index].title
            case Place.COLUMN_LINE:
                held = issue.articles[index].column_line or ""
            case Place.SOURCE_LINE:
                held = issue.articles[index].source_line or ""
            case Place.BLOCK:
                held = issue.articles[index].blocks[piece.block or 0].text
            case _:
                assert_never(piece.place)
        return held
