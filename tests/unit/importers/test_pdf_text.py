"""The signs of a PDF, written here object by object: what PDFium makes of them, and what is said of those that it cannot name."""

from __future__ import annotations

import pytest

from mailer.importers.pdf.reading import read_pdf
from subscribers.errors import InputError
from tests.unit.importers.documents import told

CMAP = b"""/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /X def /CMapType 2 def
1 begincodespacerange <00> <FF> endcodespacerange 1 beginbfchar <57> <00660066> endbfchar
1 beginbfrange <20> <56> <0020> endbfrange 1 beginbfrange <58> <7A> <0058> endbfrange endcmap end end"""
HELVETICA = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica%s>>"
NAMELESS = b"<</Type/Font/Subtype/Type0/BaseFont/X/Encoding/Identity-H/DescendantFonts[8 0 R]>>"
DESCENDANT = b"<</Type/Font/Subtype/CIDFontType2/BaseFont/X/CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)/Supplement 0>>>>"


def stream(content: bytes) -> bytes:
    return b"<</Length %d>>stream\n%s\nendstream" % (len(content), content)


def pdf(shown: bytes, *, cmap: bytes = b"") -> bytes:
    """A page with what is shown on it: in font F Helvetica, with such a map to Unicode, in font X one that names no sign."""
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Count 1/Kids[4 0 R]>>",
        HELVETICA % (b"/ToUnicode 6 0 R" if cmap else b""),
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<</Font<</F 3 0 R/X 7 0 R>>>>/Contents 5 0 R>>",
        stream(shown),
        stream(cmap),
        NAMELESS,
        DESCENDANT,
    ]
    content, places = b"%PDF-1.7\n", []
    for number, octets in enumerate(objects, 1):
        places.append(len(content))
        content += b"%d 0 obj%sendobj\n" % (number, octets)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    end = b"trailer<</Size %d/Root 1 0 R>>startxref %d\n%%%%EOF" % (len(objects) + 1, len(content))
    return content + b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1) + table + end


def test_both_letters_of_a_ligature_are_read() -> None:
    shown = b"BT /F 12 Tf 72 700 Td (OWice and diWerent News No. 9) Tj ET"
    assert told(read_pdf(pdf(shown, cmap=CMAP), "a.pdf")) == [("paragraph", "Office and different News No. 9")]


def test_a_pdf_that_names_none_of_its_signs_is_refused_with_what_to_do() -> None:
    shown = b"BT /X 12 Tf 72 700 Td <00410042004300440045004600470048> Tj ET"
    with pytest.raises(InputError, match=r"a\.pdf.*no ToUnicode.*Import the Word file"):
        read_pdf(pdf(shown), "a.pdf")


def test_a_sign_that_it_does_not_name_is_no_other_sign_and_is_doubted() -> None:
    shown = b"BT /F 12 Tf 72 700 Td (Room) Tj /X 12 Tf <0041> Tj /F 12 Tf (-306 of the main building) Tj ET"
    document = read_pdf(pdf(shown), "a.pdf")
    assert "\ufffd-306" in document.parts[0].block.text
    assert "a sign that the PDF does not name" in document.doubts[0]


def test_digits_above_or_below_the_line_stay_there() -> None:
    shown = b"BT /F 12 Tf 72 700 Td (An area of 10) Tj 8 Tf 5 Ts (-3) Tj /F 12 Tf 0 Ts ( km and CO) Tj 8 Tf -2 Ts (2) Tj /F 12 Tf 0 Ts ( too) Tj ET"
    shown = shown.replace(b" 8 Tf", b" /F 8 Tf")
    assert told(read_pdf(pdf(shown), "a.pdf")) == [("paragraph", "An area of 10⁻³ km and CO₂ too")]
