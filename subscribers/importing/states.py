"""What the words of other programs say of somebody's wish and of an address: confirmed, left, cleaned, blocked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from subscribers.importing.headers import WORDS, folded
from subscribers.models import Role, SubscriptionState, SuppressionReason


@dataclass(frozen=True, slots=True, order=True)
class Standing:
    """What a row says: the wish, and why the address must not be written to whatever the wish. The greater, the more forbidding."""

    severity: int
    wish: SubscriptionState
    suppressed: SuppressionReason | None = None


CONFIRMED = Standing(0, SubscriptionState.CONFIRMED)
UNCONFIRMED = Standing(1, SubscriptionState.UNCONFIRMED)
LEFT = Standing(2, SubscriptionState.UNSUBSCRIBED)
CLEANED = Standing(3, SubscriptionState.CONFIRMED, SuppressionReason.HARD_BOUNCE)
BLOCKED = Standing(5, SubscriptionState.CONFIRMED, SuppressionReason.STAFF)
_STANDINGS: Mapping[str, Standing] = {
    "confirmed": CONFIRMED,
    "unconfirmed": UNCONFIRMED,
    "unsubscribed": LEFT,
    "hard_bounce": CLEANED,
    "refused": Standing(4, SubscriptionState.CONFIRMED, SuppressionReason.REFUSED),
    "staff": BLOCKED,
    "complaint": Standing(6, SubscriptionState.UNSUBSCRIBED, SuppressionReason.COMPLAINT),
}
_WORDS = {word: _STANDINGS[kind] for kind, words in WORDS["states"].items() for word in words}
_SURE = frozenset(WORDS["sure"]["words"])
_YES, _NO = frozenset(WORDS["flags"]["yes"]), frozenset(WORDS["flags"]["no"])
_ROLES = tuple((Role(role), tuple(words)) for role, words in WORDS["roles"].items())


def is_state_word(word: str) -> bool:
    """Whether a word says how somebody stands to a list."""
    return standing_of(word) is not None


def standing_of(word: str) -> Standing | None:
    """What a word of a column of states says, also as `email: bounced`; None where it is not known."""
    return _WORDS.get(folded(word)) or _WORDS.get(folded(word.rpartition(":")[2]))


def sure_standing_of(word: str) -> Standing | None:
    """The same, where the word can be meant of nothing but mail."""
    return standing_of(word) if folded(word) in _SURE else None


def flag_of(word: str) -> bool | None:
    """Yes or no, where a word is one of the two."""
    plain = folded(word) or word.strip()
    return True if plain in _YES else False if plain in _NO else None


@lru_cache(maxsize=4096)
def role_of(word: str) -> Role | None:
    """The role that a title or a post comes to; None where there is no title."""
    plain = folded(word)
    if not plain:
        return None
    if plain in set(Role):
        return Role(plain)
    return next((role for role, words in _ROLES if any(part in plain for part in words)), Role.OTHER)
