"""In which language a page speaks."""

from __future__ import annotations

from enum import StrEnum

from starlette.requests import Request


class Language(StrEnum):
    """What every page is written in; the values stand in `?lang=`."""

    CHINESE = "zh"
    ENGLISH = "en"

    @property
    def tag(self) -> str:
        """The tag of the page's own language (RFC 5646)."""
        return "zh-CN" if self is Language.CHINESE else "en"

    @property
    def other(self) -> Language:
        """The one that a reader may change to."""
        return Language.ENGLISH if self is Language.CHINESE else Language.CHINESE


LANGUAGES = {language.value: language for language in Language}


def language_of(request: Request, wish: str | None = None) -> Language:
    """What the address asks for, else what the reader once chose, else the first that the browser knows, else Chinese."""
    asked = LANGUAGES.get(request.query_params.get("lang", ""))
    return asked or LANGUAGES.get(wish or "") or _browsers(request.headers.get("accept-language", "")) or Language.CHINESE


def _browsers(header: str) -> Language | None:
    # Browsers name languages in their order; what they weigh equal or less comes later all the same (RFC 9110 §12.5.4).
    named = (LANGUAGES.get(entry.strip()[:2].lower()) for entry in header.split(","))
    return next(filter(None, named), None)
