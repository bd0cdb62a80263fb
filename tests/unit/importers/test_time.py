"""How much of a processor's time large files take; the clock on the wall would measure the machine's other work."""

from __future__ import annotations

import io
import time

import pypdfium2
import pytest

from mailer.importers.bulletin import read_document
from mailer.importers.files import read_file
from mailer.importers.formats import Format
from tests.paths import CORPORA
from tests.unit.importers.documents import docx, paragraph

PAGE = "".join(paragraph("各会员单位请于周五前报名，名额有限，先到先得。" * 5) for _ in range(7))


@pytest.mark.skipif(CORPORA is None, reason="the corpora lie beside the project and are not here")
def test_a_pdf_of_forty_pages_takes_less_than_five_seconds() -> None:
    assert CORPORA is not None
    issue = pypdfium2.PdfDocument(CORPORA / "issues/2024-12-02.pdf")
    document = pypdfium2.PdfDocument.new()
    for _ in range(10):
        document.import_pages(issue, [0, 1, 2, 3])
    content = io.BytesIO()
    document.save(content)
    begun = time.process_time()
    read_document(read_file(content.getvalue(), Format.PDF, "a.pdf"), "a.pdf")
    assert time.process_time() - begun < 5


def test_a_docx_of_a_hundred_pages_takes_less_than_three_seconds() -> None:
    body = paragraph("信息集锦 2023年第9期", "t") + "".join(paragraph(f"第{page}篇", "1") + PAGE for page in range(100))
    begun = time.process_time()
    reading = read_document(read_file(docx(body), Format.DOCX, "a.docx"), "a.docx")
    assert time.process_time() - begun < 3
    assert len(reading.issue.articles) == 100
