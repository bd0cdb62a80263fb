"""A zip file as one issue."""

import io
import zipfile

import pytest

from mailer.importers.bulletin import read_document
from mailer.importers.files import read_file
from mailer.importers.formats import Format, format_of
from subscribers.errors import InputError
from tests.unit.importers.documents import docx, paragraph


def packed(**files: bytes) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, octets in files.items():
            archive.writestr(name.replace("__", "."), octets)
    return content.getvalue()


FRONT = "---\ntitle: 信息集锦\nnumber: 9\ndate: 2023-08-03\n---\n"


def test_a_file_for_each_article_in_the_order_in_which_people_count() -> None:
    content = packed(
        a10__md="# 丙\n\n丙的正文。\n".encode(),
        a2__docx=docx(paragraph("乙", "1") + paragraph("小标题", "2") + paragraph("乙的正文。")),
        a1__md=(FRONT + "# 甲\n\n甲的正文。\n").encode(),
    )
    issue = read_document(read_file(content, Format.ARCHIVE, "a.zip"), "a.zip").issue
    assert [article.title for article in issue.articles] == ["甲", "乙", "丙"]
    assert [(block.kind.value, block.text) for block in issue.articles[1].blocks] == [
        ("heading", "小标题"),
        ("paragraph", "乙的正文。"),
    ]


def test_what_no_bulletin_is_read_from_is_named() -> None:
    document = read_file(packed(a__md=(FRONT + "# 甲\n\n乙。").encode(), b__xlsx=b"x"), Format.ARCHIVE, "a.zip")
    assert "b.xlsx" in " ".join(document.warnings)


def test_an_archive_without_a_text_is_refused() -> None:
    with pytest.raises(InputError, match="no file in it"):
        read_file(packed(a__png=b"x"), Format.ARCHIVE, "a.zip")


def test_an_archive_within_an_archive_is_not_opened() -> None:
    document = read_file(packed(a__md=(FRONT + "# 甲\n\n乙。").encode(), b__docx=packed(x=b"y")), Format.ARCHIVE, "a.zip")
    assert "within an archive" in " ".join(document.warnings)


def test_what_only_libreoffice_reads_is_refused_in_an_archive_by_the_name_of_its_file() -> None:
    with pytest.raises(InputError, match=r"a\.doc: this is an RTF file\. Save it as \.docx; from an archive it is not read"):
        read_file(packed(a__doc=rb"{\rtf1\ansi text}"), Format.ARCHIVE, "a.zip")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"%PDF-1.7\n", Format.PDF),
        (docx(""), Format.DOCX),
        (b"<html><body><p>\xe7\x94\xb2</p></body></html>", Format.HTML),
        ("<!DOCTYPE html>\n<p>甲<p>乙".encode("utf-16"), Format.HTML),
        ("# 甲\n\n## 乙\n\n**丙**\n".encode(), Format.MARKDOWN),
        ("---\nnumber: 9\n---\n正文".encode(), Format.MARKDOWN),
        ("信息集锦\n2023年第9期\n".encode("gbk"), Format.TEXT),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), Format.LEGACY),
        (packed(a=b"b"), Format.ARCHIVE),
    ],
)
def test_the_format_is_known_by_the_content_whatever_the_name_says(content: bytes, expected: Format) -> None:
    assert format_of(content, "bulletin.txt") is expected


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\x89PNG\r\n\x1a\n", "picture"),
        (packed(**{"xl/workbook__xml": b"<x/>"}), "Excel"),
        (b"PK\x03\x04 damaged", "damaged"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"), "password"),
        (
            b"From: <Saved by Blink>\r\nSubject: x\r\n\ty\r\nMIME-Version: 1.0\r\nContent-Type: multipart/related;\r\n",
            "saved as one file",
        ),
        (b"Content-Type: text/html; charset=gbk\r\n\r\n<p>", "saved as one file"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_with_what_to_do(content: bytes, said: str) -> None:
    with pytest.raises(InputError, match=said):
        format_of(content, "bulletin.docx")
