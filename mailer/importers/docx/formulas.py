"""Formulas as a line of text: x², (a+b)/c."""

from __future__ import annotations

from lxml import etree

from mailer.importers.docx.package import attribute, child, local

_RAISED = str.maketrans("0123456789+-=()n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿ")
_LOWERED = str.maketrans("0123456789+-=()", "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎")
_RAISABLE, _LOWERABLE = set("0123456789+-=()n"), set("0123456789+-=()")


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
    letters, table = (_RAISABLE, _RAISED) if sign == "^" else (_LOWERABLE, _LOWERED)
    if set(said) <= letters:
        return said.translate(table)
    return f"{sign}{said if len(said) == 1 else f'({said})'}"
