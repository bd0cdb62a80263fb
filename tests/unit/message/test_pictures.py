"""Pictures that come along with a message."""

from __future__ import annotations

import hashlib
from email import policy
from email.parser import BytesParser

import pytest

from mailer.block import Picture, image
from mailer.edition import Edition
from mailer.render import render
from subscribers.errors import InputError
from tests.unit.message.composing import ZHANG, composer
from tests.unit.render.issues import article, issue, paragraph

OCTETS = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
SHA256 = hashlib.sha256(OCTETS).hexdigest()
SHOWN = image(Picture("plan.png", SHA256, 1132, 600), "会场平面图")


def edition(pictures: str) -> Edition:
    return render(issue(article(1, "学术月", paragraph("如图。"), SHOWN)), pictures=pictures)


def test_the_page_and_its_picture_are_one_part_and_the_text_another() -> None:
    content = composer(edition("cid:"), pictures={SHA256: OCTETS}).compose(ZHANG).content
    message = BytesParser(policy=policy.default).parsebytes(content)
    text, related = message.iter_parts()
    page, picture = related.iter_parts()
    assert [part.get_content_type() for part in (message, text, related, page, picture)] == [
        "multipart/alternative",
        "text/plain",
        "multipart/related",
        "text/html",
        "image/png",
    ]
    assert picture["Content-ID"] == f"<{SHA256}>"
    assert picture.get_content() == OCTETS
    assert f'src="cid:{SHA256}"' in page.get_content()
    assert max(map(len, content.split(b"\r\n"))) <= 998


def test_a_hosted_picture_is_shown_at_half_its_pixels_and_says_what_it_is() -> None:
    page = "".join(map(str, edition("https://mail.example.cn/i/").html))
    assert f'<img src="https://mail.example.cn/i/{SHA256}" alt="会场平面图" width="566" height="300"' in page


def test_without_a_place_for_pictures_their_words_stand_for_them() -> None:
    page = "".join(map(str, edition("").html))
    assert '<img src="https' not in page
    assert "会场平面图" in page


def test_a_picture_that_is_not_there_any_more_keeps_the_mailing_back() -> None:
    with pytest.raises(InputError, match=SHA256):
        composer(edition("cid:"))
