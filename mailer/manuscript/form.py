"""What writer and reader of manuscripts agree on."""

from __future__ import annotations

VERSION = "1"
VERSION_FIELD = "jianbao"
# What a block cannot say in Markdown stands between these, as JSON.
FENCE = "jianbao"
# The fields of an article that its text does not show, each in a comment below its headline.
ARTICLE_FIELDS = ("title", "column", "column_line", "source_line", "source", "authors")
AUTHORS_JOINT = "；"
PICTURE_SCHEME = "picture"
LINES = ("masthead", "contents_headings", "colophon", "furniture", "unplaced")
