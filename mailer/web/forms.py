"""What a page's form brought, as plain values; whatever else a body may hold is no form and has no fields."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from urllib.parse import parse_qsl

_MAX_FIELDS = 200
_MAX_DIGITS = 9
_LINE_LENGTH = 120
# What has no shape of its own can only mislead (Unicode categories).
_CONTROLS = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})


@dataclass(frozen=True, slots=True)
class Form:
    """Names and values in their order."""

    fields: tuple[tuple[str, str], ...]

    @classmethod
    def read(cls, body: bytes) -> Form:
        """The fields of an URL-encoded body; none where it is not one."""
        try:
            pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=_MAX_FIELDS, errors="replace")
        except ValueError:
            return cls(())
        return cls(tuple(pairs))

    def line(self, name: str) -> str:
        """A line of text as a person typed it: composed, without control characters, spaces folded, 120 characters at most."""
        typed = next((value for key, value in self.fields if key == name), "")
        return one_line(typed)

    def numbers(self, name: str) -> frozenset[int]:
        """Every whole number that was given under this name."""
        return frozenset(number for key, value in self.fields if key == name and (number := whole_number(value)) is not None)

    def number(self, name: str) -> int | None:
        """The whole number of this name; None where it is absent or none."""
        return next((whole_number(value) for key, value in self.fields if key == name), None)


def one_line(typed: str) -> str:
    """Text as one harmless line."""
    composed = unicodedata.normalize("NFC", " ".join(typed.split()))
    return "".join(letter for letter in composed if unicodedata.category(letter) not in _CONTROLS)[:_LINE_LENGTH].strip()


def whole_number(text: str) -> int | None:
    """A number of a few ASCII digits."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= _MAX_DIGITS else None
