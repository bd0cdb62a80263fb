"""DKIM verified by dkimpy, which shares nothing with the signer."""

import base64
import hashlib
import re

import dkim
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from dkim.canonicalization import CanonicalizationPolicy


def signature_tags(message: bytes, place: int = 0) -> dict[str, str]:
    """The tags of the signature at this place, white space taken out."""
    tags, _, _ = dkim.DKIM(message).verify_headerprep(place)
    return {name.decode(): re.sub(rb"\s", b"", value).decode() for name, value in tags.items()}


def verified(message: bytes, records: dict[str, str], place: int = 0) -> bool:
    """Whether the signature at this place holds, with `records` for the DNS."""
    tags = signature_tags(message, place)
    record = records[f"{tags['s']}._domainkey.{tags['d']}"]
    if tags["a"] == "ed25519-sha256":
        return _ed25519_verified(message, record, place)
    answers = {f"{name}.".encode(): text.encode() for name, text in records.items()}
    return _quietly(message, place, lambda name, timeout=5: answers[name])


def _quietly(message, place, dnsfunc) -> bool:
    try:
        return bool(dkim.DKIM(message).verify(idx=place, dnsfunc=dnsfunc))
    except dkim.ValidationError:
        return False


def _ed25519_verified(message: bytes, record: str, place: int) -> bool:
    """dkimpy wants PyNaCl for this kind of key; its canonical form is taken, and the signature checked by cryptography."""
    reader = dkim.DKIM(message)
    tags, names, signatures = reader.verify_headerprep(place)
    canonical = CanonicalizationPolicy.from_c_value(tags[b"c"])
    body_hash = hashlib.sha256(canonical.canonicalize_body(reader.body)).digest()
    header_hash = hashlib.sha256()
    dkim.hash_headers(header_hash, canonical, canonical.canonicalize_headers(reader.headers), names, signatures[place], tags)
    public = Ed25519PublicKey.from_public_bytes(base64.b64decode(record.rpartition("p=")[2]))
    try:
        public.verify(base64.b64decode(re.sub(rb"\s", b"", tags[b"b"])), header_hash.digest())
    except InvalidSignature:
        return False
    return body_hash == base64.b64decode(re.sub(rb"\s", b"", tags[b"bh"]))
