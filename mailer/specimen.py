"""A specimen of an issue's mail: composed by the same composer as the real thing, for a recipient who does not exist."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path
from urllib.parse import urlsplit

from mailer import preflight
from mailer.edition import Edition
from mailer.issues import PublicationRecord, StoredIssue
from mailer.message import Composer, Letterhead, Recipient
from mailer.page_rules import check_page
from mailer.planning import Reader
from mailer.preflight import Finding, Level
from mailer.publishing import edition_of, letterhead_of, theme_folders
from mailer.render import Theme, find_theme
from mailer.settings import Settings
from mailer.signing import signers_for
from mailer.tokens import TRIAL_IDS, Tokens
from subscribers.writing import write_whole

NOBODY = Recipient(delivery_id=TRIAL_IDS[0], address="reader@institute.example", name="王芳", institute="某某省某某研究院")


@dataclass(frozen=True, slots=True)
class Specimen:
    """A message as it would leave, and the two bodies as a mail program shows them."""

    edition: Edition
    letterhead: Letterhead
    content: bytes
    html: str
    text: str
    theme: Theme

    def write(self, folder: Path) -> dict[str, Path]:
        """Write issue.html, issue.txt and issue.eml into `folder`, which is made; returns their paths."""
        folder.mkdir(parents=True, exist_ok=True)
        paths = {"html": folder / "issue.html", "text": folder / "issue.txt", "eml": folder / "issue.eml"}
        write_whole(paths["html"], self.html)
        write_whole(paths["text"], self.text)
        write_whole(paths["eml"], self.content)
        return paths


def make_specimen(stored: StoredIssue, settings: Settings, theme: str | None = None) -> Specimen:
    """The mail that an issue becomes under the present settings, in its publication's theme or in another."""
    look = find_theme(theme or stored.publication.theme, theme_folders(settings))
    edition = edition_of(stored, settings, theme)
    return specimen_of(edition, stored.publication, settings, look, stored.pictures)


def specimen_of(
    edition: Edition,
    publication: PublicationRecord,
    settings: Settings,
    theme: Theme,
    pictures: Mapping[str, bytes] | None = None,
) -> Specimen:
    """An edition in its theme as mail, with the pictures that it has attached. A publication without a sender gets a stand-in."""
    letterhead, composer = _composer(edition, publication, settings, pictures)
    content = composer.compose(NOBODY).content
    message = BytesParser(EmailMessage, policy=policy.default).parsebytes(content)
    return Specimen(edition, letterhead, content, _body(message, "html"), _body(message, "plain"), theme)


def _composer(
    edition: Edition, publication: PublicationRecord, settings: Settings, pictures: Mapping[str, bytes] | None
) -> tuple[Letterhead, Composer]:
    if publication.sender is None:
        publication = publication.with_sender(f"{publication.slug}@sender.example")
    letterhead = letterhead_of(publication, settings)
    signers, tokens = signers_for(letterhead.domain, settings), Tokens(settings.secret_key())
    now = datetime.now(UTC)
    return letterhead, Composer(edition, letterhead, tokens, mailing_id=0, date=now, signers=signers, pictures=pictures)


def check_for_readers(
    edition: Edition, stored: StoredIssue, settings: Settings, readers: Iterable[Reader]
) -> tuple[Finding, ...]:
    """The errors in the messages of these readers, whose names are in them: each once, with the first reader whose mail has it."""
    letterhead, composer = _composer(edition, stored.publication, settings, stored.pictures)
    found: dict[tuple[str, str], Finding] = {}
    for reader in readers:
        message = composer.compose(Recipient(TRIAL_IDS[0], reader.address, reader.name, reader.institute)).content
        for finding in preflight.check(message, _context(letterhead)):
            if finding.level is Level.ERROR:
                found.setdefault(
                    (finding.rule, finding.message), replace(finding, place=f"{finding.place}, to {reader.address}")
                )
    return tuple(found.values())


def _body(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")


def check_specimen(specimen: Specimen) -> tuple[Finding, ...]:
    """What is wrong with the octets of a specimen, and with its page."""
    octets = preflight.check(specimen.content, _context(specimen.letterhead))
    return octets + check_page(specimen.html, specimen.theme.degrades) + _title(specimen) + _cut(specimen)


def _context(letterhead: Letterhead) -> preflight.Context:
    base_url = urlsplit(letterhead.base_url)
    local = base_url.hostname in ("127.0.0.1", "localhost", "::1")
    return preflight.Context(
        now=datetime.now(UTC),
        message_id_domain=letterhead.from_address.rpartition("@")[2],
        list_id=letterhead.list_id,
        insecure_hosts=frozenset({base_url.hostname or ""}) if local else frozenset(),
    )


def _title(specimen: Specimen) -> tuple[Finding, ...]:
    """The page's title, which a browser and a screen reader say, is the subject, as far as that says which issue it is."""
    found = re.search("<title>(.*?)</title>", specimen.html, re.DOTALL)
    title = html.unescape(found[1]).strip() if found else ""
    if title and title in specimen.edition.subject:
        return ()
    cure = "Write <title>{{ issue.subject }}</title> in the theme."
    return (
        Finding(
            "title_is_subject", Level.WARNING, "text/html", f"the page's title is {title[:60]!r}, and not the subject", cure
        ),
    )


def _cut(specimen: Specimen) -> tuple[Finding, ...]:
    """Whether there is less in the mail than its theme means to show."""
    page = "".join(part for part in specimen.edition.page if isinstance(part, str))
    shown, in_all = (content.count(' id="article-') for content in (specimen.html, page))
    if not page or (specimen.theme.abridged and shown == in_all):
        return ()
    message = (
        "articles are cut, and their ends" if shown == in_all else f"{shown} of the {in_all} articles are in it, and the others"
    )
    cure = "Programs clip larger mail. See with `jianbao issue preview` whether that will do; else shorten it, or make two issues of it."
    return (Finding("whole_issue", Level.WARNING, "text/html", f"{message} in the browser alone", cure),)
