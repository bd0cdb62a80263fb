"""What the DNS says of a sender's domain: SPF, DKIM and DMARC records, read and judged. Pure: looking them up is for others.

Each `…_fault` gives None where all is well, else what is wrong and what to do, as one text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from mailer.dkim import Signer

_MOST_LOOKUPS = 10  # RFC 7208 §4.6.4
_DEEPEST_INCLUDE = 10
_LOOKS_UP = re.compile(r"[+?~-]?(?:include:|a\b|mx\b|ptr\b|exists:)|redirect=", re.IGNORECASE)
_LEADS_ON = re.compile(r"[+?~-]?include:(?P<include>\S+)|redirect=(?P<redirect>\S+)", re.IGNORECASE)

Texts = Callable[[str], Sequence[str]]


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong, and what to do about it."""

    message: str
    cure: str


def tags(text: str) -> Mapping[str, str]:
    """The tags of a DKIM or DMARC record (RFC 6376 §3.2), their names in lower case, white space taken out."""
    pairs = (part.partition("=") for part in text.split(";") if "=" in part)
    return {name.strip().lower(): re.sub(r"\s+", "", value) for name, _, value in pairs}


def dkim_fault(signer: Signer, texts: Sequence[str]) -> Fault | None:
    """What is wrong with the TXT records found where the key's record has to be."""
    publish = f"Publish at {signer.record_name} what `jianbao dkim show` prints."
    found = [tags(text) for text in texts if "p" in tags(text)]
    match found:
        case []:
            return Fault("no key is published", publish)
        case [record]:
            return _key_fault(record, tags(signer.record), publish)
        case _:
            return Fault(f"{len(found)} keys are published where one has to be", "Leave one record there (RFC 6376 §3.6.2.2).")


def _key_fault(record: Mapping[str, str], ours: Mapping[str, str], publish: str) -> Fault | None:
    if record["p"] == "":
        return Fault("the key is revoked: p= is empty", "Make another with `jianbao dkim create`.")
    if (record.get("k", "rsa"), record["p"]) != (ours["k"], ours["p"]):
        return Fault("another key is published under this selector", publish)
    if record.get("v", "DKIM1") != "DKIM1" or "sha256" not in record.get("h", "sha256").split(":"):
        return Fault("the record does not allow our signatures (v= or h=)", publish)
    if "y" in record.get("t", "").split(":"):
        return Fault("the record says that it is a test (t=y), so that receivers may take the mail for unsigned", publish)
    return None


def spf_fault(domain: str, texts: Texts) -> Fault | None:
    """What is wrong with a domain's SPF record (RFC 7208). `texts` looks TXT records up, and may raise what it likes."""
    found = _spf_records(texts(domain))
    if not found:
        return Fault(
            "there is no SPF record", f'Publish a TXT record at {domain} like "v=spf1 include:your-relay.example -all".'
        )
    if len(found) > 1:
        return Fault(f"there are {len(found)} SPF records, so that none counts", "Join them into one (RFC 7208 §4.5).")
    terms = found[0].lower().split()[1:]
    if any(re.match(r"[+?~-]?ptr\b", term) for term in terms):
        return Fault("the SPF record has ptr, which many receivers pass over", "Name the servers by include:, ip4: or a:.")
    if not any(term in ("-all", "~all") or term.startswith("redirect=") for term in terms):
        return Fault("the SPF record forbids nobody", "Let it end with -all, or ~all while you try it.")
    if _lookups(found[0], texts, 0) > _MOST_LOOKUPS:
        return Fault("the SPF record needs more than the 10 lookups allowed", "Replace some include: by ip4: and ip6:.")
    return None


def _spf_records(texts: Sequence[str]) -> list[str]:
    return [text for text in texts if text.lower().split(" ")[0] == "v=spf1"]


def _lookups(record: str, texts: Texts, depth: int) -> int:
    terms = record.split()[1:]
    count = sum(bool(_LOOKS_UP.match(term)) for term in terms)
    for match in filter(None, map(_LEADS_ON.match, terms)):
        name = match["include"] or match["redirect"]
        if "%" not in name and depth < _DEEPEST_INCLUDE and count <= _MOST_LOOKUPS:  # A macro depends on the message.
            count += sum(_lookups(inner, texts, depth + 1) for inner in _spf_records(texts(name))[:1])
    return count


@dataclass(frozen=True, slots=True)
class Dmarc:
    """A domain's DMARC record: where it was found, and its tags."""

    domain: str
    tags: Mapping[str, str]

    @property
    def policy(self) -> str:
        """What receivers are asked to do with mail that fails: none, quarantine, reject, or something unknown."""
        return self.tags.get("p", "")


def find_dmarc(domain: str, texts: Texts) -> Dmarc | Fault:
    """The record that holds for a domain: its own, else the nearest one above it (RFC 9989's tree walk)."""
    labels = domain.split(".")
    for start in range(max(1, len(labels) - 1)):
        name = ".".join(labels[start:])
        found = [tags(text) for text in texts(f"_dmarc.{name}") if tags(text).get("v") == "DMARC1"]
        if len(found) > 1:
            return Fault(f"there are {len(found)} DMARC records at _dmarc.{name}", "Leave one.")
        if found:
            return Dmarc(name, found[0])
    start_with = f'"v=DMARC1; p=none; rua=mailto:dmarc@{domain}"'
    return Fault("there is no DMARC record", f"Publish a TXT record at _dmarc.{domain}: {start_with}.")


def dmarc_fault(record: Dmarc, *, signed_by: str | None, from_domain: str) -> Fault | None:
    """What is wrong with a DMARC record for mail from `from_domain` that is signed by `signed_by`, None for unsigned."""
    if record.policy not in ("none", "quarantine", "reject"):
        return Fault(f"the DMARC record's policy is {record.policy!r}", "Let it say p=none, later quarantine, then reject.")
    if old := [name for name in ("pct", "rf", "ri") if name in record.tags]:
        return Fault(f"the DMARC record has {', '.join(old)}, which RFC 9989 has removed", "Take it out; t=y is for trials.")
    strict = record.tags.get("adkim") == "s"
    if signed_by is not None and not aligned(signed_by, from_domain, strict=strict):
        return Fault(
            f"mail from {from_domain} is signed by {signed_by}, which DMARC does not count",
            f"Make a key for it: `jianbao dkim create --domain {from_domain}`.",
        )
    return None


def aligned(one: str, other: str, *, strict: bool = False) -> bool:
    """Whether two domains count as the same for DMARC: equal, or, unless `strict`, one below the other."""
    return one == other or (not strict and (one.endswith(f".{other}") or other.endswith(f".{one}")))
