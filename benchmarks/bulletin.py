"""The bulletin that benchmarks send: the example, lengthened with its own sentences to the size that is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import cycle

from mailer.block import Block
from mailer.demo import EXAMPLE_BULLETIN
from mailer.edition import Edition, Imprint
from mailer.importers.text import read_text_issue
from mailer.issue import Issue
from mailer.message import Composer, Letterhead, Recipient
from mailer.render import render
from mailer.tokens import Tokens

SENDER = "bulletin@sender.example"
LETTERHEAD = Letterhead(
    from_name="青禾科研院所联谊会《信息集锦》",
    from_address=SENDER,
    list_name="信息集锦简报",
    list_id="bulletin.sender.example",
    base_url="https://bulletin.sender.example",
    bounce_domain="bounce.sender.example",
    unsubscribe_mailto="leave@sender.example",
    organisation="青禾科研院所联谊会",
)
SOMEBODY = Recipient(delivery_id=1, address="reader1@institute1.example", name="王明远", institute="青禾省机械工业研究院")
_OCTETS_OF_A_CHARACTER = 8  # Three in UTF-8, in the text and in the HTML, four thirds of that in base64.
_OCTETS_OF_A_BLOCK = 400  # Its tag and styles; rather too many.


def issue_of(octets: int) -> Issue:
    """An issue whose message has `octets` octets on the wire, to a hundredth, headers among them."""
    issue = read_text_issue(EXAMPLE_BULLETIN.read_bytes(), EXAMPLE_BULLETIN.name).issue
    blocks = cycle([block for article in issue.articles for block in article.blocks])
    while (missing := octets - _wire_octets(issue)) > octets // 200:
        *others, last = issue.articles
        last = replace(last, blocks=(*last.blocks, *_about(missing, blocks)))
        issue = replace(issue, articles=(*others, last))
    return issue


def _about(octets: int, blocks: Iterator[Block]) -> Iterator[Block]:
    """Blocks that make a message longer by no more than so much, as far as can be said before they are rendered."""
    while octets > _OCTETS_OF_A_CHARACTER:
        block = next(blocks)
        text = block.text[: octets // _OCTETS_OF_A_CHARACTER]
        yield replace(block, text=text)
        octets -= len(text) * _OCTETS_OF_A_CHARACTER + _OCTETS_OF_A_BLOCK


def edition_of(issue: Issue) -> Edition:
    """The issue as it is rendered for sending, with pixel, counted links and a personal salutation."""
    return render(issue, imprint=Imprint(sender=issue.publisher, contact=SENDER))


def composer_of(edition: Edition) -> Composer:
    """What composes the messages of such an edition."""
    return Composer(edition, LETTERHEAD, Tokens(b"a key of benchmarks, long enough"), mailing_id=1, date=datetime.now(UTC))


def _wire_octets(issue: Issue) -> int:
    return len(composer_of(edition_of(issue)).compose(SOMEBODY).content)
