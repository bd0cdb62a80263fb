"""The signs of symbol fonts, which Word keeps by their place in the font and not as characters."""

from __future__ import annotations

UNKNOWN = "\ufffd"
# Adobe's Symbol encoding (ISO 32000-1 annex D.5): the letters, and the operators that bulletins use.
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_GREEK = "ΑΒΧΔΕΦΓΗΙϑΚΛΜΝΟΠΘΡΣΤΥςΩΞΨΖαβχδεφγηιϕκλμνοπθρστυϖωξψζ"
_PLACES = (0xA3, 0xA5, 0xAC, 0xAE, 0xB0, 0xB1, 0xB3, 0xB4, 0xB7, 0xB8, 0xB9, 0xBB, 0xD6, 0xDE, 0xE5)
_SYMBOL = (
    dict(zip(_LETTERS, _GREEK, strict=True))
    | {sign: sign for sign in "0123456789!#%&()+,./:;<=>?[]_{|}"}
    | dict(zip(map(chr, _PLACES), "≤∞←→°±≥×•÷≠≈√⇒∑", strict=True))
)
# Wingdings as Unicode has them (UTC document L2/12-368).
_WINGDINGS = {
    **{chr(0x6C): "●", chr(0x6D): "❍", chr(0x6E): "■", chr(0x6F): "□", chr(0x71): "❑", chr(0x72): "❒", chr(0x74): "⧫", chr(0x75): "◆"},
    **{chr(0x76): "❖", chr(0x77): "⬥", chr(0x9F): "•", chr(0xA0): "▫", chr(0xA1): "○", chr(0xA4): "◉", chr(0xA7): "▪", chr(0xA8): "◻"},
    **{chr(0xAB): "★", chr(0xB2): "✧", chr(0xD8): "➢", chr(0xDC): "➲", chr(0xDF): "←", chr(0xE0): "→", chr(0xE1): "↑", chr(0xE2): "↓"},
    **{chr(0xE8): "➔", chr(0xF0): "⇨", chr(0xFB): "✗", chr(0xFC): "✓", chr(0xFD): "☒", chr(0xFE): "☑", chr(0x2A): "✉", chr(0x28): "☎"},
    **{chr(0x46): "☞", chr(0x4A): "☺", chr(0x4C): "☹", chr(0x26): "🕮", chr(0x3F): "✍", chr(0x52): "☼", chr(0xFF): "⊞"},
    **{chr(0x80 + number): sign for number, sign in enumerate("⓪①②③④⑤⑥⑦⑧⑨⑩⓿❶❷❸❹❺❻❼❽❾❿")},
}  # fmt: skip
_FONTS = {"symbol": _SYMBOL, "wingdings": _WINGDINGS}
_FIRST, _LAST = 0xF020, 0xF0FF  # where Word puts them in the private use area


def symbol(code: str, font: str) -> str:
    """The character that a sign is, by its place, in hexadecimal, in a font; `UNKNOWN` for one that no table names."""
    try:
        number = int(code, 16)
    except ValueError:
        return UNKNOWN
    return _named(chr(number), font) if 0 < number < 0x110000 else UNKNOWN


def symbols(text: str, font: str) -> str:
    """A text that is set in a symbol font, as the characters that it shows."""
    known = font.lower() in _FONTS
    return "".join(_named(sign, font) if known or _FIRST <= ord(sign) <= _LAST else sign for sign in text)


def _named(sign: str, font: str) -> str:
    place = chr(ord(sign) - 0xF000) if _FIRST <= ord(sign) <= _LAST else sign
    if place.isspace():
        return " "
    named = _FONTS.get(font.lower())
    if named is not None:
        return named.get(place, UNKNOWN)
    if font.lower() in ("webdings", "wingdings 2", "wingdings 3", "marlett"):
        return UNKNOWN
    return place if place != sign and place.isascii() else sign
