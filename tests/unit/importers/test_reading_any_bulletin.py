"""Over bulletins made up by chance: nothing of the file is lost, and what was printed is read back."""

from __future__ import annotations

from collections import defaultdict

from hypothesis import HealthCheck, given, settings

from mailer.importers.reading import Reading
from mailer.importers.text import read_text_issue
from mailer.issue import Issue
from tests.bulletins import Bulletin, bulletins

some = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


def squeeze(text: str) -> str:
    return "".join(text.split())


def assert_holds_the_whole_file(reading: Reading, text: str) -> None:
    """Every character that is not white space stands in one piece, in order, and the pieces of a field make up the field."""
    assert squeeze("".join(piece.text for piece in reading.pieces)) == squeeze(text)
    lines = text.split("\n")
    printed: defaultdict[tuple[str, int, int | None], str] = defaultdict(str)
    for piece in reading.pieces:
        assert squeeze(piece.text) in squeeze(lines[piece.line - 1])
        printed[piece.place.value, piece.index, piece.block] += squeeze(piece.text)
        assert squeeze(piece.text) in squeeze(reading.held(piece))
    held = {(piece.place.value, piece.index, piece.block): squeeze(reading.held(piece)) for piece in reading.pieces}
    assert dict(printed) == held
    assert set(held) == set(fields_of(reading.issue))


def fields_of(issue: Issue) -> list[tuple[str, int, int | None]]:
    """Every field that holds printed text, so that none holds text that was never printed."""
    fields: list[tuple[str, int, int | None]] = []
    for name in ("masthead", "contents_headings", "contents", "colophon", "furniture", "unplaced"):
        fields += [(name, index, None) for index in range(len(getattr(issue, name)))]
    for index, article in enumerate(issue.articles):
        fields.append(("title", index, None))
        fields += [("column_line", index, None)] if article.column_line is not None else []
        fields += [("source_line", index, None)] if article.source_line is not None else []
        fields += [("blocks", index, number) for number in range(len(article.blocks))]
    return fields


@some
@given(bulletins())
def test_every_bulletin_is_read_back_as_it_was_written(written: Bulletin) -> None:
    check(written, read_text_issue(written.text.encode(), "bulletin.txt"))


@some
@given(bulletins(with_contents=False))
def test_a_bulletin_without_contents_is_read_back_as_well(written: Bulletin) -> None:
    check(written, read_text_issue(written.text.encode(), "bulletin.txt"))


def check(written: Bulletin, reading: Reading) -> None:
    issue = reading.issue
    assert_holds_the_whole_file(reading, written.text)
    assert (issue.year, issue.number, issue.total_number, issue.date) == (
        written.year,
        written.number,
        written.total_number,
        written.day,
    )
    assert (issue.publisher, issue.title, issue.kind) == (written.publisher, written.title, written.kind)
    assert [squeeze(article.title) for article in issue.articles] == [squeeze(article.headline) for article in written.articles]
    assert [article.position for article in issue.articles] == list(range(1, len(written.articles) + 1))
    for read, wrote in zip(issue.articles, written.articles, strict=True):
        assert (read.column, read.source_line) == (wrote.column, wrote.source_line)
        assert (read.source, read.authors) == (wrote.source, wrote.authors)
        assert [(block.kind, block.text) for block in read.blocks] == list(wrote.blocks)
    assert (issue.unplaced, issue.colophon) == ((), written.colophon)
