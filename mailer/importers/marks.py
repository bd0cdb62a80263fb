"""The marks by which files that were exported from here say what each of their blocks is."""

from __future__ import annotations

from enum import StrEnum

# What carries the passport: a `meta` element of a page, a part of a DOCX file.
PASSPORT = "jianbao"
NAMESPACE = "urn:jianbao:bulletin:1"
# The names of our styles in DOCX files begin so; the word behind it is a mark.
STYLES = "Bulletin "
NOTE_MARK = "Bulletin Note Mark"
RULE = "rule"


class Mark(StrEnum):
    """What a block of an exported file is, where it is not text of an article."""

    MASTHEAD = "masthead"
    CONTENTS = "contents"
    UNPLACED = "unplaced"
    COLUMN = "column"
    HEADLINE = "headline"
    SOURCE = "source"
    COLOPHON = "colophon"
    NOTE = "note"
