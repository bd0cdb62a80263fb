"""Older Word files, RTF and OpenDocument by way of LibreOffice: read whole where the machine has it, refused with what to do where not."""

from __future__ import annotations

import io
import re
import shutil
import socket
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from mailer.bulletin_files import parse, read_bulletin
from mailer.importers.document import Document
from mailer.importers.formats import Format, format_of
from mailer.office import may_read, to_docx
from subscribers.errors import InputError
from tests.paths import PROJECT
from tests.unit.importers.documents import told

PAGE = """<html><head><meta charset="utf-8"></head><body><h1>信息集锦 2023年第9期（总第190期） 2023年8月3日</h1>
<h2>工作通知</h2><p><b>注意：</b>请各单位于周五前报名。</p>
<table border="1"><tr><td>日期</td><td>地点</td></tr><tr><td>八月三日</td><td>北京</td></tr></table>
<h2>学术月</h2><p>详见附件。</p></body></html>"""
FILTERS = {"doc": "doc:MS Word 97", "rtf": "rtf:Rich Text Format", "odt": "odt:writer8"}
office = pytest.mark.debian("soffice")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One bulletin as LibreOffice writes it in each of the formats."""
    folder = tmp_path_factory.mktemp("office")
    (folder / "a.html").write_text(PAGE)
    program = shutil.which("soffice")
    assert program is not None
    profile = f"-env:UserInstallation={(folder / 'profile').as_uri()}"
    for kind in FILTERS.values():
        words = ["--headless", "--infilter=HTML (StarWriter)", "--convert-to", kind, "--outdir", str(folder)]
        command = [program, profile, *words, str(folder / "a.html")]
        subprocess.run(command, check=True, capture_output=True)
    return folder


def parsed(content: bytes, name: str) -> Document:
    return parse(content, format_of(content, name), name)


@office
@pytest.mark.parametrize("suffix", FILTERS)
def test_headings_tables_and_bold_letters_are_read(made: Path, suffix: str) -> None:
    reading = read_bulletin(made / f"a.{suffix}").reading
    assert (reading.issue.number, reading.issue.total_number) == (9, 190)
    assert [article.title for article in reading.issue.articles] == ["工作通知", "学术月"]
    text, table = reading.issue.articles[0].blocks
    assert [(inline.text, inline.strong) for inline in text.inlines] == [("注意：", True), ("请各单位于周五前报名。", False)]
    assert [[cell.text for cell in row] for row in table.rows] == [["日期", "地点"], ["八月三日", "北京"]]


@office
@pytest.mark.parametrize("suffix", ["rtf", "odt"])
def test_where_there_is_no_libreoffice_it_says_what_to_do(made: Path, suffix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(InputError, match=rf"a\.{suffix}.*Save it as \.docx.*or install LibreOffice"):
        read_bulletin(made / f"a.{suffix}")


@office
def test_and_of_old_word_files_the_text_alone_is_read(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    document = parsed((made / "a.doc").read_bytes(), "a.doc")
    assert ("paragraph", "注意：请各单位于周五前报名。") in told(document)
    assert "the text alone was read" in " ".join(document.warnings)


@office
def test_an_encrypted_old_word_file_is_refused_with_what_to_do(made: Path) -> None:
    content = bytearray((made / "a.doc").read_bytes())
    flags = content.find(b"\xec\xa5") + 11  # [MS-DOC] §2.5.2: fEncrypted
    content[flags] |= 1
    with pytest.raises(InputError, match=r"a\.doc.*[Ee]ncrypted.*save it as \.docx"):
        parsed(bytes(content), "a.doc")


def with_files(content: bytes, **files: bytes) -> bytes:
    """A zip file with files put into it, or in the place of others."""
    packed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(packed, "w") as new:
        for entry in old.infolist():
            new.writestr(entry, files.pop(entry.filename, None) or old.read(entry))
        for name, octets in files.items():
            new.writestr(name, octets)
    return packed.getvalue()


@office
def test_pictures_on_the_web_are_not_fetched(made: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        address = f"http://127.0.0.1:{server.getsockname()[1]}/a.png"
        rtf = rf'{{\rtf1 News {{\field{{\*\fldinst INCLUDEPICTURE "{address}" \\d}}{{\fldrslt }}}} text\par}}'.encode()
        content = (made / "a.odt").read_bytes()
        with zipfile.ZipFile(io.BytesIO(content)) as odt:
            body = odt.read("content.xml").decode()
        frame = f'<draw:frame svg:width="5cm" svg:height="5cm"><draw:image xlink:href="{address}"/></draw:frame>'
        open_document = with_files(content, **{"content.xml": body.replace("详见附件。", f"{frame}详见附件。").encode()})
        for octets, name in ((rtf, "a.rtf"), (open_document, "a.odt")):
            assert parsed(octets, name).parts
        with pytest.raises(BlockingIOError):
            server.accept()


@office
def test_macros_are_dropped_and_named(made: Path) -> None:
    content = (made / "a.odt").read_bytes()
    with zipfile.ZipFile(io.BytesIO(content)) as odt:
        manifest = odt.read("META-INF/manifest.xml").decode()
    entry = '<manifest:file-entry manifest:full-path="Basic/Standard/Module1.xml" manifest:media-type="text/xml"/>'
    files = {"META-INF/manifest.xml": manifest.replace("</manifest:manifest>", f"{entry}</manifest:manifest>").encode()}
    content = with_files(content, **files, **{"Basic/Standard/Module1.xml": b"<script/>"})
    assert "its macros were left out" in " ".join(parsed(content, "a.odt").warnings)


@office
def test_what_libreoffice_cannot_read_is_none() -> None:
    program = shutil.which("soffice")
    assert program is not None
    assert to_docx(program, b"PK\x03\x04 garbage", Format.OPEN_DOCUMENT) is None


@office
@pytest.mark.parametrize("suffix", ["rtf", "odt"])
def test_of_what_it_cannot_read_nothing_is_read_and_it_is_said_what_to_do(made: Path, suffix: str) -> None:
    content = (made / f"a.{suffix}").read_bytes()
    garbled = (
        with_files(content, **{"content.xml": b"<broken"}) if suffix == "odt" else content[:6] + b"\\bin999999 " + bytes(50)
    )
    with pytest.raises(InputError, match=rf"a\.{suffix}: LibreOffice cannot read this file.*save it as \.docx"):
        parsed(garbled, f"a.{suffix}")


@office
def test_an_old_word_file_that_it_cannot_read_says_so_beside_what_else_is_said(made: Path) -> None:
    content = bytearray((made / "a.doc").read_bytes())
    flags = content.find(b"\xec\xa5") + 11  # [MS-DOC] §2.5.2: fEncrypted
    content[flags] |= 1
    with pytest.raises(InputError, match=r"a\.doc.*save it as \.docx.*LibreOffice cannot read it either"):
        parsed(bytes(content), "a.doc")


def test_it_is_started_from_one_place_alone() -> None:
    sources = (PROJECT / "mailer").rglob("*.py")
    assert [path.name for path in sources if re.search(r"['\"](soffice|libreoffice)", path.read_text("utf-8"))] == ["office.py"]


def test_garbage_is_not_given_to_it() -> None:
    assert not may_read(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(5000), Format.LEGACY)
    assert not may_read(b"<html>", Format.HTML)


WRITE = "open('large', 'wb').write(bytes(70_000_000))"


@pytest.mark.parametrize("does", ["bytearray(5 << 30)", WRITE])
def test_its_process_has_limits_of_memory_and_of_output(does: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mailer.office", sys.executable, "-c", does]
    ended = subprocess.run(command, capture_output=True, check=False, cwd=tmp_path)
    assert ended.returncode != 0
    assert all(file.stat().st_size <= 60_000_000 for file in tmp_path.iterdir())
