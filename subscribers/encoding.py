"""From the bytes of a file, as Windows, Office and mail programs in China write them, to text."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

from subscribers.errors import InputError

# A longer mark stands before the shorter one that begins like it (Unicode 15, §23.8).
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

_SIGNATURES = (
    (b"%PDF", "a PDF file", "Import it under its own ending .pdf, or save its text."),
    (
        b"PK\x03\x04",
        "a ZIP file, as Word (.docx) and Excel (.xlsx) write them",
        "Import it under its own ending, or save it as text.",
    ),
    (b"\xd0\xcf\x11\xe0", "an old Office file (.doc, .xls)", "Open it in Office or WPS and save it as text, .docx or .xlsx."),
    (b"{\\rtf", "a rich text file (.rtf)", "Open it in Word or WPS and save it as text or .docx."),
    (b"\x89PNG", "a PNG picture", "Give the text, not a picture of it."),
    (b"\xff\xd8\xff", "a JPEG picture", "Give the text, not a picture of it."),
    (b"GIF8", "a GIF picture", "Give the text, not a picture of it."),
    (b"\x1f\x8b", "a gzip file", "Unpack it first."),
    (b"Rar!", "a RAR archive", "Unpack it first."),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "Unpack it first."),
)

# GB 2312 has its 3755 most frequent characters in rows 16 to 55, Big5 its 5401 from A440 to C67E; both have signs before them.
_SIGN = {
    "gb18030": re.compile(rb"[\x81-\xfe][\x30-\x39][\x81-\xfe][\x30-\x39]|[\x81-\xfe][\x40-\xfe]"),
    "big5hkscs": re.compile(rb"[\x81-\xfe][\x40-\x7e\xa1-\xfe]"),
}
_FIRST_LEVEL = {"gb18030": re.compile(rb"[\xb0-\xd7][\xa1-\xfe]"), "big5hkscs": re.compile(rb"[\xa4-\xc6].")}
_PUNCTUATION = {"gb18030": re.compile(rb"[\xa1-\xa3][\xa1-\xfe]"), "big5hkscs": re.compile(rb"[\xa1-\xa3].")}
_LEAST_COMMON = 0.05
_ACCENT = re.compile(rb"(?<![\x80-\xff])[\xc0-\xff](?![\x80-\xff])")
_LEAST_KNOWN = 0.3  # the share of ASCII and common characters in text; in the wrong order of bytes it is below 0.05

# The most frequent characters of Chinese text in both scripts, and of member lists. Text that was decoded with the wrong one of
# GB18030 and Big5 consists of rare characters, so a handful of these decides.
_COMMON = frozenset(
    "的一是不了在人有我他这個个们們中来來上大为為和国國地到以说說时時要就出会會可也你对對生能而子那得于着下自之年过過发發后後"
    "作里用道行所然家种事成方多经經么去法学學如都同现現当當没沒动動面起看定天分还還进進好小部其些主样樣理心本前开開但因只从從"
    "想实實日军者意无無力它与與长長把机機十民第公此已工使情明性知全三又关關点點正业業外将將两兩高间間由问問很最重并物手应應"
    "战向头體体政美相见見被利什二等产產或新己制身果加西斯月话合回特代内內信表化老给給世位次度门門任常先海通教东東声提立及比员員"
    "解水名真论論处處走义義各入几口认認条條平系气氣题題活尔更别打女变變四神总總何电電数數安少报報才结結反受目太量再感建务務做接必"
    "场場件计計管期市直德资資命山金指克许許统統区區保至队隊形社便空决決治展马馬科司五基眼书書非则則听白却界达達光放强強即像难"
    "且权權思王象完设設式色路记記南品住告类類求据據程北边邊死张張该該交规規万萬取拉格望觉術术领領共确確传傳师師观觀清今切院让"
    "讓识識候带帶导導争爭姓邮郵箱址号號职職称稱编編联聯系系团團协協委技创創研究简簡讯訊采購购服企，。、：；（）《》【】“”「」"
)


@dataclass(frozen=True, slots=True)
class Guess:
    """A codec by Python's name, and what to tell whoever has a byte that does not fit it."""

    encoding: str
    why: str


def decode(content: bytes, name: str) -> str:
    """The text of a file in any encoding met in China, without byte order marks.

    Raises InputError, with `name`, for an empty file, for one that is no text, and for one in no known encoding.
    """
    guess = guess_encoding(content, name)
    try:
        text = content.decode(guess.encoding).replace("\ufeff", "")
    except UnicodeDecodeError as error:
        raise broken(name, content.count(b"\n", 0, error.start) + 1, content[error.start], guess.why) from error
    if not text.strip():
        raise InputError(f"{name}: the file is empty. Give a file with text in it.")
    if "\0" in text:
        raise _binary(name)
    return text


