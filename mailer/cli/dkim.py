"""`jianbao dkim`: the keys that sign, and their records in the DNS."""

from __future__ import annotations

import sys
from datetime import datetime

import rich_click as click

from mailer.checkup.senders import sender_domains
from mailer.cli import EXIT_NO
from mailer.cli.output import json_option, note, print_json, services, settings
from mailer.dkim import Algorithm
from mailer.dns_lookup import make_resolver, text_lookup
from mailer.sender_records import Fault, dkim_fault
from mailer.settings import Settings
from mailer.signing import (
    SigningKey,
    create_key,
    domains_with_keys,
    keys_of,
    new_selector,
    record_strings,
    remember,
    retire,
    signs,
    zone_entry,
)
from subscribers.errors import InputError

domain_option = click.option("--domain", help="The sender's domain; else JIANBAO_DKIM_DOMAIN, or the publications' own.")


@click.group()
def dkim() -> None:
    """Signing keys and their DNS records. Example: `jianbao dkim create --domain example.org`."""


@dkim.command()
@domain_option
@click.option("--selector", help="Its name in the DNS; else one made of today's date.")
@click.option("--ed25519", is_flag=True, help="Make an Ed25519 key beside the RSA key.")
@json_option
def create(domain: str | None, selector: str | None, ed25519: bool, as_json: bool) -> None:
    """Make a key, and print the DNS record to publish. Where older keys sign, it waits until `dkim check` has seen its record.

    Example: `jianbao dkim create --domain example.org`
    """
    read = settings()
    chosen = domain or read["DKIM_DOMAIN"] or _only_sender_domain()
    name = selector or new_selector(datetime.now(read.zone))
    keys = [create_key(chosen, name, Algorithm.RSA, read)]
    if ed25519:
        keys.append(create_key(chosen, f"{name}-ed25519", Algorithm.ED25519, read))
    _print(keys, read, as_json=as_json)
    note("publish this in the DNS; `jianbao dkim check` then says whether it is there.")


@dkim.command()
@domain_option
@json_option
def show(domain: str | None, as_json: bool) -> None:
    """Print every key's DNS record, as text for a web form and as lines for a zone file.

    Example: `jianbao dkim show --domain example.org`
    """
    read = settings()
    _print(_keys(domain, read), read, as_json=as_json)


@dkim.command()
@domain_option
@click.option("--nameserver", metavar="HOST[:PORT]", help="The name server to ask, by its IP address; else the system's.")
@json_option
def check(domain: str | None, nameserver: str | None, as_json: bool) -> None:
    """Look every key's record up in the DNS. Exit 1 where one is not as it has to be, with what to do.

    Example: `jianbao dkim check --nameserver 223.5.5.5`
    """
    texts = text_lookup(make_resolver(nameserver))
    keys = _keys(domain, settings())
    found = [(key, dkim_fault(key.signer, texts(key.signer.record_name))) for key in keys]
    for key, fault in found:
        remember(key, published=fault is None)
    if as_json:
        print_json([_verdict(key, fault) for key, fault in found])
    else:
        for key, fault in found:
            click.echo(f"{key.signer.record_name}: " + (f"{fault.message}. {fault.cure}" if fault else "as it has to be"))
    sys.exit(EXIT_NO if any(fault for _, fault in found) else 0)


@dkim.command("retire")
@click.argument("selector")
@domain_option
def retire_(selector: str, domain: str | None) -> None:
    """Remove a key that no longer signs. Leave its record in the DNS a week longer, for mail that is still under way.

    Example: `jianbao dkim retire jb20261124 --domain example.org`
    """
    keys = [key for key in _keys(domain, settings()) if key.signer.selector == selector]
    if len(keys) != 1:
        raise InputError(f"{len(keys)} keys have the selector {selector!r}. `jianbao dkim show` lists all; --domain picks one.")
    (key,) = keys
    if signs(key, settings()):
        raise InputError(
            f"{key.signer.record_name} signs. Make the next one first: `jianbao dkim create`, `jianbao dkim check`."
        )
    if not key.in_file:
        raise InputError(f"{key.signer.record_name} comes from {key.origin}. Take it out there.")
    retire(key)
    note(f"{key.signer.record_name} is gone. Its DNS record may go in a week.")


def _keys(domain: str | None, read: Settings) -> list[SigningKey]:
    domains = [domain] if domain else domains_with_keys(read) or (_sender_domains() if read["DKIM_KEY"] else [])
    keys = [key for each in domains for key in keys_of(each, read)]
    if not keys:
        raise InputError(f"there is no key{f' for {domain}' if domain else ''}. `jianbao dkim create` makes one.")
    return keys


def _only_sender_domain() -> str:
    domains = _sender_domains()
    if len(domains) != 1:
        known = f"publications send from {', '.join(domains)}" if domains else "no publication has a sender yet"
        raise InputError(f"{known}. Say which domain the key is for: --domain example.org.")
    return domains[0]


def _sender_domains() -> list[str]:
    with services() as opened:
        return sender_domains(opened.engine)


def _print(keys: list[SigningKey], read: Settings, *, as_json: bool) -> None:
    if as_json:
        print_json([_document(key, read) for key in keys])
        return
    for key in keys:
        state = "signs" if signs(key, read) else "does not sign"
        seen = "" if not key.in_file else ", seen in the DNS" if key.published else ", not yet seen in the DNS"
        click.echo(f"{key.signer.domain} {key.signer.selector} ({key.signer.algorithm}; {state}{seen}; {key.origin})\n")
        click.echo(f"name:  {key.signer.record_name}\ntype:  TXT\nvalue: {key.signer.record}\n")
        click.echo(f"{zone_entry(key.signer)}\n")


def _document(key: SigningKey, read: Settings) -> dict[str, object]:
    return {
        "domain": key.signer.domain,
        "selector": key.signer.selector,
        "algorithm": key.signer.algorithm,
        "name": key.signer.record_name,
        "value": key.signer.record,
        "strings": record_strings(key.signer),
        "signs": signs(key, read),
        "published": key.published,
        "origin": key.origin,
    }


def _verdict(key: SigningKey, fault: Fault | None) -> dict[str, object]:
    return {
        "name": key.signer.record_name,
        "ok": fault is None,
        "fault": fault and fault.message,
        "cure": fault and fault.cure,
    }
