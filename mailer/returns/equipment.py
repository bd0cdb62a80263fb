"""What the ways in and the reading are given, put together from the settings."""

from __future__ import annotations

from sqlalchemy import Engine

from mailer.bootstrap import judge
from mailer.installation import tokens
from mailer.judgement import Policy
from mailer.returns.door import Door, tls_of
from mailer.returns.intake import Reader
from mailer.returns.mailbox import Mailbox
from mailer.returns.services import parse_services
from mailer.settings import Settings


def make_reader(engine: Engine, settings: Settings) -> Reader:
    """A reader with the tables and the keys in force. ServiceError where the installation has another key."""
    return Reader(settings, judge(settings), tokens(engine, settings))


def check_ways_in(settings: Settings) -> None:
    """InputError where a setting about what comes back cannot be understood."""
    Policy.parse(settings["BOUNCE_POLICY"])
    parse_services(settings)
    if settings["BOUNCE_MAILBOX"]:
        Mailbox.parse(settings["BOUNCE_MAILBOX"])
    if settings["BOUNCE_LISTEN"]:
        Door.parse(settings["BOUNCE_LISTEN"])
        tls_of(settings)
