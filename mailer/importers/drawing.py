"""Drawings in SVG become pictures, each in a process of its own: its library ends the whole process where one asks for too much."""

from __future__ import annotations

import os
import re
import resource

import resvg_py
from lxml import etree

from mailer.importers.untrusted import parse_xml

_SECONDS = 5  # for one drawing; a map with ten thousand paths takes one
_LENGTH = re.compile(r"\s*(?P<number>\d+(?:\.\d+)?(?:e[+-]?\d+)?)\s*(?P<unit>px|pt|pc|mm|cm|in|)\s*", re.IGNORECASE)
_PIXELS = {"": 1.0, "px": 1.0, "pt": 4 / 3, "pc": 16.0, "mm": 96 / 25.4, "cm": 96 / 2.54, "in": 96.0}  # CSS Values 3, §6.2
_FOREIGN = ("image", "feImage")
_UNSHOWN = ("script", "foreignObject", "animate", "animateMotion", "animateTransform", "set")
_CURE = "Save it as PNG"
_SVG = "http://www.w3.org/2000/svg"
_NAMES = {
    name.lower(): name
    for line in (
        "clipPath clipPathUnits foreignObject linearGradient radialGradient textPath gradientTransform gradientUnits spreadMethod",
        "markerHeight markerUnits markerWidth refX refY maskContentUnits maskUnits patternContentUnits patternTransform patternUnits",
        "preserveAspectRatio viewBox pathLength startOffset textLength lengthAdjust systemLanguage feBlend feColorMatrix feComposite",
        "feComponentTransfer feConvolveMatrix feDiffuseLighting feDisplacementMap feDistantLight feDropShadow feFlood feFuncA feFuncB",
        "feFuncG feFuncR feGaussianBlur feImage feMerge feMergeNode feMorphology feOffset fePointLight feSpecularLighting feSpotLight",
        "feTile feTurbulence filterUnits primitiveUnits stdDeviation baseFrequency numOctaves tableValues surfaceScale stitchTiles",
        "diffuseConstant specularConstant specularExponent kernelMatrix kernelUnitLength edgeMode preserveAlpha xChannelSelector",
        "yChannelSelector limitingConeAngle pointsAtX pointsAtY pointsAtZ targetX targetY",
    )
    for name in line.split(" ")
}


class NotDrawn(Exception):
    """Why a drawing could not be made a picture, with the cure."""


def is_drawing(content: bytes) -> bool:
    """Whether octets are an SVG file's."""
    beginning = content[:4000].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return beginning.startswith((b"<?xml", b"<svg", b"<!doctype svg", b"<!--")) and b"<svg" in content[:20_000].lower()


def drawn(content: bytes, *, widest: int, highest: int) -> bytes:
    """A drawing as a PNG file, at most so many pixels wide and high, with two pixels to each of its own where there is room.

    Nothing is fetched, no file is read. Raises NotDrawn for one that is broken, that shows what lies outside of it, or asks too much.
    """
    root = _parsed(content)
    _sized(root, widest, highest)
    has_text = next(root.iter("{*}text"), None) is not None
    return _rasterised(etree.tostring(root, encoding="unicode"), fonts=has_text)


def _parsed(content: bytes) -> etree._Element:
    try:
        root = parse_xml(content)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise NotDrawn(f"it is a drawing (SVG) that is damaged. {_CURE}") from error
    if etree.QName(root).localname != "svg" or any(isinstance(part, etree._Entity) for part in root.iter()):
        raise NotDrawn(f"it is a drawing (SVG) that is damaged. {_CURE}")
    for part in list(root.iter(etree.Element)):
        name = etree.QName(part).localname
        if name in _UNSHOWN and part.getparent() is not None:
            part.getparent().remove(part)
        elif name in _FOREIGN and not all(map(_is_inside, _targets(part))):
            raise NotDrawn(f"it is a drawing (SVG) that shows a picture which is not in it. {_CURE}")
    return root


def _targets(element: etree._Element) -> list[str]:
    return [value.strip() for key, value in element.attrib.items() if key.rpartition("}")[2] == "href"]


def _is_inside(target: str) -> bool:
    return target.startswith("#") or (target[:11].lower() == "data:image/" and not target[11:14].lower().startswith("svg"))


def _sized(root: etree._Element, widest: int, highest: int) -> None:
    """Gives the drawing the size in pixels that the picture shall have."""
    box = [float(number) for number in re.findall(r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?", root.get("viewBox") or "", re.IGNORECASE)]
    width, height = _pixels(root.get("width")), _pixels(root.get("height"))
    if len(box) == 4 and box[2] > 0 and box[3] > 0:
        width = width or (height * box[2] / box[3] if height else box[2])
        height = height or width * box[3] / box[2]
    if not width or not height:
        raise NotDrawn(f"it is a drawing (SVG) without a size. {_CURE}")
    if root.get("viewBox") is None:
        root.set("viewBox", f"0 0 {width} {height}")
    share = min(2.0, widest / width, highest / height)
    root.set("width", str(max(1, round(width * share))))
    root.set("height", str(max(1, round(height * share))))


def _pixels(length: str | None) -> float | None:
    found = _LENGTH.fullmatch(length or "")
    return float(found["number"]) * _PIXELS[found["unit"].lower()] if found is not None else None


def _rasterised(drawing: str, *, fonts: bool) -> bytes:
    reading, writing = os.pipe()
    process = os.fork()
    if process == 0:
        _draw(drawing, writing, fonts=fonts)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        content = pipe.read()
    _, status = os.waitpid(process, 0)
    if status or not content:
        raise NotDrawn(f"it is a drawing (SVG) that is damaged, or asks for more than a mail can show. {_CURE}")
    return content


def _draw(drawing: str, writing: int, *, fonts: bool) -> None:
    """The whole life of the process that draws."""
    status = 1
    try:
        resource.setrlimit(resource.RLIMIT_CPU, (_SECONDS, _SECONDS))
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # what the library says when it gives up
        content = resvg_py.svg_to_bytes(svg_string=drawing, skip_system_fonts=not fonts)
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(content)
        status = 0
    finally:
        os._exit(status)


def from_page(element: etree._Element) -> bytes:
    """A drawing that stands in a page as an SVG file: HTML writes all its names small (HTML Standard §13.2.6.1)."""
    root = parse_xml(etree.tostring(element, with_tail=False), mends=True)
    copy = etree.Element(f"{{{_SVG}}}svg", nsmap={None: _SVG})
    _copied(root, copy)
    content: bytes = etree.tostring(copy)
    return content


def _copied(source: etree._Element, target: etree._Element) -> None:
    pairs = [(source, target)]
    for old, new in pairs:
        new.text = old.text
        for key, value in old.attrib.items():
            name = key.rpartition("}")[2].rpartition(":")[2]
            if name != "xmlns" and not name.startswith("on"):
                new.set(_NAMES.get(name, name), value)
        for part in old:
            if isinstance(part.tag, str):
                name = etree.QName(part).localname.rpartition(":")[2]
                made = etree.SubElement(new, f"{{{_SVG}}}{_NAMES.get(name, name)}")
                made.tail = part.tail
                pairs.append((part, made))
