"""A file is read back before it leaves: what its format cannot say of an article goes along in its passport."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from mailer.exporting.form import Form, form_of, passport_for
from mailer.importers.document import Document
from mailer.importers.marked import Passport, digest, marked_articles, read_marked
from mailer.importers.pictures import with_pictures
from mailer.issue import Issue

_Write = Callable[[Form, str], bytes]  # of the passport's text
_Read = Callable[[bytes], Document]


def proved(issue: Issue, pictures: Mapping[str, bytes], write: _Write, read: _Read) -> bytes:
    """The file that `write` makes and that reads back to the same issue."""
    form = form_of(issue)
    passport = passport_for(issue, form, tuple(sorted(pictures)))
    written = write(form, passport.to_text())
    document = with_pictures(read(written), "")
    if read_marked(document) == issue:
        return written
    return write(form, _completed(issue, passport, document).to_text())


def _completed(issue: Issue, passport: Passport, document: Document) -> Passport:
    """The passport with every article that does not read as it is."""
    found = marked_articles(document.parts, passport)
    exact = {digest([read]): article for read, article in zip(found, issue.articles, strict=False)}
    said = [replace(exact[digest([read])], position=number) for number, read in enumerate(found, 1) if digest([read]) in exact]
    if tuple(said) != issue.articles:  # two that differ read the same, or there are more or fewer of them
        return replace(passport, issue=issue, whole=digest(found))
    meant = {key: article for key, article in exact.items() if digest([article]) != key}
    return replace(passport, exact=meant)
