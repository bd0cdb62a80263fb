"""What the columns of a list are called, in Chinese and English, and which of our fields each one is."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Mapping, Sequence
from enum import StrEnum
from functools import lru_cache
from importlib.resources import files

from subscribers.errors import InputError

WORDS = tomllib.loads(files("subscribers.importing").joinpath("words.toml").read_text(encoding="utf-8"))
# Columns that we add to rows that did not go in, and pass over when they come again.
ABOUT_A_REJECT = ("import_line", "import_reason")
OWN_FIELD = "field."  # What stands before the name of a field that an association has made for itself.

_BRACKETS = re.compile(r"[(（\[【].*?[)）\]】]")
_NO_LETTERS = re.compile(r"[\W_]+")


class Field(StrEnum):
    """What a column can hold, by the word that `--map` takes and an export writes."""

    ADDRESS = "address"
    NAME = "name"
    SURNAME = "surname"
    GIVEN = "given"
    INSTITUTE = "institute"
    PROVINCE = "province"
    CITY = "city"
    INSTITUTE_KIND = "institute_kind"
    MEMBERSHIP_NUMBER = "membership_number"
    ROLE = "role"
    RANK = "rank"
    LANGUAGE = "language"
    PHONE = "phone"
    STATE = "state"
    SINCE = "since"
    LEFT_AT = "left_at"
    CLEANED_AT = "cleaned_at"
    WANTED = "wanted"
    UNWANTED = "unwanted"
    SUPPRESSED = "suppressed"
    SUPPRESSED_UNTIL = "suppressed_until"
    SUPPRESSED_WHY = "suppressed_why"


_FIELDS: Mapping[str, tuple[Field, int]] = {
    word: (Field(field), place) for field, words in WORDS["columns"].items() for place, word in enumerate(words)
}
_CONTAINS, _SECONDARY, _NEVER = (tuple(WORDS["address"][key]) for key in ("contains", "secondary", "never"))
_FUZZY, _SECOND = 1000, 2000  # Behind every exact name of an address: one that is made up, and a second one.


@lru_cache(maxsize=4096)
def folded(name: str) -> str:
    """A heading or a word as it is compared: width, case, spaces, punctuation and what stands in brackets make no difference."""
    plain = unicodedata.normalize("NFKC", name).casefold()
    return _NO_LETTERS.sub("", _BRACKETS.sub("", plain)) or _NO_LETTERS.sub("", plain) or plain.strip()


def field_of(name: str) -> Field | None:
    """The field that a column of this name holds, where the name alone says it; an address is `address_place`'s matter."""
    found = _known(name)
    return found[0] if found else None


def preference(name: str) -> int:
    """How usual a name is for its field: of two columns with the same field the lower one is taken."""
    found = _known(name)
    assert found is not None
    return found[1]


def _known(name: str) -> tuple[Field, int] | None:
    """What is known of a name, or of both halves of one in two languages: `姓名 Name`."""
    word = folded(name)
    chinese = _FIELDS.get("".join(sign for sign in word if not sign.isascii()))
    latin = _FIELDS.get("".join(sign for sign in word if sign.isascii()))
    return _FIELDS.get(word) or (chinese if chinese and latin and chinese[0] is latin[0] else None)


def address_place(name: str) -> int | None:
    """How likely a column of this name holds the addresses, the lower the likelier; None where it does not."""
    word = folded(name)
    match _FIELDS.get(word):
        case (Field.ADDRESS, place):
            return place
        case (_, _):
            return None
    if not any(part in word for part in _CONTAINS) or any(part in word for part in _NEVER):
        return None
    return _SECOND if any(part in word for part in _SECONDARY) else _FUZZY


def is_heading(cells: Sequence[str]) -> bool:
    """Whether a row looks like the names of columns: one of them is an address's, and none is an address."""
    return any(address_place(cell) is not None for cell in cells) and not any("@" in cell or "＠" in cell for cell in cells)


def chosen_columns(choices: Sequence[str]) -> dict[str, str]:
    """`--map COLUMN=FIELD` options, as a mapping from column to field. InputError says which fields there are."""
    chosen = {}
    for choice in choices:
        column, sign, field = choice.rpartition("=")
        column, field = column.strip(), field.strip()
        aliases = {"email": Field.ADDRESS.value, "mail": Field.ADDRESS.value}
        field = aliases.get(field, field)
        if not sign or not column:
            raise InputError(f"--map {choice!r} has no '='. Say --map COLUMN=FIELD, like --map 联系邮箱=address.")
        own = field.startswith(OWN_FIELD) and field.removeprefix(OWN_FIELD).strip()
        if field not in {*Field, "-"} and not own:
            known = ", ".join(Field)
            raise InputError(
                f"--map {choice!r}: there is no field {field!r}. There are: {known}; field.NAME for your own; - for none."
            )
        chosen[column] = field
    return chosen
