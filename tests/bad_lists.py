"""Files that are no lists of addresses, or bad ones: how each is made, and what must be said of it."""

from __future__ import annotations

import io
import os
import socket
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import xlsxwriter

Make = Callable[[Path], None]
_SHEET = "xl/worksheets/sheet1.xml"


def content(octets: bytes | str) -> Make:
    """A file of these octets."""
    return lambda path: (path.write_bytes(octets.encode() if isinstance(octets, str) else octets), None)[1]


def workbook(*rows: tuple[object, ...]) -> bytes:
    """A workbook of one sheet."""
    made = io.BytesIO()
    with xlsxwriter.Workbook(made, {"in_memory": True}) as book:
        sheet = book.add_worksheet("名单")
        for number, row in enumerate(rows):
            sheet.write_row(number, 0, row)
    return made.getvalue()


GOOD = workbook(("邮箱", "姓名"), ("wang@a.example", "王芳"))


def changed(replace: Mapping[str, Callable[[bytes], bytes]], add: Mapping[str, bytes] | None = None) -> bytes:
    """A good workbook with some of its parts changed, and others added."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(GOOD)) as old, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, replace.get(name, bytes)(old.read(name)))
        for name, octets in (add or {}).items():
            new.writestr(name, octets)
    return made.getvalue()


def archive(**parts: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as new:
        for name, octets in parts.items():
            new.writestr(name.replace("__", "/"), octets)
    return made.getvalue()


def _far_cell(sheet: bytes) -> bytes:
    return sheet.replace(b"</sheetData>", b'<row r="1048576"><c r="ALL1048576"><v>1</v></c></row></sheetData>')


def _wide(sheet: bytes) -> bytes:
    return sheet.replace(b"</sheetData>", b'<row r="3"><c r="XFD3"><v>1</v></c></row></sheetData>')


def _directory(path: Path) -> None:
    path.mkdir()


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))


def _nothing(_path: Path) -> None:
    pass


def _lying_bomb() -> bytes:
    """A part that unpacks to far more than the archive's directory says."""
    bomb = changed({_SHEET: lambda sheet: sheet.replace(b"<sheetData>", b"<sheetData>" + b" " * 50_000_000)})
    with zipfile.ZipFile(io.BytesIO(bomb)) as whole:
        size = whole.getinfo(_SHEET).file_size
    return bomb.replace(size.to_bytes(4, "little"), (1_000).to_bytes(4, "little"))


OLD = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
HEAD = "email,name\n"

