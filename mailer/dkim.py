"""DKIM signatures (RFC 6376, RFC 8301, RFC 8463) over octets that are final, relaxed/relaxed, without l=.

What a mailing's messages have in common is hashed once: a `SignatureForm` keeps the state of the hash after the fixed
fields, and each message adds its own fields and its body hash to a copy of it.
"""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

import idna
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as generate_rsa_key

from mailer import multibuffer
from subscribers.errors import InputError

PrivateKey = RSAPrivateKey | Ed25519PrivateKey
PublicKey = RSAPublicKey | Ed25519PublicKey

# Each is signed as often as it stands in the message and once more, so that a second one breaks the signature (RFC 6376 §8.15).
_OVERSIGNED = (
    "from",
    "subject",
    "date",
    "to",
    "cc",
    "reply-to",
    "sender",
    "message-id",
    "mime-version",
    "content-type",
    "list-unsubscribe",
    "list-unsubscribe-post",
)
# RFC 6376 §5.4.1, with the fields of RFC 2369, RFC 2919 and Google's Feedback-ID; RFC 8058 §4 demands the List-Unsubscribe pair.
_SIGNED = frozenset(_OVERSIGNED) | {
    "content-transfer-encoding",
    "content-language",
    "list-id",
    "list-help",
    "list-archive",
    "feedback-id",
    "auto-submitted",
}
_MIN_RSA_BITS = 1024  # RFC 8301 §3.2; generated keys have 2048
_SELECTOR = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")
_WHITE_SPACE = re.compile(rb"[ \t]+")
_LINE_CHARACTERS = 72
_CURE = "Make one with `jianbao dkim create`."


class Algorithm(StrEnum):
    """The kind of a signing key, as `k=` names it in the DNS record."""

    RSA = "rsa"
    ED25519 = "ed25519"


def generate_key(algorithm: Algorithm = Algorithm.RSA) -> PrivateKey:
    """A fresh key: RSA of 2048 bits, or Ed25519, which many receivers do not read and which therefore never signs alone."""
    match algorithm:
        case Algorithm.RSA:
            return generate_rsa_key(public_exponent=65537, key_size=2048)
        case Algorithm.ED25519:
            return Ed25519PrivateKey.generate()


def to_pem(key: PrivateKey) -> bytes:
    """The key as an unencrypted PKCS #8 PEM file. Whoever writes it down gives it mode 0600."""
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def load_key(pem: bytes, origin: str) -> PrivateKey:
    """The key in a PEM file (PKCS #1 or PKCS #8). InputError names `origin` where it is none that DKIM can use."""
    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise InputError(f"{origin}: not an unencrypted private key in PEM form ({error}). {_CURE}") from error
    match key:
        case RSAPrivateKey() if key.key_size < _MIN_RSA_BITS:
            raise InputError(f"{origin}: an RSA key of {key.key_size} bits, which receivers refuse. {_CURE}")
        case RSAPrivateKey() | Ed25519PrivateKey():
            return key
        case _:
            raise InputError(f"{origin}: DKIM signs with RSA or Ed25519, and this key is neither. {_CURE}")


def a_label(domain: str) -> str:
    """A domain as the DNS has it. InputError where it is none."""
    try:
        return idna.encode(domain, uts46=True).decode()
    except idna.IDNAError as error:
        raise InputError(f"DKIM: {domain!r} is not a domain: {error}. Give one like example.org.") from error


def dns_record(public: PublicKey) -> str:
    """The text of the TXT record at `<selector>._domainkey.<domain>`; a zone file cuts it into strings of 255 characters."""
    match public:
        case RSAPublicKey():
            encoded = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
            return f"v=DKIM1; k=rsa; p={b64encode(encoded).decode()}"
        case Ed25519PublicKey():
            return f"v=DKIM1; k=ed25519; p={b64encode(public.public_bytes_raw()).decode()}"


def relaxed_field(field: bytes) -> bytes:
    """A header field in the relaxed form, without its CRLF (RFC 6376 §3.4.2)."""
    name, _, value = field.replace(b"\r\n", b"").partition(b":")
    if b"  " in value or b"\t" in value:
        value = _WHITE_SPACE.sub(b" ", value)
    return name.strip(b" \t").lower() + b":" + value.strip(b" ")


def relaxed_body(body: bytes) -> bytes:
    """A body with CRLF line ends in the relaxed form (RFC 6376 §3.4.4)."""
    lines = [_WHITE_SPACE.sub(b" ", line).rstrip(b" ") for line in body.split(b"\r\n")]
    while lines and not lines[-1]:
        lines.pop()
    return b"".join([line + b"\r\n" for line in lines])


