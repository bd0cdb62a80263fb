"""The pages that readers see, in Chinese, without a script and without anything fetched."""

from __future__ import annotations

from collections.abc import Mapping

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import HTMLResponse

from mailer.render import TEMPLATES
from mailer.web.recipients import Recipient
from mailer.web.security import HEADERS, page_policy

_NOTICES = {
    400: ("请求不完整", "请求在传到之前中断了。请返回后再试一次。"),
    404: (
        "链接无效",
        "这个链接不完整或已被改动。请回到邮件里重新点击；若链接被断成两行，请把两行连起来，完整地贴进浏览器的地址栏。",
    ),
    405: ("不能这样访问", "这个地址不接受这种访问方式。请回到邮件里重新点击链接。"),
    413: ("内容过大", "发来的内容超过了 64 KB，没有处理。请回到邮件里重新点击链接。"),
    500: ("系统出错", "系统没能完成您的请求，错误已经记录。请过一会儿再试；如要退订，也可以直接回复邮件。"),
    503: ("暂时无法处理", "系统正在维护，您的请求还没有生效。请几分钟后再试；如要退订，也可以直接回复邮件。"),
}


class Pages:
    """Every page as an answer, with its policy: only its own style and a form to ourselves are allowed."""

    def __init__(self) -> None:
        environment = Environment(
            loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
        )
        css = (TEMPLATES / "pages" / "page.css").read_text()
        environment.globals["css"] = Markup(css)  # noqa: S704 - the file is ours
        self._environment = environment
        self._headers = {**HEADERS, "Content-Security-Policy": page_policy(css)}

    def leave(self, recipient: Recipient) -> HTMLResponse:
        """What leaving would do, and the button that does it."""
        return self._page("leave", recipient=recipient)

    def goodbye(self, recipient: Recipient, token: str) -> HTMLResponse:
        """That it is done, and the button that takes it back."""
        return self._page("goodbye", recipient=recipient, token=token)

    def restored(self, recipient: Recipient, *, restored: bool) -> HTMLResponse:
        """Whether the leaving was taken back."""
        return self._page("restored", recipient=recipient, restored=restored)

    def notice(self, status: int, headers: Mapping[str, str] | None = None) -> HTMLResponse:
        """What went wrong, and what the reader can do."""
        title, explanation = _NOTICES.get(status, _NOTICES[400])
        return self._page("notice", status, headers, title=title, explanation=explanation)

    def _page(
        self, name: str, status: int = 200, headers: Mapping[str, str] | None = None, /, **context: object
    ) -> HTMLResponse:
        html = self._environment.get_template(f"pages/{name}.html").render(context)
        return HTMLResponse(html, status, headers={**self._headers, **(headers or {})})
