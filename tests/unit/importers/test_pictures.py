"""Pictures made fit for mail."""

import io
import struct
import zlib

import pytest
from PIL import Image

from mailer.block import Block, BlockKind, Picture, image
from mailer.importers.document import Document, Part
from mailer.importers.pictures import WIDEST, Fit, fit, with_pictures


def octets(width: int, height: int, kind: str = "PNG", mode: str = "RGB") -> bytes:
    content = io.BytesIO()
    Image.linear_gradient("L").resize((width, height)).convert(mode).save(content, kind)
    return content.getvalue()


def shown(source: str, alternative: str = "图", **images: bytes) -> Document:
    return with_pictures(Document((Part(image(Picture(source), alternative), "line 3"),), images=images), "a.md")


def test_a_wide_picture_becomes_twice_as_wide_as_a_column_of_text() -> None:
    found = fit(octets(3000, 1500))
    assert isinstance(found, Fit)
    assert (found.width, found.height) == (WIDEST, WIDEST // 2)
    assert len(found.content) < len(octets(3000, 1500))


def test_a_small_one_stays_as_large_as_it_is() -> None:
    found = fit(octets(200, 100))
    assert isinstance(found, Fit)
    assert (found.width, found.height) == (200, 100)


@pytest.mark.parametrize("kind", ["JPEG", "GIF", "BMP", "TIFF", "WEBP"])
def test_every_usual_format_becomes_one_that_mail_programs_show(kind: str) -> None:
    found = fit(octets(60, 40, kind))
    assert isinstance(found, Fit)
    assert found.content.startswith((b"\x89PNG", b"\xff\xd8\xff"))


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_what_is_transparent_stands_on_white_so_that_its_lines_are_seen_on_a_dark_page(mode: str) -> None:
    formula = Image.new("RGBA", (60, 40), (0, 0, 0, 0))
    formula.paste((0, 0, 0, 255), (20, 10, 40, 30))
    content = io.BytesIO()
    formula.convert(mode).save(content, "PNG", **({"transparency": 0} if mode == "P" else {}))
    found = fit(content.getvalue())
    assert isinstance(found, Fit)
    seen = Image.open(io.BytesIO(found.content)).convert("RGBA")
    assert (seen.getpixel((2, 2)), seen.getpixel((30, 20))) == ((255, 255, 255, 255), (0, 0, 0, 255))


def test_a_photograph_that_could_be_transparent_is_no_larger_than_another() -> None:
    photograph = Image.effect_noise((400, 300), 60).convert("RGB")
    sizes = []
    for mode in ("RGB", "RGBA"):
        content = io.BytesIO()
        photograph.convert(mode).save(content, "PNG")
        found = fit(content.getvalue())
        assert isinstance(found, Fit)
        sizes.append(len(found.content))
    assert sizes[0] == sizes[1]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\xd7\xcd\xc6\x9a" + bytes(40), "WMF"),
        (b"\x01\0\0\0" + bytes(36) + b" EMF" + bytes(40), "EMF"),
        (b"", "it is empty"),
        (b"\x89PNG\r\n\x1a\nbroken", "damaged"),
        (octets(300, 300)[:200], "damaged"),
    ],
)
def test_one_that_cannot_be_shown_says_why(content: bytes, said: str) -> None:
    assert said in str(fit(content))


def test_a_picture_that_unpacks_to_more_than_any_screen_is_not_unpacked() -> None:
    head = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", len(head)) + b"IHDR" + head + struct.pack(">I", zlib.crc32(b"IHDR" + head)) + bytes(4) + b"IDAT"
    assert "more pixels" in str(fit(b"\x89PNG\r\n\x1a\n" + chunk))


def test_pictures_are_kept_by_their_hash_and_the_same_one_once() -> None:
    content = octets(60, 40)
    both = tuple(Part(image(Picture(source), "图"), "line 3") for source in ("a.png", "b.png"))
    document = with_pictures(Document(both, images={"a.png": content, "b.png": content}), "a.md")
    assert len(document.images) == 1
    assert {part.block.picture.sha256 for part in document.parts if part.block.picture} == set(document.images)


def test_one_without_words_for_those_who_cannot_see_it_is_asked_about() -> None:
    assert "no alternative text" in shown("a.png", "", **{"a.png": octets(60, 40)}).warnings[0]


def test_one_on_the_web_is_not_fetched_and_one_that_is_missing_is_named() -> None:
    assert "is not fetched" in shown("https://a.cn/x.png").warnings[0]
    assert "is not in the file" in shown("x.png").warnings[0]


def test_a_picture_without_octets_stays_in_its_place() -> None:
    assert shown("x.png").parts[0].block == Block(BlockKind.IMAGE, "图", picture=Picture("x.png"))
