"""Eight RSA signatures at a time: the same octets as one by one, on every processor, whatever goes wrong in a lane."""

import ctypes
import platform
from hashlib import sha256
from importlib.metadata import distributions
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPrivateNumbers, generate_private_key, rsa_crt_iqmp
from structlog.testing import capture_logs

from mailer import multibuffer
from mailer.dkim import Signer, generate_key
from mailer.multibuffer import LANES, eight_at_once, sign_one

DIGESTS = [sha256(bytes([number])).digest() for number in range(2 * LANES + 1)]
KEY = generate_key()
assert isinstance(KEY, RSAPrivateKey)
CPU = Path("/proc/cpuinfo")


def capable() -> bool:
    """Whether there is all that the library wants; it is asked of others than the library."""
    if platform.machine() != "x86_64" or not CPU.exists() or not {"avx512ifma", "avx_ifma"} & {*CPU.read_text().split()}:
        return False
    if not {"ipp-crypto", "intel-cmplr-lib-rt"} <= {one.name for one in distributions()}:
        return False
    try:
        ctypes.CDLL("libcrypto.so.3")
    except OSError:
        return False
    return True


CAPABLE = capable()


@pytest.fixture
def _never_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there are lanes, a signature that has to be made anew is an error."""

    def refuse(key: RSAPrivateKey, digest: bytes) -> bytes:
        raise AssertionError("a lane's signature was not the right one")

    if CAPABLE:
        monkeypatch.setattr(multibuffer, "sign_one", refuse)


def exchanged(key: RSAPrivateKey) -> RSAPrivateKey:
    """The same key with its primes the other way round."""
    had = key.private_numbers()
    inverse = rsa_crt_iqmp(had.q, had.p)
    return RSAPrivateNumbers(had.q, had.p, had.d, had.dmq1, had.dmp1, inverse, had.public_numbers).private_key()


@pytest.mark.parametrize("count", [0, 1, 2, 3, LANES, LANES + 1, len(DIGESTS)])
def test_signatures_are_those_that_are_made_one_by_one(count: int) -> None:
    signer = Signer("example.org", "r", KEY)
    assert signer.signatures(DIGESTS[:count]) == [sign_one(KEY, digest) for digest in DIGESTS[:count]]


def test_the_lanes_are_used_where_the_processor_has_them() -> None:
    assert (eight_at_once(KEY) is not None) == CAPABLE
    assert Signer("example.org", "r", KEY).together == (LANES if CAPABLE else 1)
    assert multibuffer.manner().startswith("eight at a time" if CAPABLE else "one by one")


@pytest.mark.usefixtures("_never_one_by_one")
@pytest.mark.parametrize("bits", [1024, 2048, 3072, 4096])
def test_every_size_of_a_key_signs_alike_whichever_prime_is_the_larger(bits: int) -> None:
    key = generate_private_key(65537, bits)
    for one in (key, exchanged(key)):
        assert Signer("example.org", "r", one).signatures(DIGESTS[:LANES]) == [
            sign_one(key, digest) for digest in DIGESTS[:LANES]
        ]


@pytest.mark.parametrize(
    "key", [generate_private_key(3, 2048), generate_private_key(65537, 2056)], ids=["exponent 3", "2056 bits"]
)
def test_a_key_that_does_not_fit_is_signed_with_one_by_one(key: RSAPrivateKey) -> None:
    assert eight_at_once(key) is None
    assert Signer("example.org", "r", key).signatures(DIGESTS[:1]) == [sign_one(key, DIGESTS[0])]


def test_a_wrong_half_of_the_key_in_the_lanes_never_comes_out_and_operators_are_told() -> None:
    """As a fault of the memory or of the library would have it: what it signs with is not the key any more."""
    eight = eight_at_once(KEY)
    if eight is None:
        assert not CAPABLE
    else:
        ctypes.memset(eight._key_parts[2].in_every_lane[0], 0x55, 8)
        with capture_logs() as told:
            assert eight.sign(DIGESTS[:LANES]) == [sign_one(KEY, digest) for digest in DIGESTS[:LANES]]
        assert [entry["event"] for entry in told] == ["signature_made_anew"] * LANES
