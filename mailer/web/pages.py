"""The pages that readers see, in Chinese and English, without a script and without anything fetched."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from markupsafe import Markup
from starlette.responses import HTMLResponse

from mailer.page_templates import TEMPLATES, page_environment
from mailer.web.language import Language
from mailer.web.security import HEADERS, page_policy


class Pages:
    """Every page as an answer, with its policy: only its own style and a form to ourselves are allowed.

    Templates speak through `say(chinese, english, …)`, so that both stand side by side and neither is forgotten.
    """

    def __init__(self) -> None:
        environment = page_environment()
        css = (TEMPLATES / "pages" / "page.css").read_text()
        environment.globals["css"] = Markup(css)  # noqa: S704 - the file is ours
        self._environment = environment
        self._headers = {**HEADERS, "Content-Security-Policy": page_policy(css)}

    def show(
        self,
        name: str,
        language: Language,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        *,
        switch: bool = False,
        **context: object,
    ) -> HTMLResponse:
        """The page `templates/pages/{name}.html`. `switch` offers the other language, where the page may be asked for again."""
        template = self._environment.get_template(f"pages/{name}.html")
        html = template.render(context, language=language, switch=switch, say=partial(_say, language))
        return HTMLResponse(html, status, headers={**self._headers, "Content-Language": language.tag, **(headers or {})})

    def notice(self, status: int, language: Language, headers: Mapping[str, str] | None = None) -> HTMLResponse:
        """What went wrong, and what the reader can do."""
        return self.show("notice", language, status, headers, code=status)


def _say(language: Language, chinese: str, english: str, **values: object) -> Markup:
    """The sentence in the page's language. Its markup is the template's; the values are escaped."""
    sentence = chinese if language is Language.CHINESE else english
    return Markup(sentence).format(**values)  # noqa: S704 - the sentences are ours, and `format` escapes the values
