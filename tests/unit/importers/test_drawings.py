"""Drawings in SVG made pictures: what they show, what they may not reach, what they may not take."""

import io
from pathlib import Path

import pytest
from PIL import Image

from mailer.bulletin_files import parse
from mailer.importers.drawing import NotDrawn, drawn, is_drawing
from mailer.importers.formats import Format
from mailer.importers.html import read_html
from mailer.importers.pictures import Fit, fit

SVG = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" {}>{}</svg>'
RED = '<rect width="100%" height="100%" fill="#f00"/>'
PAGE = "<html><body><h1>信息集锦 2023年第9期</h1><h2>甲</h2><p>正文</p>{}</body></html>"


def shown(drawing: str, widest: int = 1160, highest: int = 4000) -> Image.Image:
    return Image.open(io.BytesIO(drawn(drawing.encode(), widest=widest, highest=highest)))


def test_a_drawing_becomes_a_picture_for_screens_with_two_pixels_to_a_point() -> None:
    picture = shown(SVG.format('width="300" height="130"', RED))
    assert picture.size == (600, 260)
    assert picture.convert("RGB").getpixel((5, 5)) == (255, 0, 0)


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ('viewBox="0 0 400 100"', (800, 200)),
        ('width="1in"', None),
        ('width="1in" viewBox="0 0 2 1"', (192, 96)),
        ('width="100000" height="100000"', (1160, 1160)),
        ('width="10" height="1000000"', (1, 4000)),
    ],
)
def test_its_size_is_what_it_says_as_far_as_a_mail_has_room(size: str, expected: tuple[int, int] | None) -> None:
    drawing = SVG.format(size, RED)
    if expected is None:
        with pytest.raises(NotDrawn, match="without a size"):
            shown(drawing)
    else:
        assert shown(drawing).size == expected


def test_a_file_on_this_machine_is_not_shown(tmp_path: Path) -> None:
    Image.new("RGB", (10, 10), "red").save(tmp_path / "secret.png")
    for target in (
        f"file://{tmp_path}/secret.png",
        f"{tmp_path}/secret.png",
        "http://127.0.0.1:1/a.png",
        "data:image/svg+xml,x",
    ):
        with pytest.raises(NotDrawn, match="not in it"):
            shown(SVG.format('width="100" height="100"', f'<image xlink:href="{target}" width="100" height="100"/>'))


@pytest.mark.parametrize(
    "broken",
    [
        "<svg",
        "<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'><g></svg>",
        '<!DOCTYPE svg [<!ENTITY a "&#65;">]>' + SVG.format('width="9" height="9"', "<text>&a;</text>"),
        '<!DOCTYPE svg [<!ENTITY a SYSTEM "file:///etc/passwd">]>' + SVG.format('width="9" height="9"', "<text>&a;</text>"),
    ],
)
def test_one_that_is_broken_or_declares_entities_says_so(broken: str) -> None:
    assert is_drawing(broken.encode())
    assert "SVG" in str(fit(broken.encode()))


def test_one_that_asks_for_too_much_is_named_and_the_rest_is_read() -> None:
    twice = "".join(f'<g id="a{n}">' + f'<use xlink:href="#a{n - 1}"/>' * 10 + "</g>" for n in range(1, 9))
    bomb = SVG.format('width="100" height="100"', f'<g id="a0">{RED}</g>{twice}')
    document = parse(PAGE.format(bomb).encode(), Format.HTML, "a.html")
    assert [part.block.text for part in document.parts][:3] == ["信息集锦 2023年第9期", "甲", "正文"]
    assert "drawing (SVG) that is damaged, or asks for more" in " ".join(document.warnings)
    assert document.images == {}


def test_a_script_and_what_is_moved_are_left_out_of_it() -> None:
    picture = shown(SVG.format('width="20" height="20" onload="x()"', f"<script>x()</script>{RED}"))
    assert picture.size == (40, 40)


def test_a_drawing_within_a_page_is_shown_with_the_names_that_html_writes_small() -> None:
    gradient = '<defs><linearGradient id="g"><stop stop-color="#0f0"/></linearGradient></defs><rect width="99" height="99" fill="url(#g)"/>'
    document = read_html(PAGE.format(f'<svg viewBox="0 0 99 99"><title>图表</title>{gradient}</svg>').encode(), "a.html")
    assert document.parts[-1].block.text == "图表"
    (content,) = document.images.values()
    found = fit(content)
    assert isinstance(found, Fit)
    assert Image.open(io.BytesIO(found.content)).convert("RGB").getpixel((50, 50)) == (0, 255, 0)


def test_a_sign_beside_the_text_is_no_picture() -> None:
    document = read_html(PAGE.format('<p><svg viewBox="0 0 24 24"><path d="M0 0h4"/></svg>返回</p>').encode(), "a.html")
    assert [part.block.text for part in document.parts][-1] == "返回"
    assert document.images == {}
