"""How XML of strangers is parsed."""

from __future__ import annotations

from lxml import etree


def parse_xml(content: bytes, *, mends: bool = False) -> etree._Element:
    """The root of it. Entities stay as they are, nothing is fetched; with `mends` what is not well-formed is made so."""
    return etree.fromstring(
        content,
        etree.XMLParser(
            resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True, recover=mends
        ),
    )
