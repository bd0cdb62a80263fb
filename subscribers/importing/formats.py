"""Which kind of list a file is, by what is in it and not by its name, and its tables."""

from __future__ import annotations

from collections.abc import Iterator

from subscribers.encoding import Guess
from subscribers.errors import InputError
from subscribers.importing.delimited import delimiter_of, read_delimited
from subscribers.importing.json_lines import header_of, read_json
from subscribers.importing.plain import HEADER as PLAIN_HEADER
from subscribers.importing.plain import is_plain, read_plain
from subscribers.importing.source import Source, broken_byte, text_of
from subscribers.importing.table import Chunk, Table
from subscribers.importing.vcard import HEADER as VCARD_HEADER
from subscribers.importing.vcard import read_vcards
from subscribers.importing.workbook import check_workbook, read_workbook

_ZIP, _OLD_OFFICE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_DIRECTORY_WITHIN = 16_000_000
_MARKUP = ("<html", "<!doctype", "<table", "<?xml", "<meta", "<head", "<style", "<body", "<div", "<script")
_SAMPLE_CHARACTERS = 200_000


def tables_of(source: Source) -> Iterator[Table]:
    """The tables of a file, one after the other. InputError for what is no list of any kind known here."""
    if source.head.startswith(_ZIP):
        check_workbook(source.path, source.name)
        yield from read_workbook(source.path, source.name)
        return
    if source.head.startswith(_OLD_OFFICE):
        raise InputError(_old_office(source))
    guess = source.guess()
    with text_of(source, guess) as text:
        sample = text.read(_SAMPLE_CHARACTERS).lstrip("\ufeff")
    _check_text(source, sample)
    yield from _text_tables(source, guess, sample)


def _text_tables(source: Source, guess: Guess, sample: str) -> Iterator[Table]:
    start = sample.lstrip()
    if start[:1] in {"{", "["}:
        with text_of(source, guess) as text:
            header = header_of(text, source.name)
        with text_of(source, guess) as text:
            yield Table(_readable(read_json(text, source.name, header), source, guess), header=header)
        return
    with text_of(source, guess) as text:
        if start[:11].upper() == "BEGIN:VCARD":
            yield Table(_readable(read_vcards(text, source.name), source, guess), header=VCARD_HEADER)
            return
        delimiter, rating = delimiter_of(start)
        if not rating.heading and is_plain(start):
            yield Table(_readable(read_plain(text), source, guess), header=PLAIN_HEADER)
        else:
            yield Table(_readable(read_delimited(text, source.name, delimiter), source, guess), escaped=True)


def _readable(chunks: Iterator[Chunk], source: Source, guess: Guess) -> Iterator[Chunk]:
    """The chunks; InputError for a byte that is no part of the text, by its line, and for a NUL."""
    try:
        yield from chunks
    except UnicodeDecodeError as error:
        raise broken_byte(source, guess) from error


def _check_text(source: Source, sample: str) -> None:
    if not sample.strip():
        raise InputError(f"{source.name}: the file is empty. Give a file with addresses in it.")
    if "\0" in sample:
        raise InputError(f"{source.name}: the file contains NUL bytes, so it is not text. Save it as text in UTF-8.")
    if sample.lstrip()[:200].lower().startswith(_MARKUP):
        raise InputError(
            f"{source.name}: this is a web page or XML, whatever its name says. Open it in Excel or WPS and save it as .xlsx or .csv."
        )
    if source.endless_line is not None:
        raise InputError(
            f"{source.name}:{source.endless_line}: a line of more than a million characters. This is no list of addresses."
        )


def _old_office(source: Source) -> str:
    with source.path.open("rb") as stream:
        encrypted = _ENCRYPTED in stream.read(_DIRECTORY_WITHIN)
    if encrypted:
        return f"{source.name}: the workbook is protected by a password. Save it without one."
    return f"{source.name}: this is an old Excel file (.xls). Open it in Excel or WPS, save it as .xlsx, and import that."
