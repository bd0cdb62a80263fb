"""One e-mail address: as somebody wrote it, and in the one form by which it is compared."""

from __future__ import annotations

import hashlib
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

import idna

from subscribers.errors import InputError

_INVISIBLE = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff\u00ad"))
_LOCAL_SPECIALS = frozenset('()<>[]:;,"\\')
_MAX_LOCAL_OCTETS = 64  # RFC 5321 §4.5.3.1.1
_MAX_PATH_OCTETS = 254  # RFC 5321 §4.5.3.1.3, less the angle brackets
HASHED = "sha256:"  # begins what stands for an address of which no more than the hash is known


@dataclass(frozen=True, slots=True)
class Address:
    """`written` is kept for people; `canonical` decides whether two are the same; `domain` is the A-label form."""

    written: str
    canonical: str
    domain: str

    @property
    def hash(self) -> bytes:
        """SHA-256 of the canonical form: all that is kept of somebody who was erased."""
        return hashlib.sha256(self.canonical.encode()).digest()

    @property
    def needs_smtputf8(self) -> bool:
        """Whether only a server with SMTPUTF8 (RFC 6531) can take it."""
        return not self.canonical.isascii()


def placeholder_of(address_hash: bytes) -> str:
    """What stands where an address stood; it is none, and nobody can be written to by it."""
    return f"{HASHED}{address_hash.hex()}"


def is_placeholder(address: str) -> bool:
    """Whether this stands where the address of somebody erased stood."""
    return address.startswith(HASHED)


def parse_address(text: str) -> Address:
    """The address in `text`, full-width signs and invisible characters mended. InputError says what is wrong with it."""
    written = unicodedata.normalize("NFC", text).translate(_INVISIBLE).strip()
    folded = unicodedata.normalize("NFKC", written).strip().removeprefix("mailto:")
    local, at, domain = folded.rpartition("@")
    if not at:
        raise InputError(f"no '@' in {text.strip()!r}. Give an address like name@host.")
    _check_local(local, text)
    ascii_domain = _ascii_domain(domain, text)
    if len(local.encode()) + 1 + len(ascii_domain) > _MAX_PATH_OCTETS:
        raise InputError(f"the address {text.strip()[:40]!r}… is longer than {_MAX_PATH_OCTETS} octets. Check it.")
    return Address(f"{local}@{domain}", f"{local.lower()}@{ascii_domain}", ascii_domain)


def _check_local(local: str, text: str) -> None:
    if not local or len(local.encode("utf-8", "surrogatepass")) > _MAX_LOCAL_OCTETS:
        raise InputError(f"what stands before the '@' in {text.strip()[:80]!r} is empty or longer than 64 octets. Check it.")
    strange = [c for c in local if c in _LOCAL_SPECIALS or c.isspace() or not c.isprintable() or c == "@"]
    if strange or local.startswith(".") or local.endswith(".") or ".." in local:
        what = f"{strange[0]!r}" if strange else "a dot out of place"
        raise InputError(f"{what} before the '@' in {text.strip()[:80]!r}. Give an address like name@host.")


# Many addresses share a domain, and its encoding costs more than all the rest.
@lru_cache(maxsize=4096)
def _encoded(domain: str) -> str:
    return idna.encode(domain, uts46=True).decode()


def _ascii_domain(domain: str, text: str) -> str:
    try:
        ascii_domain = _encoded(domain.rstrip("."))
    except (idna.IDNAError, UnicodeError) as error:
        raise InputError(f"the domain in {text.strip()[:80]!r} is not one: {error}. Give an address like name@host.") from error
    if "." not in ascii_domain:
        raise InputError(f"the domain in {text.strip()[:80]!r} has no dot. Give an address like name@host.cn.")
    return ascii_domain
