"""What receivers find in the DNS about those we send as: SPF, DKIM, DMARC, and a way back for bounces."""

from __future__ import annotations

from collections.abc import Iterator

import dns.resolver
from sqlalchemy import Engine

from mailer import issues
from mailer.checkup.finding import Finding, fault, ok, skipped
from mailer.dns_lookup import mail_hosts, text_lookup
from mailer.sender_records import Fault, Texts, dkim_fault, dmarc_fault, find_dmarc, spf_fault
from mailer.settings import Settings
from mailer.signing import in_use, keys_for
from subscribers.db import transaction
from subscribers.errors import ServiceError


def sender_domains(engine: Engine) -> list[str]:
    """The domains that publications send from."""
    with transaction(engine) as connection:
        senders = [record.sender for record in issues.publications(connection) if record.sender]
    return sorted({sender.rpartition("@")[2] for sender in senders})


def senders(engine: Engine, settings: Settings, resolver: dns.resolver.Resolver) -> Iterator[Finding]:
    """Every sender's domain, and the bounce domain. After the first question that nobody answers no other is asked."""
    domains = sender_domains(engine)
    if not domains:
        yield skipped("sender", "no publication has a sender yet")
    try:
        for domain in domains:
            yield from _domain(domain, settings, text_lookup(resolver))
        if bounce := settings["BOUNCE_DOMAIN"]:
            yield from _way_back(bounce, resolver)
    except ServiceError as error:
        yield skipped("dns", str(error))


def _domain(domain: str, settings: Settings, texts: Texts) -> Iterator[Finding]:
    # SPF is asked for the domain of the envelope sender (RFC 7208 §2.4).
    yield _judged(f"spf {domain}", spf_fault(settings["BOUNCE_DOMAIN"] or domain, texts), "as it has to be")
    keys = in_use(keys_for(domain, settings))
    for key in keys:
        yield _judged(f"dkim {key.signer.record_name}", dkim_fault(key.signer, texts(key.signer.record_name)), "published")
    if not keys:
        yield skipped(f"dkim {domain}", "Jianbao does not sign for it: let the relay, or run `jianbao dkim create`")
    record = find_dmarc(domain, texts)
    if isinstance(record, Fault):
        yield _judged(f"dmarc {domain}", record, "")
        return
    found = dmarc_fault(record, signed_by=keys[0].signer.domain if keys else None, from_domain=domain)
    reports = "" if "rua" in record.tags else "; no rua=, so that nobody reports to you"
    yield _judged(f"dmarc {domain}", found, f"p={record.policy}{reports}")


def _way_back(domain: str, resolver: dns.resolver.Resolver) -> Iterator[Finding]:
    if mail_hosts(resolver, domain):
        yield ok(f"bounces {domain}", "it has a mail host")
    else:
        yield fault(f"bounces {domain}", "it has no MX record with a host, and bounces get lost", f"Publish one for {domain}.")


def _judged(name: str, found: Fault | None, well: str) -> Finding:
    return ok(name, well) if found is None else fault(name, found.message, found.cure)
