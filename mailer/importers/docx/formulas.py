"""Formulas as a line of text: x², (a+b)/c."""

from __future__ import annotations

import re

from lxml import etree

from mailer.importers.docx.package import attribute, child, local
from mailer.importers.shifted import Shift, is_shiftable, shifted

_FIELD = re.compile(r"\s*eq\b(?P<said>.*)", re.IGNORECASE | re.DOTALL)
_FRACTION = re.compile(r"\\f\s*\((?P<above>[^(),;]*)[,;](?P<below>[^(),;]*)\)", re.IGNORECASE)
_SWITCH = re.compile(r"\\\*\s*(?:\"[^\"]*\"|\S+)|\\[a-z]{1,2}\s*\d*", re.IGNORECASE)
_FRAME = re.compile(r"[\\(),;○△□◇\s]+")


def formula(element: etree._Element) -> str:
    """What a formula, or a part of one, says (ECMA-376 part 1, §22.1)."""
    name = local(element)
    if name == "t":
        return element.text or ""
    if name == "f":
        return f"{_grouped(child(element, 'num'))}/{_grouped(child(element, 'den'))}"
    if name == "rad":
        return f"√{_grouped(child(element, 'e'))}"
    if name in ("sSup", "sSub", "sSubSup"):
        base, lower, upper = (_said(child(element, part)) for part in ("e", "sub", "sup"))
        return f"{base}{_shifted(lower, '_')}{_shifted(upper, '^')}"
    if name == "d":
        properties = child(element, "dPr")
        begin, end = (attribute(found, "val") if found is not None else sign for found, sign in _ends(properties))
        return f"{begin or ''}{''.join(map(formula, element))}{end or ''}"
    return "" if name.endswith("Pr") else "".join(map(formula, element))


def _ends(properties: etree._Element | None) -> tuple[tuple[etree._Element | None, str], tuple[etree._Element | None, str]]:
    return (child(properties, "begChr"), "("), (child(properties, "endChr"), ")")


def _said(element: etree._Element | None) -> str:
    return "" if element is None else formula(element)


def _grouped(element: etree._Element | None) -> str:
    said = _said(element)
    return said if len(said) == 1 or said.isalnum() else f"({said})"


def _shifted(said: str, sign: str) -> str:
    shift = Shift.RAISED if sign == "^" else Shift.LOWERED
    if is_shiftable(said, shift):
        return shifted(said, shift)
    return f"{sign}{said if len(said) == 1 else f'({said})'}"


def field_formula(instruction: str) -> str:
    """What an EQ field says, by which older Word files and WPS set a number in a circle, or letters above others; empty for any other.

    Source: ECMA-376 part 1, §17.16.5.20 (EQ), as far as bulletins use it.
    """
    field = _FIELD.match(instruction)
    said = "" if field is None else _FRACTION.sub(r"\g<above>/\g<below>", field["said"])
    return " ".join(_FRAME.sub(" ", _SWITCH.sub("", said)).split())
