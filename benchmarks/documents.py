"""The processor's time for reading a long PDF and a long DOCX, against the five and three seconds that they may take.

The PDF has forty pages of a real bulletin, four of them again and again; the DOCX a hundred articles of a page each. Another number of
`--recipients` is that of the PDF's pages; the DOCX has two and a half times as many, and the seconds allowed grow with them. Measured is
what the guarded process does once it has the octets: open, read, and put the bulletin together.
"""

from __future__ import annotations

import io
import time
from pathlib import Path

import docx
import pypdfium2

from benchmarks.figures import Figure, Pair, Report, progress
from benchmarks.opponents import MATERIAL
from benchmarks.options import Options
from mailer.importers.bulletin import read_document
from mailer.importers.files import read_file
from mailer.importers.formats import Format

RECIPIENTS = 40
_ISSUE = "corpora/issues/2024-12-02.pdf"
_ISSUE_PAGES = 4
_PDF_SECONDS, _DOCX_SECONDS = 5 / 40, 3 / 100  # a page
_DOCX_PAGES = 2.5  # times those of the PDF
_PARAGRAPHS = 7  # on a page
_PARAGRAPH = "各会员单位请于周五前报名，名额有限，先到先得。" * 5


def run(options: Options) -> Report:
    """Seconds of CPU for each."""
    pages, figures, remarks = round(options.recipients * _DOCX_PAGES), [], []
    timed = _timed(Format.DOCX, _word(pages), pages * _DOCX_SECONDS, options.pairs)
    figures.append(Figure("docx", f"a DOCX of {pages} pages", "s", timed, most=1.0))
    if (issue := MATERIAL / _ISSUE).is_file():
        timed = _timed(Format.PDF, _pdf(issue, options.recipients), options.recipients * _PDF_SECONDS, options.pairs)
        figures.append(Figure("pdf", f"a PDF of {options.recipients} pages", "s", timed, most=1.0))
    else:
        remarks.append("the bulletins' PDFs are not here: DOCX only")
    return Report("documents", tuple(figures), {"recipients": options.recipients}, remarks=tuple(remarks))


def _timed(form: Format, content: bytes, allowed: float, times: int) -> tuple[Pair, ...]:
    progress(f"  {form.name}")
    return tuple(Pair(_seconds(form, content), allowed) for _ in range(times))


def _seconds(form: Format, content: bytes) -> float:
    begun = time.process_time()
    read_document(read_file(content, form, "a"), "a")
    return time.process_time() - begun


def _pdf(issue: Path, pages: int) -> bytes:
    source, document = pypdfium2.PdfDocument(issue), pypdfium2.PdfDocument.new()
    document.import_pages(source, [number % _ISSUE_PAGES for number in range(pages)])
    content = io.BytesIO()
    document.save(content)
    return content.getvalue()


def _word(pages: int) -> bytes:
    document = docx.Document()
    document.add_paragraph("信息集锦 2023年第9期（总第190期）", style="Title")
    for page in range(1, pages + 1):
        document.add_heading(f"第{page}篇", level=1)
        for _ in range(_PARAGRAPHS):
            document.add_paragraph(_PARAGRAPH)
    content = io.BytesIO()
    document.save(content)
    return content.getvalue()
