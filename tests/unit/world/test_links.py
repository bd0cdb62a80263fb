"""Links are found in whatever form a message may have."""

from __future__ import annotations

from email.message import EmailMessage
from email.policy import SMTP

import pytest

from mailer.world.links import html_of, links

HOME = "http://bulletin.example"
HTML = f"""<html><body><p>简报</p>
<img src="{HOME}/o/pixel.gif" width="1" height="1"><img src="{HOME}/logo.png">
<a class=x href="{HOME}/c/token.0">一</a> <a href='{HOME}/c/token.1?a=1&amp;b=2'>二</a> <a href="{HOME}/c/token.0">again</a>
<a href="{HOME}/v/token">网页版</a> <a href="https://elsewhere.example/c/x">elsewhere</a> <a href="mailto:a@b.example">m</a>
</body></html>
"""


def message(cte: str, *, one_click: bool = True) -> bytes:
    mail = EmailMessage(policy=SMTP)
    mail["Subject"] = "简报"
    mail["List-Unsubscribe"] = f"<{HOME}/u/token>, <mailto:leave@bulletin.example>"
    if one_click:
        mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    mail.set_content("-- \n文本\n", cte=cte)
    mail.add_alternative(HTML, subtype="html", cte=cte)
    return mail.as_bytes()


@pytest.mark.parametrize("cte", ["base64", "quoted-printable", "8bit"])
def test_a_message_gives_its_senders_links(cte: str) -> None:
    found = links(message(cte))
    assert found.pixel == f"{HOME}/o/pixel.gif"
    assert found.clicks == (f"{HOME}/c/token.0", f"{HOME}/c/token.1?a=1&b=2")
    assert found.pages == (f"{HOME}/v/token",)
    assert found.one_click == f"{HOME}/u/token"


def test_the_html_part_is_decoded_as_the_standard_library_does() -> None:
    octets = message("base64")
    assert html_of(octets).replace("\r\n", "\n") == HTML


def test_html_inside_other_parts_is_found() -> None:
    mail = EmailMessage(policy=SMTP)
    mail["List-Unsubscribe"] = f"<{HOME}/u/token>"
    mail.set_content("text")
    mail.add_alternative(HTML, subtype="html", cte="base64")
    mail.get_payload()[1].add_related(b"GIF89a", "image", "gif", cid="<1@b.example>")  # type: ignore[union-attr, index]
    mail.add_attachment(b"%PDF", maintype="application", subtype="pdf")
    assert links(mail.as_bytes()).pixel == f"{HOME}/o/pixel.gif"


def test_a_message_that_is_nothing_but_html_is_read() -> None:
    head = f"List-Unsubscribe: <{HOME}/u/t>\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"
    assert links((head + HTML).encode()).pixel == f"{HOME}/o/pixel.gif"


def test_without_one_click_nobody_leaves_by_one() -> None:
    assert links(message("base64", one_click=False)).one_click is None


@pytest.mark.parametrize(
    "content",
    [
        b"Subject: x\r\n\r\ntext\r\n",
        b"",
        b"Content-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\nabcde\r\n",
        b"Content-Type: text/html; charset=klingon\r\n\r\n<a href='http://b.example/c/x'>\r\n",
    ],
)
def test_a_broken_message_gives_no_links(content: bytes) -> None:
    found = links(content)
    assert (found.pixel, found.clicks, found.pages, found.one_click) == (None, (), (), None)
