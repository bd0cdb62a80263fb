"""Chinese typography: marks of the right width, none doubled by mistake, spaces by the house's rule."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from mailer.issue import Issue
from mailer.preflight.finding import Fault, warning
from mailer.proofreading.guide import Guide, Spacing
from mailer.proofreading.passages import Passage, passages

_HAN = r"\u3400-\u9fff\U00020000-\U0003ffff"
_URL = re.compile(r"(?:https?://|www\.)[!-~]+|[\w.+-]+@[\w.-]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class _Fault:
    """What to look for, what is wrong with it, and what to write."""

    pattern: re.Pattern[str]
    message: str
    cure: str


_ALWAYS = (
    _Fault(
        re.compile(rf"(?<=[{_HAN}”》）])[,;:?!](?=[{_HAN}“《（]|$)|(?<=[{_HAN}”》）])\.(?=$|[{_HAN}“《])"),
        "a half-width mark in Chinese text",
        "Write ，。；：？！ (GB/T 15834).",
    ),
    _Fault(re.compile(r"[０-９Ａ-Ｚａ-ｚ]+"), "full-width letters or digits", "Write them half-width: 0-9, A-Z."),
    _Fault(re.compile(r"([，、；：,;])\1+|。{2}(?!。)|[，、；：][，。、；：]"), "a doubled mark", "Leave one."),
    _Fault(re.compile(r"\.{3,}|。{3,}|(?<!…)…(?!…)"), "an ellipsis of another form", "Write …… (two characters)."),
    _Fault(re.compile(rf"(?<=[{_HAN}])--+(?=[{_HAN}“《])"), "hyphens for a dash", "Write —— (two characters)."),
    _Fault(re.compile(rf"(?<=[{_HAN}])\"|\"(?=[{_HAN}])"), "straight quotation marks", "Write “ and ”."),
    _Fault(re.compile(rf"(?<=[{_HAN}]) +(?=[，。；：？！、）”》])"), "a space before a mark", "Take it out."),
)
_BY_SPACING = {
    Spacing.ANY: (),
    Spacing.NONE: (
        _Fault(
            re.compile(rf"(?<=[{_HAN}]) +(?=[A-Za-z0-9])|(?<=[A-Za-z0-9]) +(?=[{_HAN}])"),
            "a space between Chinese and Latin letters or digits",
            "Take it out: the house's rule is JIANBAO_SPACING=none.",
        ),
    ),
    Spacing.SPACE: (
        _Fault(
            re.compile(rf"(?<=[{_HAN}])(?=[A-Za-z0-9])|(?<=[A-Za-z0-9])(?=[{_HAN}])"),
            "no space between Chinese and Latin letters or digits",
            "Put one in: the house's rule is JIANBAO_SPACING=space.",
        ),
    ),
}
_PAIRS = (("“", "”"), ("《", "》"), ("（", "）"), ("「", "」"), ("【", "】"))


def typography(issue: Issue, guide: Guide) -> Iterator[Fault]:
    """One finding for each kind of fault, at its first place, with how often it stands in the issue."""
    texts = [Passage(passage.place, _without_addresses(passage.text)) for passage in passages(issue)]
    for fault in (*_ALWAYS, *_BY_SPACING[guide.spacing]):
        found = [(passage, match) for passage in texts for match in fault.pattern.finditer(passage.text)]
        if found:
            passage, match = found[0]
            often = f", {len(found)} times in all" if len(found) > 1 else ""
            yield warning(passage.place, f"{fault.message}: {passage.around(*match.span())}{often}", fault.cure)
    for passage in texts:
        for opening, closing in _PAIRS:
            # A quotation that goes on in the next paragraph opens again there, and closes only at its end.
            if passage.text.count(closing) > passage.text.count(opening):
                yield warning(passage.place, f"{closing} closes what was not opened", f"Write {opening} where it begins.")
                break


def _without_addresses(text: str) -> str:
    """The text with its web and mail addresses blanked out: they are not Chinese."""
    return _URL.sub(lambda found: "\ue000" * len(found.group()), text)
