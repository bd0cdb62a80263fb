"""An issue becomes an edition: rendered once for everybody, with holes where recipients differ."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mailer.edition import Edition, Field, Imprint, Segments, split_at_markers
from mailer.issue import Issue
from mailer.render.cutting import WHOLE, Cut, fitting
from mailer.render.filling import fill_theme, with_inline_css
from mailer.render.links import LinkTable
from mailer.render.page import PREHEADER_CHARACTERS, english_lines, entries, phrases, preheader, sections
from mailer.render.theme import SHIPPED, Theme, find_theme, theme_names
from mailer.text_part import date_line, printable, reason, sender_lines, text_edition

__all__ = ["HTML_LIMIT", "SHIPPED", "Theme", "find_theme", "render", "theme_names"]

# Gmail cuts at about 102 KB, without saying of what. In base64 this is less, and with its text part a message of some 110 KB.
HTML_LIMIT = 64_000
_HOLES_TAKE = 2_000  # when they are filled
_TRIES = 4


def render(
    issue: Issue,
    *,
    theme: Theme | str = "official",
    tracking: bool = True,
    imprint: Imprint | None = None,
    folders: Sequence[Path] = (SHIPPED,),
    fields: Mapping[str, str] | None = None,
    limit: int = HTML_LIMIT,
    receipt: bool = False,
    public: bool = False,
    pictures: str = "",
) -> Edition:
    """Make the edition that every recipient of `issue` gets; the same input gives the same bytes.

    `folders` hold the themes. `fields` are what the publication gives a theme that asks for more than the issue says. Without
    `tracking` there is neither a pixel nor a counted link. HTML of more than `limit` octets is cut at its articles, each
    with a link to the rest in the browser; 0 cuts nothing. With `receipt` readers are asked to say that it came; a `public`
    one is for everybody, and says nothing of a recipient. `pictures` stands before each picture's hash: where they are hosted, or
    `cid:`; without it their words stand for them. InputError where the theme is missing or faulty.
    """
    look = find_theme(theme, folders) if isinstance(theme, str) else theme
    press = _Press(
        issue,
        look,
        imprint or Imprint(),
        LinkTable(tracking=tracking, pictures=pictures),
        {**look.fields, **(fields or {})},
        {"tracking": tracking, "receipt": receipt and not public, "public": public},
    )
    whole, cut = press.inlined(WHOLE), Cut(look.summary) if look.abridged else WHOLE
    mail = press.inlined(cut) if look.abridged else whole
    if limit and press.octets(mail) > limit:
        mail, cut = press.fitted(whole, limit)
    return Edition(
        subject=printable(issue.subject),
        html=split_at_markers(mail, press.markers),
        text=press.text(cut, receipt=receipt),
        links=press.table.links,
        preheader=preheader(issue),
        page=split_at_markers(whole, press.markers) if mail != whole else (),
    )


@dataclass(frozen=True, slots=True)
class _Press:
    """Everything that one issue is printed with."""

    issue: Issue
    theme: Theme
    imprint: Imprint
    table: LinkTable
    fields: Mapping[str, str]
    manners: Mapping[str, bool]

    @property
    def markers(self) -> Mapping[str, Field]:
        """A word for each field that no text of this issue can contain: it would have to contain its own hash."""
        digest = hashlib.sha256(repr((self.issue, self.imprint)).encode("utf-8", "surrogatepass")).hexdigest()[:32]
        return {f"hole{digest}{field.value.replace('_', '')}end": field for field in Field}

    def page(self, cut: Cut) -> str:
        """The page before its styles are put into the elements."""
        return fill_theme(self.theme, self._context(cut))

    def inlined(self, cut: Cut) -> str:
        """The page as it is mailed, with markers in place of holes."""
        return with_inline_css(self.page(cut), self.theme)

    def octets(self, page: str) -> int:
        """What a page comes to in the mail, about."""
        return len(page.encode()) + _HOLES_TAKE

    def fitted(self, whole: str, limit: int) -> tuple[str, Cut]:
        """The page cut so that it is within the limit, as near to it as can be told without many tries."""
        articles = [article.blocks for article in self.issue.articles]
        frame = self.octets(self.inlined(Cut(0)))
        aim = limit - limit // 40  # an estimate that is near enough is not tried twice
        for _ in range(_TRIES):
            cut = fitting(aim, articles, frame, self.octets(whole))
            fitted = self.inlined(cut)
            if self.octets(fitted) <= limit:
                break
            aim -= self.octets(fitted) - limit + limit // 100
        return fitted, cut

    def text(self, cut: Cut, *, receipt: bool) -> Segments:
        """The text part, which says what the page says: filters compare the two."""
        articles = self.issue.articles[: cut.articles]
        kept = tuple(replace(article, blocks=cut.kept(article.blocks)) for article in articles)
        return text_edition(
            replace(self.issue, articles=kept),
            self.imprint,
            receipt=receipt,
            continued={number for number, (all_, part) in enumerate(zip(articles, kept, strict=True), 1) if all_ != part},
            left_out=len(self.issue.articles) - len(kept),
        )

    def _context(self, cut: Cut) -> dict[str, object]:
        issue, first_words = self.issue, preheader(self.issue)
        shown = sections(issue, self.table, cut)
        return {
            "issue": issue,
            "publisher": phrases(issue.publisher),
            "preheader": first_words,
            "filler": PREHEADER_CHARACTERS - len(first_words),
            "number_line": issue.number_line,
            "date_line": date_line(issue),
            "english": english_lines(issue),
            "entries": entries(issue) if cut.articles is None else entries(issue)[: cut.articles],
            "sections": shown,
            "left_out": len(issue.articles) - len(shown),
            "whole": cut == WHOLE,
            "colophon": tuple(self.table.pieces(line) for line in issue.colophon),
            "reason": reason(issue, self.imprint),
            "sender": self.imprint.sender or issue.publisher,
            "sender_lines": sender_lines(issue, self.imprint),
            **self.manners,
            "hole": {field.value: marker for marker, field in self.markers.items()},
            "field": self.fields,
        }
