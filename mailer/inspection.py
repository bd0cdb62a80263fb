"""Everything that `issue check` looks at: the octets, the page, the text, and where asked the net and a spam filter."""

from __future__ import annotations

from pathlib import Path

from mailer.issues import StoredIssue
from mailer.preflight import Finding
from mailer.preflight.urls import host_of
from mailer.proofreading import Guide, Spacing, pictures_are_light, pictures_are_there, proofread
from mailer.proofreading.guide import read_words
from mailer.proofreading.links import addresses
from mailer.reachability import reach
from mailer.settings import Settings
from mailer.spam_filter import spam_filter
from mailer.specimen import Specimen, check_specimen


def inspect(stored: StoredIssue, specimen: Specimen, settings: Settings) -> tuple[Finding, ...]:
    """What must be mended before the issue leaves, and what somebody should look at; nobody is asked."""
    read = proofread(stored.issue, guide_of(settings))
    pictures = pictures_are_there(stored.issue, stored.pictures) + pictures_are_light(stored.issue, stored.pictures)
    return check_specimen(specimen) + read + pictures


def inspect_from_outside(stored: StoredIssue, specimen: Specimen, *, online: bool) -> tuple[Finding, ...]:
    """What SpamAssassin says, where it is installed; `online`, whether the issue's links can be reached. Takes seconds."""
    return spam_filter(specimen.content) + (reach(addresses(stored.issue)) if online else ())


def guide_of(settings: Settings) -> Guide:
    """The house style that the settings give."""
    own = settings["WORDS_FILE"]
    return Guide(
        spacing=Spacing(settings["SPACING"]),
        words=read_words(Path(own).expanduser() if own else None),
        hosts=frozenset(host_of(f"//{host}") for host in settings["LINK_HOSTS"].split()),
    )
