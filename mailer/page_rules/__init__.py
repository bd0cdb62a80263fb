"""Rules for the page of a mail: what its readers' programs can show of it, and what its readers can see. All of them pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from lxml import html as lxml_html

from mailer.page_rules.contrast import contrast
from mailer.page_rules.markup import client_support, no_active_content, outline
from mailer.page_rules.skeleton import (
    head,
    layout_tables,
    legible_letters,
    links_and_tables_speak,
    no_harsh_pair,
    plain_styles,
    preheader,
)
from mailer.preflight import Finding
from mailer.preflight.finding import Fault

__all__ = ["RULES", "check_page"]

RULES: tuple[Callable[[lxml_html.HtmlElement, Mapping[str, str]], Iterator[Fault]], ...] = (
    head,
    preheader,
    outline,
    links_and_tables_speak,
    layout_tables,
    plain_styles,
    legible_letters,
    no_harsh_pair,
    no_active_content,
    contrast,
    client_support,
)


def check_page(page: str, degrades: Mapping[str, str]) -> tuple[Finding, ...]:
    """All that is wrong with a page. `degrades` names features that some program lacks, with why nothing is lost."""
    root = lxml_html.document_fromstring(page.encode(), parser=lxml_html.HTMLParser(encoding="utf-8"))
    return tuple(
        Finding(rule.__name__, fault.level, fault.place, fault.message, fault.cure)
        for rule in RULES
        for fault in rule(root, degrades)
    )
