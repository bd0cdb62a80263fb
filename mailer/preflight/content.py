"""Rules for what the reader sees."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mailer.preflight.finding import Context, Fault, error, warning
from mailer.preflight.html_page import Anchor
from mailer.preflight.message import Message
from mailer.preflight.urls import host_of, is_secure, is_web, split_url, within

_UNSUBSCRIBE = re.compile(r"退订|取消订阅|unsubscribe", re.IGNORECASE)
_WEB_ADDRESS = re.compile(r"https?://[^\s<>]+")
_LOOKS_LIKE_ADDRESS = re.compile(r"\s*(?:https?://|www\.)\S", re.IGNORECASE)
# One person, and no words put into the reader's mouth but a subject, by which who runs a meeting knows the answers.
_MAILBOX = re.compile(r"mailto:[^@\s?,]+@[A-Za-z0-9.-]+(?:\?subject=[^&\s]*)?", re.IGNORECASE)
# Whole places alone: a formula ends in }} as well, and the English of mathematics has "undefined".
_RESIDUE = re.compile(r"\{\{[^{}]*\}\}|\{%[^%}]*%\}|%recipient\b|\*\|[^|*]*\|\*|\bhole[0-9a-f]{32}", re.IGNORECASE)
_LONG, _NEAR = 3_000, 600  # characters that are seen
_CLOSE = 200  # characters between the word and its address in the text part


def links_https_and_allowed(message: Message, context: Context) -> Iterator[Fault]:
    """Links are absolute, secure, lead where we lead readers, and show no other place than they lead to."""
    for anchor in message.page.anchors:
        place, host = f"text/html line {anchor.line}", host_of(anchor.href)
        if _MAILBOX.fullmatch(anchor.href):
            continue
        if anchor.href.lower().startswith("mailto:"):
            yield error(
                place, f"a link to {anchor.href[:60]!r}", "Write one mailbox, mailto:name@host, with a ?subject= at most."
            )
        elif not is_web(anchor.href):
            yield error(place, f"a link to {anchor.href[:60]!r}", "Link to absolute https:// addresses alone.")
        elif not _is_allowed(host, context):
            yield error(
                place, f"a link to {host}, which is not among the allowed hosts", "Use a counted link, or allow the host."
            )
        elif not is_secure(anchor.href, context):
            yield warning(place, f"a link to {host} without TLS", "Use https:// if the site offers it.")
        if _shows_another_host(anchor, host):
            yield error(place, f"a link to {host} whose text is another address", "Do not write an address as a link's text.")


def images_have_alt_and_width(message: Message, context: Context) -> Iterator[Fault]:
    """Images say what they are to those who do not see them, keep their place, and come over HTTPS."""
    for image in message.page.images:
        place, source = f"text/html line {image.line}", image.attributes.get("src", "")
        missing = [name for name in ("alt", "width", "height") if name not in image.attributes]
        if missing:
            yield error(place, f"an image without {', '.join(missing)}", "Give alt (empty for decoration), width and height.")
        if split_url(source).scheme != "cid" and not (is_web(source) and is_secure(source, context)):
            yield error(place, f"an image from {source[:60]!r}", "Use an https:// address; Gmail shows no data: images.")


def unsubscribe_visible_in_both_parts(message: Message, context: Context) -> Iterator[Fault]:
    """Whoever reads either part sees how to leave."""
    if context.list_id is None:
        return
    links = (anchor for anchor in message.page.anchors if anchor.visible and _UNSUBSCRIBE.search(anchor.text))
    if message.html and not any(is_web(anchor.href) for anchor in links):
        yield error("text/html", "no visible link to unsubscribe", "Link the word 退订 to the recipient's unsubscribe page.")
    text = message.text.text if message.text else ""
    if not any(_WEB_ADDRESS.search(text, word.end(), word.end() + _CLOSE) for word in _UNSUBSCRIBE.finditer(text)):
        yield error("text/plain", "no address to unsubscribe", "Write 退订 and the recipient's unsubscribe address.")


def unsubscribe_at_both_ends(message: Message, context: Context) -> Iterator[Fault]:
    """In a long page the way out stands near its beginning and near its end: who does not find it presses "spam"."""
    length = len(message.page.text)
    places = [anchor.at for anchor in message.page.anchors if anchor.visible and _UNSUBSCRIBE.search(anchor.text)]
    if context.list_id is None or length < _LONG or not places:
        return
    if min(places) > _NEAR:
        yield warning("text/html", "no link to unsubscribe near its beginning", "Link 退订 above the masthead, too.")
    if length - max(places) > _NEAR:
        yield warning("text/html", "no link to unsubscribe near its end", "Link 退订 below the text, too.")


def no_template_residue(message: Message, context: Context) -> Iterator[Fault]:
    """No place was left unfilled."""
    hrefs = " ".join(anchor.href for anchor in message.page.anchors)
    sources = " ".join(image.attributes.get("src", "") for image in message.page.images)
    seen = {
        "header Subject": message.root.value("subject"),
        "text/plain": message.text.text if message.text else "",
        "text/html": f"{message.page.text} {hrefs} {sources}",
    }
    for place, text in seen.items():
        if found := _RESIDUE.search(text):
            around = text[max(0, found.start() - 10) : found.end() + 20]
            yield error(place, f"an unfilled place: {around!r}", "Correct the template or the text.")


def _is_allowed(host: str, context: Context) -> bool:
    if context.link_hosts is None:
        return True
    return any(within(host, allowed) for allowed in context.link_hosts | context.insecure_hosts)


def _shows_another_host(anchor: Anchor, host: str) -> bool:
    """Phishing filters compare the two, whatever the reason is."""
    if not _LOOKS_LIKE_ADDRESS.match(anchor.text):
        return False
    text = anchor.text.strip()
    return host_of(text if "://" in text else f"https://{text}") != host