def guess_encoding(content: bytes, name: str, *, complete: bool = True) -> Guess:
    """How the text in `content` is encoded; without `complete` it may end in the middle of a character.

    A byte order mark decides; then NUL bytes say UTF-16, then valid UTF-8 is UTF-8; the rest is GB18030 (which holds GBK and GB2312)
    or Big5, whichever gives the more common characters. Raises InputError, with `name`, for what is no text.
    """
    for mark, encoding in _BYTE_ORDER_MARKS:
        if content.startswith(mark):
            return Guess(encoding, f"its beginning says {encoding.removesuffix('-sig').upper()}")
    for signature, what, cure in _SIGNATURES:
        if content.startswith(signature):
            raise InputError(f"{name}: this is {what}, not text. {cure}")
    if b"\0" in content:
        return _guess_wide(content, name, complete=complete)
    return _guess_narrow(content, complete=complete)


def broken(name: str, line: int, byte: int, why: str) -> InputError:
    """What to say of a byte that is no part of the text."""
    return InputError(
        f"{name}:{line}: the byte 0x{byte:02x} cannot be read: {why}. Open the file in an editor and save it as UTF-8."
    )


def _guess_wide(content: bytes, name: str, *, complete: bool) -> Guess:
    """UTF-16 without a mark: in one of the two orders of bytes it consists of ASCII and of common characters, in the other of
    neither. Both have NUL bytes on both sides: 一 is 4E00, and every line end and figure has one."""
    texts = {encoding: _decoded(content, encoding, complete=complete) or "" for encoding in ("utf-16-le", "utf-16-be")}
    likely = max(texts, key=lambda encoding: _share_of_known_characters(texts[encoding]))
    if _share_of_known_characters(texts[likely]) < _LEAST_KNOWN:
        raise _binary(name)
    return Guess(likely, "the rest of the file is UTF-16")


def _guess_narrow(content: bytes, *, complete: bool) -> Guess:
    if _decoded(content, "utf-8", complete=complete) is not None:
        return Guess("utf-8", "the rest of the file is UTF-8")
    texts = {encoding: _decoded(content, encoding, complete=complete) for encoding in ("gb18030", "big5hkscs")}
    shares = {encoding: _share_of_common_characters(text) for encoding, text in texts.items() if text is not None}
    damaged = content.decode("utf-8", errors="replace")
    if _is_nearly_whole(damaged) or _share_of_common_characters(damaged) > max(shares.values(), default=1.0):
        return Guess("utf-8", "the rest of the file is UTF-8")
    if max(shares.values(), default=0.0) < _LEAST_COMMON and _is_western(content):
        return Guess("cp1252", "the rest of the file is Windows-1252")
    if not shares:
        return Guess("utf-8", "the file is neither UTF-8 nor GB18030 nor Big5")
    # The first, GB18030, where they are equal.
    likely = max(shares, key=lambda encoding: shares[encoding] + _share_of_first_level(content, encoding))
    return Guess(likely, f"the rest of the file is {likely.upper()}")


def _share_of_first_level(content: bytes, encoding: str) -> float:
    """How many of the characters are of the first level of the standard that the encoding comes from: nearly all of real text is."""
    signs = [sign for sign in _SIGN[encoding].findall(content) if not _PUNCTUATION[encoding].match(sign)]
    return sum(bool(_FIRST_LEVEL[encoding].match(sign)) for sign in signs) / max(1, len(signs))


def _is_western(content: bytes) -> bool:
    """Whether what is not ASCII stands alone among letters, as in Müller: the octets of Chinese text come in pairs."""
    accents = len(_ACCENT.findall(content))
    return accents * 10 > 9 * sum(octet > 0x7F for octet in content) and _decoded(content, "cp1252", complete=True) is not None


def _decoded(content: bytes, encoding: str, *, complete: bool) -> str | None:
    try:
        return codecs.getincrementaldecoder(encoding)().decode(content, final=complete)
    except UnicodeDecodeError:
        return None


def _is_nearly_whole(text: str) -> bool:
    """Whether nearly all of what is not ASCII was UTF-8: text in another encoding hardly ever contains a valid sequence of three."""
    wide = [character for character in text if character > "\x7f"]
    return wide.count("\ufffd") * 10 < len(wide)


def _share_of_common_characters(text: str) -> float:
    wide = [character for character in text if character > "\x7f"]
    return sum(character in _COMMON for character in wide) / max(1, len(wide))


def _share_of_known_characters(text: str) -> float:
    return sum(character in _COMMON or " " <= character <= "~" or character in "\r\n\t" for character in text) / max(
        1, len(text)
    )


def _binary(name: str) -> InputError:
    return InputError(f"{name}: the file contains NUL bytes, so it is not text. Save it as text in UTF-8.")