class Signer:
    """Signs for one domain with the key under one selector. InputError where either is not one in DNS."""

    def __init__(self, domain: str, selector: str, key: PrivateKey) -> None:
        self.domain = a_label(domain)
        if not _SELECTOR.fullmatch(selector):
            raise InputError(f"DKIM: {selector!r} cannot be a selector. Give letters and digits, such as jb2026.")
        self.selector = selector
        self._key = key
        self.algorithm = Algorithm.RSA if isinstance(key, RSAPrivateKey) else Algorithm.ED25519
        self._eight = multibuffer.eight_at_once(key) if isinstance(key, RSAPrivateKey) else None

    @property
    def record_name(self) -> str:
        """Where the DNS record of the key has to be."""
        return f"{self.selector}._domainkey.{self.domain}"

    @property
    def record(self) -> str:
        """The text of that record, as `dns_record` gives it."""
        return dns_record(self._key.public_key())

    def sign(self, fields: Sequence[bytes], body: bytes, *, time: int) -> bytes:
        """The DKIM-Signature field, to stand first, for a message of these fields (each without its CRLF) and this body.

        `time` is t=, in seconds since 1970. Without a From field: ValueError (RFC 6376 §5.4).
        """
        return SignatureForm(self, fields, (), time=time).sign([Unsigned((), hashlib.sha256(relaxed_body(body)).digest())])[0]

    @property
    def together(self) -> int:
        """How many signatures are cheapest to make at once."""
        return multibuffer.LANES if self._eight else 1

    def signatures(self, digests: Sequence[bytes]) -> list[bytes]:
        """The signatures over SHA-256 digests (RFC 6376 §3.3.1, RFC 8463 §3)."""
        if self._eight:
            return self._eight.sign(digests)
        match self._key:
            case RSAPrivateKey() as key:
                return [multibuffer.sign_one(key, digest) for digest in digests]
            case Ed25519PrivateKey() as key:
                return list(map(key.sign, digests))


class Unsigned(NamedTuple):
    """A message for a `SignatureForm`: its `varying` fields, named and in the order as the form was made with, and the SHA-256
    digest of its relaxed body."""

    varying: Sequence[bytes]
    body_hash: bytes


class SignatureForm:
    """A signature on which all is written that the messages of a mailing have in common."""

    def __init__(self, signer: Signer, fixed: Sequence[bytes], varying: Sequence[str], *, time: int) -> None:
        # From the last to the first: a name that h= lists twice means the lowest field first (RFC 6376 §5.4.2).
        canonical = [field for field in map(relaxed_field, reversed(fixed)) if _name(field) in _SIGNED]
        names = [*map(_name, canonical), *map(str.lower, varying)]
        if "from" not in names:
            raise ValueError("a message without a From field cannot be signed")
        if unsigned := [name for name in varying if name.lower() not in _SIGNED]:
            raise ValueError(f"these fields vary and are not signed: {', '.join(unsigned)}")
        self._signer = signer
        self._state = hashlib.sha256(b"".join([field + b"\r\n" for field in canonical]))
        self._opening = (
            f"DKIM-Signature: v=1; a={signer.algorithm}-sha256; c=relaxed/relaxed; d={signer.domain};\r\n"
            f" s={signer.selector}; t={time};\r\n"
            f" h={_folded_names([*names, *_OVERSIGNED])};\r\n"
            " bh="
        ).encode()
        self._canonical_opening = relaxed_field(self._opening)

    def sign(self, messages: Sequence[Unsigned]) -> list[bytes]:
        """The DKIM-Signature field of each message."""
        digests = [self._digest(message) for message in messages]
        return list(map(self._field, messages, self._signer.signatures(digests)))

    def _digest(self, message: Unsigned) -> bytes:
        state = self._state.copy()
        for field in message.varying:
            state.update(relaxed_field(field) + b"\r\n")
        state.update(self._canonical_opening + b64encode(message.body_hash) + b"; b=")
        return state.digest()

    def _field(self, message: Unsigned, signature: bytes) -> bytes:
        encoded = b64encode(signature)
        lines = [encoded[start : start + _LINE_CHARACTERS] for start in range(0, len(encoded), _LINE_CHARACTERS)]
        return self._opening + b64encode(message.body_hash) + b";\r\n b=" + b"\r\n ".join(lines)


def _name(canonical_field: bytes) -> str:
    return canonical_field.partition(b":")[0].decode("ascii", "replace")


def _folded_names(names: Sequence[str]) -> str:
    lines = [""]
    for name in names:
        if len(lines[-1]) + len(name) > _LINE_CHARACTERS:
            lines.append("")
        lines[-1] += f"{name}:"
    return "\r\n ".join(lines).removesuffix(":")
