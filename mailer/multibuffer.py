"""RSA signatures eight at a time, on processors that have IFMA, by Intel's Cryptography Primitives Library where it is installed.

Its multi-buffer part computes eight private-key operations side by side, in the lanes of the widest registers, in the time that
OpenSSL takes for two or three. The library is called with `ctypes`: it has no Python interface.

What comes out is not believed: a signature in which one of the two halves of the CRT went wrong gives the key away (D. Boneh,
R. DeMillo and R. Lipton, EUROCRYPT '97), so that each is turned back with the public key before anybody sees it, as OpenSSL does.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from functools import cache
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, files

import structlog
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256

LANES = 8
_WORTH_IT = 3  # signatures: for fewer all the lanes take longer than OpenSSL one by one
_EXPONENT = 65537  # the only public one that the library turns signatures back with
_SIZES = (1024, 2048, 3072, 4096)  # bits
_SHA256_INFO = bytes.fromhex("3031300d060960864801650304020105000420")  # DER of the DigestInfo (RFC 8017 §9.2, note 1)
# What the library was linked against, and uses nothing of; it cannot be loaded without.
_RUNTIME = ("libintlc.so.5", "libimf.so", "libirng.so", "libsvml.so")

_Pointers = ctypes.c_void_p * LANES

log = structlog.get_logger()


def sign_one(key: RSAPrivateKey, digest: bytes) -> bytes:
    """RSASSA-PKCS1-v1_5 over a SHA-256 digest (RFC 8017 §8.2.1)."""
    return key.sign(digest, PKCS1v15(), Prehashed(SHA256()))


class EightAtOnce:
    """Signs with one key as `sign_one` does. Threads may share it."""

    def __init__(self, library: ctypes.CDLL, key: RSAPrivateKey) -> None:
        numbers = key.private_numbers()
        self._library, self._key = library, key
        self._octets = key.key_size // 8
        self._private = ctypes.c_void_p(library.mbx_RSA_private_crt_Method(key.key_size))
        self._public = ctypes.c_void_p(library.mbx_RSA_pub65537_Method(key.key_size))
        self._key_parts = [
            _Number(part, self._octets // 2) for part in (numbers.p, numbers.q, numbers.dmp1, numbers.dmq1, numbers.iqmp)
        ]
        self._modulus = _Number(numbers.public_numbers.n, self._octets)
        padding = b"\xff" * (self._octets - 3 - len(_SHA256_INFO) - sha256().digest_size)
        self._opening = b"\x00\x01" + padding + b"\x00" + _SHA256_INFO

    def sign(self, digests: Sequence[bytes]) -> list[bytes]:
        """The signatures over these digests, in their order."""
        signatures: list[bytes] = []
        for start in range(0, len(digests), LANES):
            some = digests[start : start + LANES]
            signatures += self._together(some) if len(some) >= _WORTH_IT else [sign_one(self._key, one) for one in some]
        return signatures

    def _together(self, digests: Sequence[bytes]) -> list[bytes]:
        padded = [self._opening + digest for digest in digests]
        unsigned, signed, returned = (_Lanes(self._octets) for _ in range(3))
        unsigned.fill([*padded, *[padded[0]] * (LANES - len(padded))])
        bits = self._octets * 8
        parts = [part.in_every_lane for part in self._key_parts]
        self._library.mbx_rsa_private_crt_mb8(unsigned.lanes, signed.lanes, *parts, bits, self._private, None)
        modulus = self._modulus.in_every_lane
        self._library.mbx_rsa_public_mb8(signed.lanes, returned.lanes, modulus, bits, self._public, None)
        # What the two return need not be looked at: where one of them failed, the numbers differ.
        answers = zip(digests, padded, signed.read(), returned.read(), strict=False)
        return [mine if back == meant else self._made_anew(digest) for digest, meant, mine, back in answers]

    def _made_anew(self, digest: bytes) -> bytes:
        log.warning("signature_made_anew", cause="a lane's was wrong: this machine's memory or processor may be at fault")
        return sign_one(self._key, digest)


def eight_at_once(key: RSAPrivateKey) -> EightAtOnce | None:
    """Who signs eight at once with the key, or None where library, processor or key are not such that it can be done."""
    library, _ = _library()
    numbers = key.private_numbers()
    halves = {numbers.p.bit_length(), numbers.q.bit_length()}
    if library is None or key.key_size not in _SIZES or halves != {key.key_size // 2}:
        return None
    return EightAtOnce(library, key) if numbers.public_numbers.e == _EXPONENT else None


class _Number:
    """A number as the library has it, the same one in every lane: words of 64 bits, the lowest first."""

    def __init__(self, value: int, octets: int) -> None:
        self._words = ctypes.create_string_buffer(value.to_bytes(octets, "little"), octets)
        self.in_every_lane = _Pointers(*[ctypes.addressof(self._words)] * LANES)


class _Lanes:
    """Room for as many strings as there are lanes, all of one length."""

    def __init__(self, octets: int) -> None:
        self._octets = octets
        self._memory = ctypes.create_string_buffer(octets * LANES)
        start = ctypes.addressof(self._memory)
        self.lanes = _Pointers(*range(start, start + octets * LANES, octets))

    def fill(self, strings: Sequence[bytes]) -> None:
        self._memory.raw = b"".join(strings)

    def read(self) -> list[bytes]:
        octets, memory = self._octets, self._memory.raw
        return [memory[place : place + octets] for place in range(0, len(memory), octets)]


def manner() -> str:
    """How RSA signatures are made here, and why."""
    return _library()[1]


@cache
def _library() -> tuple[ctypes.CDLL | None, str]:
    """The library, where it can be loaded and the processor has what it wants; and in words how it stands."""
    try:
        for name in _RUNTIME:
            ctypes.CDLL(_installed("intel-cmplr-lib-rt", name))
        library = ctypes.CDLL(_installed("ipp-crypto", "libcrypto_mb.so"))
    except PackageNotFoundError as absent:
        return None, f"one by one, as {absent.name} is not installed"
    except OSError as error:
        return None, f"one by one: {error}"
    library.mbx_is_crypto_mb_applicable.argtypes = [ctypes.c_uint64]  # features, or 0 for those of this processor
    if not library.mbx_is_crypto_mb_applicable(0):
        return None, "one by one, as this processor has neither AVX-512 IFMA nor AVX-IFMA"
    for name in ("mbx_RSA_private_crt_Method", "mbx_RSA_pub65537_Method"):
        getattr(library, name).restype = ctypes.c_void_p
    return library, "eight at a time"


def _installed(package: str, name: str) -> str:
    """Where a package has put a file of that name. OSError where it has none."""
    for file in files(package) or ():
        if file.name == name:
            return str(file.locate())
    raise FileNotFoundError(f"{package} has no {name}")
