"""The pictures of a bulletin made fit for mail: no larger than a screen shows, in a format that every mail program knows."""

from __future__ import annotations

import hashlib
import io
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from PIL import Image, ImageOps, UnidentifiedImageError

from mailer.block import BlockKind, Picture
from mailer.importers.document import Document, Part
from mailer.importers.drawing import NotDrawn, drawn, is_drawing
from mailer.importers.marked import known_pictures

WIDEST = 1160  # pixels: twice what a text column of a mail is wide, for screens with two pixels to a point
_HIGHEST = 4000
_MOST_PIXELS = 40_000_000
_TOO_LARGE = "it has more pixels than any screen. Save it smaller"
_LARGEST = 20_000_000  # octets as they come
_LARGEST_KEPT = 1_000_000
_QUALITIES = (82, 70, 55)
_FEW_COLOURS = 256
_WINDOWS = (b"\xd7\xcd\xc6\x9a", b"\x01\0\x09\0\0\x03", b"\x02\0\x09\0\0\x03")  # [MS-WMF] §2.3.2
_FORMATS = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP")


@dataclass(frozen=True, slots=True)
class Fit:
    """A picture that can be mailed."""

    content: bytes
    width: int
    height: int

    @property
    def sha256(self) -> str:
        """Its name."""
        return hashlib.sha256(self.content).hexdigest()


def with_pictures(document: Document, name: str) -> Document:
    """The document with its pictures made fit, each kept by its hash; one that cannot be is named and stays a word in the text."""
    known = known_pictures(document)
    fits: dict[str, Fit | str] = {source: _kept(content, known) or fit(content) for source, content in document.images.items()}
    said: list[str] = []
    parts = tuple(_shown(part, fits, said, name) for part in document.parts)
    kept = {found.sha256: found.content for found in fits.values() if isinstance(found, Fit)}
    shown = {part.block.picture.sha256 for part in parts if part.block.picture is not None}
    images = {sha256: content for sha256, content in kept.items() if sha256 in shown}
    members = tuple(replace(member, document=_with_shown(member.document, fits, member.path)) for member in document.members)
    return replace(document, parts=parts, images=images, warnings=(*document.warnings, *said), members=members)


def _with_shown(document: Document, fits: Mapping[str, Fit | str], name: str) -> Document:
    said: list[str] = []
    parts = tuple(_shown(part, fits, said, name) for part in document.parts)
    return replace(document, parts=parts, warnings=(*document.warnings, *said))


def _shown(part: Part, fits: Mapping[str, Fit | str], said: list[str], name: str) -> Part:
    block, picture = part.block, part.block.picture
    if block.kind is not BlockKind.IMAGE or picture is None:
        return part
    found = fits.get(picture.source)
    where = f"{name}: {part.where}"
    if isinstance(found, Fit):
        if not block.text.strip():
            said.append(
                f"{where}: the picture {_short(picture.source)} has no alternative text. Say what it shows, for those who cannot see it."
            )
        shown = Picture(picture.source, found.sha256, found.width, found.height)
        return replace(part, block=replace(block, picture=shown))
    if found is None and picture.source.lower().startswith(("http://", "https://", "//")):
        reason = "lies on the web and is not fetched. Put it into the file"
    else:
        reason = (
            f"was left out: {found}"
            if found is not None
            else "is not in the file. Import the folder or the zip file that has both"
        )
    said.append(f"{where}: the picture {_short(picture.source)} {reason}.")
    return part


def _short(source: str) -> str:
    return source if len(source) <= 80 else source[:77] + "..."


def _kept(content: bytes, known: frozenset[str]) -> Fit | None:
    """A picture that was made fit before it was exported, as it is; None for any other."""
    if len(content) > _LARGEST_KEPT or hashlib.sha256(content).hexdigest() not in known:
        return None
    try:
        with Image.open(io.BytesIO(content), formats=("PNG", "JPEG")) as opened:
            opened.verify()
            return Fit(content, opened.width, opened.height) if opened.width <= WIDEST and opened.height <= _HIGHEST else None
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError):
        return None


def fit(content: bytes) -> Fit | str:
    """A picture made fit for mail, or why it cannot be."""
    if (fault := _fault(content)) is not None:
        return fault
    try:
        if is_drawing(content):
            content = drawn(content, widest=WIDEST, highest=_HIGHEST)
    except NotDrawn as why:
        return str(why)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(content), formats=_FORMATS) as opened:
                return _TOO_LARGE if opened.width * opened.height > _MOST_PIXELS else _encoded(_reduced(opened))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        return _TOO_LARGE
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, EOFError):
        return "it is damaged, or in a format that mail programs do not show. Save it as PNG or JPEG"


def _fault(content: bytes) -> str | None:
    """Why a picture cannot be made fit, as far as that can be told without opening it."""
    if not content:
        return "it is empty. Put it in anew"
    if len(content) > _LARGEST:
        return f"it has more than {_LARGEST // 1_000_000} MB"
    if content.startswith(_WINDOWS) or content[40:44] == b" EMF":
        return "it is a drawing of Windows (WMF, EMF), which mail programs do not show. Save it as PNG"
    return None


def cropped(content: bytes, sides: tuple[float, ...]) -> bytes:
    """A picture without what is cut off at its left, top, right and bottom, in parts of its sides; as it is where it cannot be read."""
    left, top, right, bottom = sides
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(content), formats=_FORMATS) as opened:
                if opened.width * opened.height > _MOST_PIXELS:
                    return content
                width, height = opened.size
                box = round(left * width), round(top * height), round((1 - right) * width), round((1 - bottom) * height)
                cut = io.BytesIO()
                opened.crop(box).convert("RGBA" if _is_transparent(opened) else "RGB").save(cut, "PNG", compress_level=1)
                return cut.getvalue()
    except (
        Image.DecompressionBombError,
        Image.DecompressionBombWarning,
        OSError,
        ValueError,
        SyntaxError,
        EOFError,
        SystemError,
    ):
        return content


def _reduced(opened: Image.Image) -> Image.Image:
    """It upright, no larger than a screen and on white paper: black lines on nothing cannot be seen where a page is dark."""
    upright = ImageOps.exif_transpose(opened)
    picture = upright.convert("RGBA" if _is_transparent(upright) else "RGB")
    share = min(1.0, WIDEST / picture.width, _HIGHEST / picture.height)
    if share < 1.0:
        size = max(1, round(picture.width * share)), max(1, round(picture.height * share))
        picture = picture.resize(size, Image.Resampling.LANCZOS)
    if picture.mode == "RGBA":
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB")
    return picture


def _is_transparent(picture: Image.Image) -> bool:
    return picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info


def _encoded(picture: Image.Image) -> Fit:
    """The smallest of its encodings: PNG for what was drawn, JPEG for what was taken."""
    return min(_encodings(picture), key=lambda found: len(found.content))


def _encodings(picture: Image.Image) -> Iterator[Fit]:
    if picture.getcolors(_FEW_COLOURS) is not None:
        yield _saved(picture.quantize(_FEW_COLOURS), "PNG", optimize=True)
    for quality in _QUALITIES:
        found = _saved(picture, "JPEG", quality=quality, optimize=True)
        if len(found.content) <= _LARGEST_KEPT or quality == _QUALITIES[-1]:
            yield found
            return


def _saved(picture: Image.Image, kind: str, **options: object) -> Fit:
    octets = io.BytesIO()
    picture.save(octets, kind, **options)
    return Fit(octets.getvalue(), picture.width, picture.height)
