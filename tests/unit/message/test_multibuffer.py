"""Eight RSA signatures at a time: the same octets as one by one, on every processor, whatever goes wrong in a lane."""

import ctypes
import platform
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key

from mailer import multibuffer
from mailer.dkim import Signer, generate_key
from mailer.multibuffer import LANES, eight_at_once, sign_one

DIGESTS = [sha256(bytes([number])).digest() for number in range(2 * LANES + 1)]
KEY = generate_key()
assert isinstance(KEY, RSAPrivateKey)
CPU = Path("/proc/cpuinfo")
CAPABLE = platform.machine() == "x86_64" and CPU.exists() and "avx512ifma" in CPU.read_text().split()


@pytest.mark.parametrize("count", [0, 1, 2, 3, LANES, LANES + 1, len(DIGESTS)])
def test_signatures_are_those_that_are_made_one_by_one(count: int) -> None:
    signer = Signer("example.org", "r", KEY)
    assert signer.signatures(DIGESTS[:count]) == [sign_one(KEY, digest) for digest in DIGESTS[:count]]


def test_the_lanes_are_used_where_the_processor_has_them() -> None:
    assert (eight_at_once(KEY) is not None) == CAPABLE
    assert Signer("example.org", "r", KEY).together == (LANES if CAPABLE else 1)
    assert multibuffer.manner().startswith("eight at a time" if CAPABLE else "one by one")


@pytest.mark.parametrize("bits", [1024, 3072, 4096])
def test_every_size_of_a_key_signs_alike(bits: int) -> None:
    key = generate_private_key(65537, bits)
    assert Signer("example.org", "r", key).signatures(DIGESTS[:LANES]) == [sign_one(key, one) for one in DIGESTS[:LANES]]


@pytest.mark.parametrize(
    "key", [generate_private_key(3, 2048), generate_private_key(65537, 2056)], ids=["exponent 3", "2056 bits"]
)
def test_a_key_that_does_not_fit_is_signed_with_one_by_one(key: RSAPrivateKey) -> None:
    assert eight_at_once(key) is None
    assert Signer("example.org", "r", key).signatures(DIGESTS[:1]) == [sign_one(key, DIGESTS[0])]


def test_a_wrong_half_of_the_key_in_the_lanes_never_comes_out() -> None:
    """As a fault of the memory or of the library would have it: what it signs with is not the key any more."""
    eight = eight_at_once(KEY)
    if eight is None:
        assert not CAPABLE
    else:
        ctypes.memset(eight._key_parts[2].in_every_lane[0], 0x55, 8)
        assert eight.sign(DIGESTS[:LANES]) == [sign_one(KEY, digest) for digest in DIGESTS[:LANES]]
