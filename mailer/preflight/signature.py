"""Rules for the DKIM signature, where there is one."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping

from mailer.preflight.finding import Context, Fault, error, warning
from mailer.preflight.message import Message
from mailer.preflight.names import DKIM_COVERED, DKIM_SEALED
from mailer.preflight.urls import within


def dkim_covers(message: Message, context: Context) -> Iterator[Fault]:
    """Every signature covers what a forger would change."""
    present = Counter(field.key for field in message.root.fields)
    for tags in _signatures(message):
        signed = Counter(name.strip().lower() for name in tags.get("h", "").split(":"))
        missing = [name for name in sorted(DKIM_COVERED) if present[name] and not signed[name]]
        unsealed = [
            name for name in sorted(DKIM_SEALED) if present[name] and name not in missing and signed[name] <= present[name]
        ]
        if missing:
            yield error("header DKIM-Signature", f"does not cover {', '.join(missing)}", "Name them in h=.")
        if unsealed:
            yield warning(
                "header DKIM-Signature", f"lets others add a second {', '.join(unsealed)}", "Name them once more in h=."
            )


def dkim_aligned(message: Message, context: Context) -> Iterator[Fault]:
    """One signature is by the domain of the From address, or by one above or below it: only that counts for DMARC."""
    domains = [tags.get("d", "").lower() for tags in _signatures(message)]
    ours = re.search(r"@([\w.-]+)", message.root.value("from"))
    if domains and ours and not any(within(ours[1].lower(), domain) or within(domain, ours[1].lower()) for domain in domains):
        yield error(
            "header DKIM-Signature",
            f"by {', '.join(domains)}, and the mail is from {ours[1]}",
            "Sign with the sender's domain (RFC 9989).",
        )


def dkim_no_l(message: Message, context: Context) -> Iterator[Fault]:
    """No signature says how much of the body it covers: what follows could be anybody's."""
    for tags in _signatures(message):
        if "l" in tags:
            yield error("header DKIM-Signature", "has the tag l=", "Sign the whole body (RFC 6376 §8.2).")


def _signatures(message: Message) -> Iterator[Mapping[str, str]]:
    for field in message.root.all("dkim-signature"):
        pairs = (tag.partition("=") for tag in field.value.split(";"))
        yield {name.strip(): re.sub(r"\s+", "", value) for name, _, value in pairs}
