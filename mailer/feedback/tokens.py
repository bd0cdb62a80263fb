"""Letters with the shape of our tokens, wherever a report may carry them. Whether they are ours is for `Tokens` to say."""

from __future__ import annotations

import re

from mailer.tokens import TOKEN_LENGTH

_SHAPE = re.compile(rf"(?<![A-Za-z0-9])[A-Za-z2-7]{{{TOKEN_LENGTH}}}(?![A-Za-z0-9])")
_MOST = 16


def tokens_in(*texts: str) -> tuple[str, ...]:
    """The candidates in the texts, each once, in lower case and in the order of appearance; no more than a few."""
    found = dict.fromkeys(token.lower() for text in texts for token in _SHAPE.findall(text))
    return tuple(found)[:_MOST]
