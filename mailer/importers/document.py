"""What a file holds, whatever its format: blocks in the order of reading, each with its place, and what was said about them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mailer.block import Block
from mailer.json_values import as_integer, as_list, as_object, as_text, as_texts


@dataclass(frozen=True, slots=True)
class Part:
    """A block as it stands in a file; `where` tells a person the place, like `line 12` or `page 3`.

    `mark` says what it is in a file that `mailer/exporting` wrote; it is empty for text, and in every other file. `gap` says how far it
    stands apart from what is above: a blank line counts one, and so does being centred.
    """

    block: Block
    where: str
    mark: str = ""
    gap: int = 0

    def to_json(self) -> dict[str, object]:
        """The part as plain JSON values."""
        document: dict[str, object] = {"block": self.block.to_json(), "where": self.where}
        return document | ({"mark": self.mark} if self.mark else {}) | ({"gap": self.gap} if self.gap else {})

    @classmethod
    def from_json(cls, value: object) -> Part:
        """The part that `to_json` wrote."""
        document = as_object(value)
        return cls(
            Block.from_json(document["block"]),
            as_text(document["where"]),
            as_text(document.get("mark", "")),
            as_integer(document.get("gap", 0)),
        )


@dataclass(frozen=True, slots=True)
class Member:
    """One of the texts in a folder or a zip file, by its path there. Its pictures are the whole's."""

    path: str
    document: Document


@dataclass(frozen=True, slots=True)
class Document:
    """The blocks of a file.

    `fields` are what it says about itself in so many words (front matter). `furniture` is what its pages brought along.
    `warnings` name what was left out and why; `doubts` what a person should compare with the file. `images` are the pictures'
    octets by the names that `Picture.source` gives them, as the file has them. `members` are the texts by themselves where a folder or
    a zip file has several.
    """

    parts: tuple[Part, ...]
    fields: Mapping[str, str] = field(default_factory=dict)
    furniture: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()
    images: Mapping[str, bytes] = field(default_factory=dict)
    members: tuple[Member, ...] = ()

    def to_json(self) -> dict[str, object]:
        """The document as plain JSON values, without its images."""
        return {
            "parts": [part.to_json() for part in self.parts],
            "fields": dict(self.fields),
            "furniture": list(self.furniture),
            "warnings": list(self.warnings),
            "doubts": list(self.doubts),
            "members": [[member.path, member.document.to_json()] for member in self.members],
        }

    @classmethod
    def from_json(cls, value: object, images: Mapping[str, bytes]) -> Document:
        """The document that `to_json` wrote."""
        document = as_object(value)
        return cls(
            parts=tuple(map(Part.from_json, as_list(document["parts"]))),
            fields={name: as_text(said) for name, said in as_object(document["fields"]).items()},
            furniture=as_texts(document["furniture"]),
            warnings=as_texts(document["warnings"]),
            doubts=as_texts(document["doubts"]),
            images=images,
            members=tuple(
                Member(as_text(path), Document.from_json(said, {})) for path, said in map(as_list, as_list(document["members"]))
            ),
        )
