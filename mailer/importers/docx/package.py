"""The parts of a DOCX file: which there are, the XML of each, what it refers to, and what of it is dropped."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lxml import etree

from mailer.importers.untrusted import parse_xml
from mailer.importers.unzip import Unzipped
from subscribers.errors import InputError


@dataclass(frozen=True, slots=True)
class Reference:
    """What a part refers to: another part, or with `external` an address."""

    kind: str
    target: str
    external: bool


def local(element: etree._Element) -> str:
    """The name of an element without its namespace: there are two of them, for the strict and the transitional format."""
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def attribute(element: etree._Element, name: str) -> str | None:
    """An attribute by its name without namespace."""
    for key, value in element.attrib.items():
        if key.rpartition("}")[2] == name:
            return str(value)
    return None


def child(element: etree._Element | None, *names: str) -> etree._Element | None:
    """The element below others, by their names, or None."""
    for name in names:
        element = next((found for found in element if local(found) == name), None) if element is not None else None
    return element


def value(element: etree._Element | None, *names: str) -> str | None:
    """The `val` of the element below others, or None."""
    found = child(element, *names)
    return None if found is None else attribute(found, "val")


def is_on(element: etree._Element | None, *names: str) -> bool | None:
    """Whether a switch below others is on; None where it is not there."""
    found = child(element, *names)
    return None if found is None else (attribute(found, "val") or "true") not in ("0", "false", "off", "none")


class Package:
    """A DOCX file. Raises InputError where it is damaged, or where its XML declares things."""

    def __init__(self, content: bytes, name: str) -> None:
        self._name = name
        self._files = Unzipped(content, name)
        self.document = self._main_part()

    def _main_part(self) -> str:
        if "_rels/.rels" in self._files:
            for reference in self.references("").values():
                if reference.kind == "officeDocument" and reference.target in self._files:
                    return reference.target
        found = next((path for path in self._files if path.startswith("word/document") and path.endswith(".xml")), None)
        if found is None:
            raise InputError(f"{self._name}: there is no text in this DOCX file. Save it anew in Word or WPS.")
        return found

    def xml(self, path: str) -> etree._Element | None:
        """The root of a part, or None where there is none."""
        if path not in self._files:
            return None
        try:
            root = parse_xml(self._files.read(path))
        except (etree.XMLSyntaxError, ValueError) as error:
            raise InputError(f"{self._name}: {path} in it is damaged ({error}). Save it anew in Word or WPS.") from error
        if root.getroottree().docinfo.doctype:
            raise InputError(f"{self._name}: {path} in it declares entities, which no word processor writes. It was not read.")
        return root

    def references(self, path: str) -> Mapping[str, Reference]:
        """What a part refers to, by id."""
        folder, base = posixpath.split(path)
        root = self.xml(posixpath.join(folder, "_rels", f"{base}.rels"))
        found: dict[str, Reference] = {}
        for relation in () if root is None else root:
            if local(relation) != "Relationship":
                continue
            target = relation.get("Target") or ""
            external = relation.get("TargetMode") == "External"
            if not external:
                target = posixpath.normpath(posixpath.join("/" + folder, target)).lstrip("/")
            found[relation.get("Id") or ""] = Reference((relation.get("Type") or "").rpartition("/")[2], target, external)
        return found

    def octets(self, path: str) -> bytes | None:
        """A part as it is, or None where there is none."""
        return self._files.read(path) if path in self._files else None

    def dropped(self) -> Iterator[str]:
        """What there is in the file that no mail needs and that may do harm, in words."""
        if any(path.endswith("vbaProject.bin") for path in self._files):
            yield "its macros were left out"
        embedded = [path for path in self._files if "/embeddings/" in path or "/activeX/" in path]
        if embedded:
            yield f"{len(embedded)} embedded objects were left out (OLE)"
        for part in ("word/settings.xml", "word/webSettings.xml", self.document):
            for reference in self.references(part).values():
                if reference.external and reference.kind in (
                    "attachedTemplate",
                    "frame",
                    "subDocument",
                    "oleObject",
                    "aFChunk",
                ):
                    yield f"the reference to {reference.target[:120]!r} was not followed ({reference.kind})"
