"""What the ways in and the reading are given, put together from the settings."""

from __future__ import annotations

from mailer.bootstrap import judge
from mailer.returns.intake import Reader
from mailer.settings import Settings
from mailer.tokens import Tokens


def make_reader(settings: Settings) -> Reader:
    """A reader with the tables and the keys in force."""
    return Reader(settings, judge(settings), Tokens(settings.secret_key()))
