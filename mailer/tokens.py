"""Tokens: the letters in a URL or an address that say which delivery it belongs to, and that only we can have written."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable, Sequence
from enum import StrEnum

from subscribers.errors import InputError

_LETTERS = "abcdefghijklmnopqrstuvwxyz234567"  # RFC 4648 §6 in lower case: it survives servers that fold case
_PAIRS = tuple(first + second for first in _LETTERS for second in _LETTERS)
_ID_LETTERS = 8
_ID_BITS = 5 * _ID_LETTERS
TRIAL_IDS = range(3 << _ID_BITS - 2, 1 << _ID_BITS)  # which no delivery will ever have: of test copies and previews
_MAC_LETTERS = 23  # 115 bits; with a letter for the key and eight for the id, 32 letters
TOKEN_LENGTH = 1 + _ID_LETTERS + _MAC_LETTERS
_SHAPE = re.compile(rf"[A-Za-z2-7]{{{TOKEN_LENGTH}}}")
_AS_DIGITS = str.maketrans(_LETTERS, "0123456789abcdefghijklmnopqrstuv")  # the digits that int() reads in base 32
# A MAC is compared and never read back, so each of its octets may give the five bits of one letter: 256 is a multiple of 32.
_LETTER_OF_OCTET = bytes(ord(_LETTERS[octet % 32]) for octet in range(256))
_MIN_KEY_OCTETS = 16


class Purpose(StrEnum):
    """What a token lets its holder do; a token for one purpose is refused for every other."""

    OPEN = "o"
    CLICK = "c"
    UNSUBSCRIBE = "u"
    VIEW = "v"
    BOUNCE = "b"
    PREFERENCES = "p"
    CONFIRM = "s"  # The number is a sign-up's, and in FORM the second at which a form was shown.
    FORM = "f"
    PROBE = "q"  # The number is that of the notice that asks whether an address works.


# What stands in every message. The pages hand out the others.
MAILED = (Purpose.OPEN, Purpose.CLICK, Purpose.UNSUBSCRIBE, Purpose.VIEW, Purpose.BOUNCE)


class _Key:
    """One secret, as a hash state for each purpose that waits for the delivery id."""

    def __init__(self, secret: bytes) -> None:
        if len(secret) < _MIN_KEY_OCTETS:
            raise InputError(
                f"the secret key has {len(secret)} octets, and tokens need {_MIN_KEY_OCTETS}. "
                "Make one with: python -c 'import secrets; print(secrets.token_urlsafe(48))'"
            )
        key = hashlib.blake2b(secret, person=b"token key").digest()
        self.letter = _LETTERS[hashlib.blake2b(secret, person=b"token key name", digest_size=1).digest()[0] % 32]
        self._states = {
            purpose: hashlib.blake2b(key=key, person=purpose.encode(), digest_size=_MAC_LETTERS) for purpose in Purpose
        }

    def sign(self, letters: str, purposes: Iterable[Purpose]) -> list[str]:
        octets, start = letters.encode(), self.letter + letters
        tokens = []
        for purpose in purposes:
            state = self._states[purpose].copy()
            state.update(octets)
            tokens.append(start + state.digest().translate(_LETTER_OF_OCTET).decode())
        return tokens


class Tokens:
    """Writes and reads tokens of 32 characters out of `a-z2-7`: the key's letter, the delivery id, a keyed BLAKE2b of it.

    `key` writes; `older` keys are still read, so that a new key breaks no link that was already sent.
    """

    def __init__(self, key: bytes, *, older: Sequence[bytes] = ()) -> None:
        self._key = _Key(key)
        self._keys = (self._key, *map(_Key, older))

    def sign(self, purpose: Purpose, delivery_id: int) -> str:
        """The token of this delivery for this purpose: always the same one. ValueError for an id outside 0 … 2⁴⁰ − 1."""
        return self._key.sign(_id_letters(delivery_id), (purpose,))[0]

    def sign_each(self, delivery_id: int) -> list[str]:
        """The tokens that this delivery's message has, in the order of MAILED; ValueError as in `sign`."""
        return self._key.sign(_id_letters(delivery_id), MAILED)

    def verify(self, purpose: Purpose, token: str) -> int | None:
        """The delivery id in a token that one of the keys signed for this purpose; None for anything else that was sent."""
        if not _SHAPE.fullmatch(token):
            return None
        token = token.lower()
        letters = token[1 : 1 + _ID_LETTERS]
        # Each key signs and is compared, whatever the token's letter says, so that no answer comes sooner than another.
        matches = [hmac.compare_digest(key.sign(letters, (purpose,))[0], token) for key in self._keys]
        if not any(matches):
            return None
        return int(letters.translate(_AS_DIGITS), 32)


def _id_letters(delivery_id: int) -> str:
    if delivery_id >> _ID_BITS:
        raise ValueError(f"a token holds a delivery id of {_ID_BITS} bits, and {delivery_id} is not one")
    return (
        _PAIRS[delivery_id >> 30]
        + _PAIRS[delivery_id >> 20 & 1023]
        + _PAIRS[delivery_id >> 10 & 1023]
        + _PAIRS[delivery_id & 1023]
    )
