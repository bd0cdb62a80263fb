"""What mail programs leave of a page. Each is a simulation, no program's own engine, and says what it rests on."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

import tinycss2
from lxml import etree
from lxml import html as lxml_html
from lxml.html import HtmlElement
from tinycss2.ast import AtRule, Declaration, Node, QualifiedRule

from mailer.client_support import Client, support_table
from mailer.client_support.features import at_rule_features, declaration_features, element_features, selector_features


class View(StrEnum):
    """A way to look at the mail."""

    AS_SENT = "as-sent"
    NO_PICTURES = "no-pictures"
    GMAIL = "gmail"
    OUTLOOK_WINDOWS = "outlook-windows"
    QQ = "qq"
    NETEASE = "163"


class Scheme(StrEnum):
    """The reader's colours."""

    LIGHT = "light"
    DARK = "dark"


@dataclass(frozen=True, slots=True)
class About:
    """A view's name, what is done to the page for it, and what that rests on."""

    title: str
    what: str
    source: str


_CANIEMAIL = f"caniemail.com, data of {support_table().updated}"
_ASSUMED = "no tests of this provider are published; the worst is assumed (mailer/client_support/assumed.toml)"
ABOUT = {
    View.AS_SENT: About("As sent", "Nothing is changed: Apple Mail and the browser view are close to this.", "the mail itself"),
    View.NO_PICTURES: About(
        "Pictures off", "Pictures show their words, as Outlook and QQ do before the reader asks.", "the mail itself"
    ),
    View.GMAIL: About(
        "Gmail (simulated)",
        "Whatever of CSS and HTML caniemail marks as not supported by Gmail's web or apps is taken out.",
        _CANIEMAIL,
    ),
    View.OUTLOOK_WINDOWS: About(
        "Outlook for Windows (simulated)",
        "Conditional comments for Word are opened, and what caniemail marks as not supported is taken out. Word's own line breaks, "
        "spaces and fonts are not imitated.",
        _CANIEMAIL,
    ),
    View.QQ: About(
        "QQ Mail (simulated)", "Style sheets, classes and ids are taken out; the elements' own styles stay.", _ASSUMED
    ),
    View.NETEASE: About(
        "163 (simulated)", "Style sheets, classes and ids are taken out; the elements' own styles stay.", _ASSUMED
    ),
}
_CLIENT_OF = {
    View.GMAIL: Client.GMAIL,
    View.OUTLOOK_WINDOWS: Client.OUTLOOK_WINDOWS,
    View.QQ: Client.QQ,
    View.NETEASE: Client.NETEASE,
}
_FOR_WORD = re.compile(r"<!--\[if [^\]]*mso[^\]]*\]>(.*?)<!\[endif\]-->", re.DOTALL)
_XML = re.compile(r"<xml>.*?</xml>", re.DOTALL)
_SCHEME_QUERY = re.compile(r"\(\s*prefers-color-scheme\s*:\s*dark\s*\)", re.IGNORECASE)


def simulated(page: str, view: View, scheme: Scheme = Scheme.LIGHT) -> str:
    """The page as that view shows it. The scheme is the reader's, whatever the browser's own is."""
    if view is View.OUTLOOK_WINDOWS:
        page = _XML.sub("", _FOR_WORD.sub(r"\1", page))
    root = lxml_html.document_fromstring(page.encode(), parser=lxml_html.HTMLParser(encoding="utf-8"))
    for pixel in root.xpath("//img[@width='1' and @height='1']"):
        pixel.drop_tree()  # looking at a specimen is no reading of it
    if view is View.NO_PICTURES:
        for picture in root.iter("img"):
            picture.attrib.pop("src", None)
    if client := _CLIENT_OF.get(view):
        _strip(root, client)
    stripped = etree.tostring(root, encoding="unicode", method="html", doctype="<!DOCTYPE html>")
    return _SCHEME_QUERY.sub("all" if scheme is Scheme.DARK else "not all", stripped)


def _strip(root: HtmlElement, client: Client) -> None:
    """Take out what the client does not have."""
    for comment in list(root.iter(etree.Comment)):
        comment.drop_tree()
    if _lacks(client, ["html-style"]):
        for style in list(root.iter("style")):
            style.drop_tree()
        for element in root.iter(etree.Element):
            for name in ("class", "id"):
                element.attrib.pop(name, None)
    for element in list(root.iter(etree.Element)):
        if element.tag == "style":
            element.text = "\n".join(_rules(_parsed(element.text or ""), client))
        elif _lacks(client, element_features(element.tag, {})) and element.tag not in ("html", "body", "head"):
            element.drop_tag()
        if "style" in element.attrib:
            element.set("style", _declarations(tinycss2.parse_blocks_contents(element.get("style")), client))


def _rules(nodes: Iterable[Node], client: Client) -> Iterable[str]:
    for node in nodes:
        match node:
            case QualifiedRule() if not _lacks(client, selector_features(tinycss2.serialize(node.prelude))):
                content = _declarations(tinycss2.parse_blocks_contents(node.content), client)
                yield f"{tinycss2.serialize(node.prelude)}{{{content}}}"
            case AtRule() if node.content is not None and not _lacks(client, at_rule_features(node)):
                inner = tinycss2.parse_rule_list(node.content, skip_comments=True, skip_whitespace=True)
                yield f"@{node.at_keyword}{tinycss2.serialize(node.prelude)}{{{' '.join(_rules(inner, client))}}}"
            case _:
                pass


def _declarations(nodes: Iterable[Node], client: Client) -> str:
    kept = [node for node in nodes if isinstance(node, Declaration) and not _lacks(client, declaration_features(node))]
    return ";".join(node.serialize() for node in kept)


def _parsed(css: str) -> list[Node]:
    return list(tinycss2.parse_stylesheet(css, skip_comments=True, skip_whitespace=True))


def _lacks(client: Client, slugs: Iterable[str]) -> bool:
    table = support_table()
    return any(table.unknown_to(slug, client) for slug in slugs)