# Name: how it is made, and words of the message.
BAD: Mapping[str, tuple[Make, str]] = {
    "empty.csv": (content(b""), "the file is empty"),
    "blank.csv": (content(b"\r\n \t\r\n"), "the file is empty"),
    "only_a_mark.csv": (content("\ufeff"), "the file is empty"),
    "only_nul.csv": (content(b"\0" * 5000), "the file is empty"),
    "header_only.csv": (content("邮箱,姓名\n"), "has a heading and no rows"),
    "no_address_column.csv": (content("姓名,单位\n王芳,研究院\n"), "no column holds addresses. It begins with: 姓名, 单位"),
    "two_address_columns.csv": (content("邮箱,email\na@a.example,b@b.example\n"), "'邮箱' and 'email' both hold addresses"),
    "two_without_names.csv": (
        content("姓名,甲,乙\n王芳,a@a.example,b@b.example\n"),
        "both hold addresses. Say which to take: --map",
    ),
    "side_by_side.csv": (
        content("姓名,邮箱,姓名,邮箱\n王芳,a@a.example,李四,b@b.example\n"),
        "several columns '邮箱' hold addresses",
    ),
    "prose.txt": (content("This is a letter.\nIt has no address.\n"), "no column holds addresses"),
    "letter.txt": (
        content("各位老师：\n请将回执发至 office@a.example，谢谢。\n办公室\n"),
        "no column holds addresses. It begins with: 各位老师",
    ),
    "log.txt": (
        content("10:00:00 to=<a@a.example> status=sent\n10:00:01 to=<b@a.example> status=bounced (550 unknown)\n"),
        "no column holds addresses",
    ),
    "web_page.csv": (content('<a href="mailto:a@a.example">a@a.example</a>\n'), "no column holds addresses"),
    "instructions.xlsx": (content(workbook(("请填写下表，有问题联系 office@a.example",))), "no column holds addresses"),
    "cut_pair.csv": (
        content("email\n".encode("utf-16") + b"\x00\xd8" + "a@a.example\n".encode("utf-16-le")),
        "its beginning says UTF-16",
    ),
    "socket.csv": (_socket, "this is a socket"),
    "far_column.xlsx": (
        content(changed({_SHEET: lambda sheet: sheet.replace(b'<c r="A2"', b'<c r="ZZZZZ2"')})),
        "columns. Copy those that are used",
    ),
    "wrong_string.xlsx": (content(changed({_SHEET: lambda sheet: sheet.replace(b"<v>2</v>", b"<v>999999</v>")})), "damaged"),
    "long_number.jsonl": (content('{"email": "a@a.example", "n": ' + "9" * 5_000 + "}\n"), "a number too long"),
    "nul_inside.csv": (content(b"email\nwang@a.example\nli\0@a.example\n"), "NUL"),
    "nul_later.csv": (content(HEAD.encode() + b"a@a.example,x\n" * 30_000 + b"b\0@a.example,y\n"), "NUL"),
    "program.csv": (content(b"MZ\x90\0\3\0\0\0\4\0\0\0\xff\xff\0\0" * 50), "NUL bytes, so it is not text"),
    "broken_utf8.csv": (
        content("邮箱,姓名\nwang@a.example,王芳\nli@a.example,".encode() + b"\xe6\x9d\n"),
        ":3: the byte 0xe6 cannot be read",
    ),
    "mixed.csv": (
        content("邮箱,姓名\n".encode() + "wang@a.example,王芳芳芳\n".encode() * 40 + "li@a.example,李四\n".encode("gbk")),
        ":42: the byte",
    ),
    "mixed_late.csv": (
        content("邮箱,姓名\n".encode() + "wang@a.example,王芳\n".encode() * 90_000 + "li@a.example,李四\n".encode("gbk")),
        ":90002: the byte",
    ),
    "lone_surrogate.csv": (content(b"email,name\na@a.example,\xed\xa0\x80\xe7\x8e\x8b\n"), "cannot be read"),
    "cut_utf16.csv": (content("邮箱\nwang@a.example\n".encode("utf-16")[:-1]), "ends in the middle of a character"),
    "no_encoding.csv": (content(b"email\na@a.example\n\xff\xff\xff\xff\n"), "neither UTF-8 nor GB18030 nor Big5"),
    "open_quote.csv": (
        content('email,name\na@a.example,"王芳\nb@a.example,李四\n'),
        ":2: a quote is opened here and never closed",
    ),
    "open_quote_long.csv": (
        content('email,name\na@a.example,"王芳\n' + "b@a.example,李四\n" * 20_000),
        ":2: a cell has more than",
    ),
    "swallowed_rows.csv": (
        content('email,name\na@a.example,"王芳\n' + "b@a.example,x\n" * 500 + 'c@a.example,"y"\n'),
        "a cell goes on over",
    ),
    "cell_of_10_MB.csv": (content("email,name\na@a.example," + "x" * 10_000_000 + "\n"), "a line of more than a million"),
    "quoted_10_MB.csv": (content('email,name\na@a.example,"' + "x\n" * 5_000_000 + '"\n'), "a cell has more than"),
    "columns_100000.csv": (content("email" + ",x" * 100_000 + "\na@a.example\n"), "more than 1,000 columns"),
    "one_endless_line.json": (content('{"email": "' + "a" * 3_000_000), "a line of more than a million"),
    "broken.jsonl": (content('{"email": "a@a.example"}\n{"email": \n'), ":2: this is not JSON"),
    "no_objects.jsonl": (content('["a@a.example", "b@a.example"]'), "this is no JSON object"),
    "deep.json": (content("[" * 100_000), "this is not JSON"),
    "endless_card.vcf": (content("BEGIN:VCARD\nFN:王芳\nEMAIL:wang@a.example\n"), "has no END:VCARD"),
    "web_page.xls": (content("<html><table><tr><td>wang@a.example</td></tr></table></html>"), "this is a web page or XML"),
    "spreadsheet_2003.xls": (content('<?xml version="1.0"?><Workbook></Workbook>'), "this is a web page or XML"),
    "old.xls": (content(OLD + b"\0" * 2000), "this is an old Excel file (.xls). Open it in Excel or WPS, save it as .xlsx"),
    "encrypted.xlsx": (content(OLD + b"\0" * 2000 + "EncryptedPackage".encode("utf-16-le")), "protected by a password"),
    "a_pdf.csv": (content(b"%PDF-1.7\n%..."), "this is a PDF file"),
    "picture.csv": (content(b"\x89PNG\r\n\x1a\n"), "a PNG picture"),
    "packed.csv.gz": (content(b"\x1f\x8b\x08\0"), "a gzip file"),
    "mailchimp.zip": (
        content(archive(**{"subscribed.csv": b"x", "cleaned.csv": b"y"})),
        "a ZIP archive, with cleaned.csv, subscribed.csv",
    ),
    "letter.docx": (content(archive(word__document=b"", **{"word/document.xml": b"<x/>"})), "this is a Word file"),
    "list.ods": (content(archive(mimetype=b"application/vnd.oasis.opendocument.spreadsheet")), "an OpenDocument file"),
    "cut.xlsx": (content(GOOD[: len(GOOD) // 2]), "damaged or cut off"),
    "broken_sheet.xlsx": (content(changed({_SHEET: lambda sheet: sheet[: len(sheet) // 2]})), "damaged"),
    "macros.xlsx": (content(changed({}, {"xl/vbaProject.bin": b"\0"})), "the workbook contains macros"),
    "entities.xlsx": (
        content(
            changed(
                {
                    _SHEET: lambda s: s.replace(
                        b"<worksheet", b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><worksheet', 1
                    )
                }
            )
        ),
        "declares entities",
    ),
    "bomb.xlsx": (
        content(changed({_SHEET: lambda s: s.replace(b"<sheetData>", b"<sheetData>" + b" " * 40_000_000)})),
        "unpacks to",
    ),
    "lying_bomb.xlsx": (content(_lying_bomb()), "the workbook"),
    "far_cell.xlsx": (content(changed({_SHEET: _far_cell})), "more memory or time"),
    "wide.xlsx": (content(changed({_SHEET: _wide})), "has 16,384 columns"),
    "empty.xlsx": (content(workbook()), "no column holds addresses"),
    "dates.xlsx": (content(workbook(("邮箱",), ("2023-01-02",), (45000,))), "no '@' in '2023-01-02'"),
    "hyperlink.csv": (
        content('email\n"=HYPERLINK(""http://evil.example"",""a@a.example"")"\n'),
        "is a formula, not an address",
    ),
    "header_injection.csv": (
        content('email\n"a@a.example\r\nBcc: b@b.example"\n'),
        "has a line like those at the head of a mail",
    ),
    "right_to_left.csv": (content("email\n\u202emoc.elpmaxe@a\n"), "before the '@'"),
    "too_long.csv": (content("email\n" + "a" * 300 + "@a.example\n"), "longer than 64 octets"),
    "too_long_a_domain.csv": (content("email\na@" + ("b" * 60 + ".") * 5 + "example\n"), "Domain too long"),
    "all_bad.csv": (content("email\nwang(at)a.example\n"), "no '@' in 'wang(at)a.example'"),
    "folder.csv": (_directory, "this is a folder"),
    "pipe.csv": (os.mkfifo, "this is a pipe"),
    "device.csv": (lambda path: path.symlink_to("/dev/zero"), "this is a device"),
    "missing.csv": (_nothing, "there is no such file"),
    "loop.csv": (lambda path: path.symlink_to(path), "cannot be read"),
}
