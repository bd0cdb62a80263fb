"""Six issues of a real Chinese bulletin, each as Markdown, HTML and PDF of the same text."""

import shutil
import subprocess
from pathlib import Path

import pytest

from mailer.importers.bulletin import read_document
from mailer.importers.files import read_file
from mailer.importers.formats import Format, format_of
from mailer.importers.reading import Reading
from tests.paths import CORPORA
from tests.unit.importers.documents import letters, source_lines, without_addresses

pytestmark = pytest.mark.skipif(CORPORA is None, reason="the corpora lie beside the project and are not here")
ISSUES = sorted((CORPORA / "issues").glob("*.md")) if CORPORA is not None else []


def read(content: bytes, name: str) -> Reading:
    return read_document(read_file(content, format_of(content, name), name), name)


def shares(reading: Reading, markdown: Path) -> tuple[float, float]:
    """How many of the Markdown's lines stand whole in a paragraph, and how many are one."""
    said = [letters(without_addresses(block.text)) for article in reading.issue.articles for block in article.blocks]
    lines = list(source_lines(markdown.read_text()))
    whole = sum(any(line in paragraph for paragraph in said) for line in lines)
    return whole / len(lines), sum(line in said for line in lines) / len(lines)


@pytest.mark.parametrize("markdown", ISSUES, ids=lambda path: path.stem)
@pytest.mark.parametrize("suffix", [".md", ".html"])
def test_every_line_is_a_paragraph(markdown: Path, suffix: str) -> None:
    file = markdown.with_suffix(suffix)
    assert shares(read(file.read_bytes(), file.name), markdown) == (1.0, 1.0)


@pytest.mark.parametrize("markdown", ISSUES, ids=lambda path: path.stem)
def test_a_pdf_in_two_columns_gives_the_paragraphs_back(markdown: Path) -> None:
    file = markdown.with_suffix(".pdf")
    reading = read(file.read_bytes(), file.name)
    whole, equal = shares(reading, markdown)
    assert whole >= 0.95
    assert equal >= 0.8
    assert reading.issue.title == "南哪大专醒前消息"
    assert reading.issue.date is not None


@pytest.mark.parametrize("markdown", ISSUES, ids=lambda path: path.stem)
def test_all_three_have_the_same_articles(markdown: Path) -> None:
    first, *others = [
        [letters(article.title).lstrip("0123456789") for article in read(file.read_bytes(), file.name).issue.articles]
        for file in map(markdown.with_suffix, (".md", ".html", ".pdf"))
    ]
    assert len(first) >= 6
    assert all([title.lstrip("0123456789") for title in first][:6] == other[:6] for other in others)


@pytest.mark.debian("pandoc")
@pytest.mark.parametrize("markdown", ISSUES, ids=lambda path: path.stem)
def test_a_docx_that_pandoc_makes_gives_every_line_back(markdown: Path, tmp_path: Path) -> None:
    pandoc = shutil.which("pandoc")
    assert pandoc is not None
    file = tmp_path / "a.docx"
    subprocess.run([pandoc, "-f", "markdown-smart", "-t", "docx", str(markdown), "-o", str(file)], check=True)
    assert shares(read(file.read_bytes(), file.name), markdown) == (1.0, 1.0)


def test_the_same_file_is_read_the_same_each_time() -> None:
    file = ISSUES[0].with_suffix(".pdf")
    first, second = (read_file(file.read_bytes(), Format.PDF, file.name) for _ in range(2))
    assert first == second
