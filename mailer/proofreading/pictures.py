"""Whether pictures are there, can be understood without being seen, and are light enough for a phone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mailer.block import BlockKind
from mailer.issue import Issue
from mailer.preflight.finding import Fault, Finding, error, warning
from mailer.proofreading.guide import Guide
from mailer.proofreading.passages import name_of
from mailer.render.links import LinkTable

_HEAVY, _ALL = 200_000, 1_000_000  # octets
_HIGHEST = 1728  # points, 18 inches: Word, and so Outlook for Windows, leaves out what a picture has above them


def pictures_say_what_they_show(issue: Issue, guide: Guide) -> Iterator[Fault]:
    """Each picture has words that stand for it: many readers see no picture before they ask for it, and some never."""
    for article in issue.articles:
        for number, block in enumerate(article.blocks, 1):
            if block.kind is BlockKind.IMAGE and block.picture is not None:
                source, words = block.picture.source.rpartition("/")[2], block.text.strip()
                if not words or words == source or words.lower() in ("image", "图片", "picture", "img"):
                    yield warning(
                        f"{name_of(article)}, {block.kind} {number}",
                        f"the picture {source[:40]} has no words that say what it shows",
                        "Write them into the file, or with `jianbao issue edit`.",
                    )


def pictures_are_shown_whole(issue: Issue, guide: Guide) -> Iterator[Fault]:
    """No picture is higher than Outlook for Windows shows, as 长图 made for phones are."""
    place_on_page = LinkTable(tracking=False, pictures="cid:")
    for article in issue.articles:
        for number, block in enumerate(article.blocks, 1):
            shown = place_on_page.picture(block.picture)
            if shown is not None and shown.height > _HIGHEST:
                yield warning(
                    f"{name_of(article)}, {block.kind} {number}",
                    f"a picture {shown.height} points high; Outlook for Windows shows the lowest {_HIGHEST} alone",
                    "Cut it into several, one below the other.",
                )


def pictures_are_there(issue: Issue, pictures: Mapping[str, bytes]) -> tuple[Finding, ...]:
    """Of each picture that readers would be shown there are octets (by hash)."""
    return tuple(
        Finding("pictures_are_there", fault.level, fault.place, fault.message, fault.cure)
        for fault in _missing(issue, pictures)
    )


def _missing(issue: Issue, pictures: Mapping[str, bytes]) -> Iterator[Fault]:
    for article in issue.articles:
        for number, block in enumerate(article.blocks, 1):
            shown = block.picture
            if shown is not None and shown.sha256 is not None and not pictures.get(shown.sha256):
                yield error(
                    f"{name_of(article)}, {block.kind} {number}",
                    f"the picture {shown.source[:40]} is empty or was lost, so that readers would see a hole",
                    "Put it into the file anew and import that, or take it out with `jianbao issue edit`.",
                )


def pictures_are_light(issue: Issue, pictures: Mapping[str, bytes]) -> tuple[Finding, ...]:
    """No picture (octets by hash) keeps somebody on a slow line waiting, and all together do not either."""
    return tuple(
        Finding("pictures_are_light", fault.level, fault.place, fault.message, fault.cure) for fault in _heavy(issue, pictures)
    )


def _heavy(issue: Issue, pictures: Mapping[str, bytes]) -> Iterator[Fault]:
    for article in issue.articles:
        for number, block in enumerate(article.blocks, 1):
            size = len(pictures.get(block.picture.sha256 or "", b"")) if block.picture is not None else 0
            if size > _HEAVY:
                place, cure = (
                    f"{name_of(article)}, {block.kind} {number}",
                    "Cut it, or save it smaller, and import the file again.",
                )
                yield warning(place, f"a picture of {size // 1000} KB; more than {_HEAVY // 1000} keep people waiting", cure)
    total = sum(map(len, pictures.values()))
    if total > _ALL:
        yield warning(
            "pictures", f"{total // 1000} KB together", f"Leave some out, or save them smaller: below {_ALL // 1000} KB."
        )
