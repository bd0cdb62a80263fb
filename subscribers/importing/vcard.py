"""vCard 2.1, 3.0 and 4.0 (RFC 6350), as phones, Outlook and address books write them."""

from __future__ import annotations

import quopri
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Iterator
from typing import IO

from subscribers.errors import InputError
from subscribers.importing.headers import Field
from subscribers.importing.table import Chunk, Row, in_chunks

HEADER = (Field.ADDRESS.value, Field.NAME.value, Field.INSTITUTE.value, Field.ROLE.value, Field.PHONE.value)
_OF_PROPERTY = {"EMAIL": 0, "FN": 1, "ORG": 2, "TITLE": 3, "TEL": 4}
_ESCAPES = {"n": "\n", "N": "\n"}


def read_vcards(text: IO[str], name: str) -> Iterator[Chunk]:
    """One row a card; several addresses of a card stand in one cell. InputError for a card that never ends."""
    return in_chunks(_cards(text, name))


def _cards(text: IO[str], name: str) -> Iterator[tuple[int, Row]]:
    began, cells, structured = 0, [""] * len(HEADER), ""
    for line, content in _unfolded(text):
        key, value = _property(content)
        match key, value.strip().upper():
            case "BEGIN", "VCARD":
                if began:
                    raise _endless(name, began)
                began, cells, structured = line, [""] * len(HEADER), ""
            case "END", "VCARD":
                yield began, [cells[0], cells[1] or structured, *cells[2:]]
                began = 0
            case "N", _:
                surname, given, *_ = [*map(str.strip, _parts(value, ";")), ""]
                structured = f"{given} {surname}".strip() if given.isascii() else surname + given
            case _:
                place = _OF_PROPERTY.get(key)
                if place is not None and value.strip():
                    new = " ".join(_parts(value, ";")[:1]).strip() if key == "ORG" else "".join(_parts(value, "\0")).strip()
                    cells[place] = f"{cells[place]}; {new}" if cells[place] and key == "EMAIL" else cells[place] or new
    if began:
        raise _endless(name, began)


def _unfolded(text: IO[str]) -> Iterator[tuple[int, str]]:
    """Whole lines: one that begins with a blank goes on the line before it, and so does one after quoted-printable's `=`."""
    began, whole = 0, ""
    for line, raw in enumerate(text, 1):
        content = raw.rstrip("\r\n")
        if whole and content[:1] in {" ", "\t"}:
            whole += content[1:]
        elif whole.endswith("=") and "QUOTED-PRINTABLE" in whole.partition(":")[0].upper():
            whole = whole[:-1] + content
        else:
            if whole:
                yield began, whole
            began, whole = line, content.lstrip("\ufeff")
    if whole:
        yield began, whole


def _property(content: str) -> tuple[str, str]:
    head, _, value = content.partition(":")
    name, *parameters = head.split(";")
    settings = [parameter.upper().removeprefix("ENCODING=") for parameter in parameters]
    charset = next((parameter[8:] for parameter in parameters if parameter.upper().startswith("CHARSET=")), "utf-8").strip('"')
    try:
        if "QUOTED-PRINTABLE" in settings:
            value = quopri.decodestring(value.encode()).decode(charset)
        elif {"B", "BASE64"} & set(settings) and not name.upper().endswith("PHOTO"):
            value = b64decode(value).decode(charset)
    except (UnicodeDecodeError, LookupError, Base64Error):
        value = ""
    return name.rpartition(".")[2].strip().upper(), value


def _parts(value: str, divider: str) -> list[str]:
    parts, escaped = [""], False
    for sign in value:
        if escaped:
            parts[-1] += _ESCAPES.get(sign, sign)
            escaped = False
        elif sign == "\\":
            escaped = True
        elif sign == divider:
            parts.append("")
        else:
            parts[-1] += sign
    return parts


def _endless(name: str, line: int) -> InputError:
    return InputError(f"{name}:{line}: the card that begins here has no END:VCARD. Export the contacts again.")
