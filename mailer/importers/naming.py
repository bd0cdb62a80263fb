"""Who publishes a bulletin and what it is called, from the lines of its masthead without number and date."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum

from mailer.importers.lines import key, simplified
from mailer.importers.organisations import is_english_organisation, is_organisation, leading_organisation

# Longer kinds stand before the shorter ones they end with.
KINDS = (
    *("工作简报", "信息简报", "工作通讯", "工作动态", "工作信息", "工作快报"),
    *("信息快报", "信息专报", "工作专报", "情况通报", "工作通报"),
    *("半月报", "双月报", "双月刊", "半月刊", "电子报"),
    *("简报", "通讯", "快报", "动态", "信息", "简讯", "快讯", "专报", "内参", "通报", "日报", "周报", "旬报", "月报", "季报"),
    *("周刊", "旬刊", "月刊", "季刊", "要报", "摘报", "导报", "公报", "院报", "校报", "会讯", "会刊", "内刊", "院刊", "专刊"),
    *("特刊", "期刊", "专辑", "资讯", "参考", "参阅", "要情", "要闻", "舆情", "情报", "文摘", "摘编", "速递", "速览"),
)
_PUBLISHING = r"主\s*办|出\s*品|主\s*管|编\s*印|编\s*发|编\s*制|编辑出版|发\s*布|承\s*办|编\s*辑|编|印"
_LABELLED = re.compile(rf"(?P<label>{_PUBLISHING})(?:单位|机构)?\s*[：:]\s*(?P<name>[^：:]+)")
_TRAILING = re.compile(rf"(?P<name>\S.+?)\s*(?P<label>{_PUBLISHING})")
_VERB = re.compile(_PUBLISHING)  # behind a name, and wide space: 某某办公室　　编
_GENERIC = re.compile(r"(?:本刊)?(?:编辑部|办公室|秘书处|综合处|综合部|编委会)")
_NOTICE = re.compile(
    r"内部(?:资料|刊物|交流|文件|参考)|注意保存|仅供|供.{1,6}参考|免费|赠阅|机密|秘密|密级|不得外传|准印|刊号|ISSN|CN\s?\d|签发|编审|责任编辑|责编|主编|审核|校对|"
    r"审稿|电子版|电话|地址|邮箱|网址|https?:|www\.|邮编|传真|星期|[报送发][：:]|本期共|共.{1,4}页|创刊|试刊|编辑[：:]"
)
_TITLE = re.compile(r"《([^》]+)》")
_WIDE_SPACE = re.compile(r"\s{2,}|[\t　]|\s*[|｜]\s*")
_LETTER_SPACED = re.compile(r"[\u4e00-\u9fff](?:\s+[\u4e00-\u9fff])+")
_DECORATION = " 　\t-—–_=*＊★☆◆●■|｜/·•：:，,；;()（）[]【】"


@dataclass(frozen=True, slots=True)
class Names:
    """The names a masthead prints; empty where it does not."""

    publisher: str
    title: str
    kind: str


class _Claim(IntEnum):
    """How strongly a word claims to be the publisher: the strongest first."""

    LABELLED = 0  # 主办：
    LINE_OF_ITS_OWN = 1
    COMPILER = 2  # 编印, which is often the publisher's office
    IN_THE_TITLE = 3
    SUPERVISOR = 4  # 主管：
    OFFICE = 5  # 编辑部, with no word whose
    IN_ENGLISH = 6  # which stands below the Chinese name, or alone


def read_names(lines: Iterable[str]) -> Names:
    """Publisher, title and kind. `kind` is one of KINDS; a title is printed in 《》, ends with a kind, or is what is left."""
    claims: list[tuple[_Claim, str]] = []
    titles: list[str] = []
    for word in (word for line in lines for word in _before_notices(line)):
        claim = _claim(word)
        if claim is not None:
            claims.append(claim)
        elif _VERB.fullmatch(word) is None:
            titles.append(word)
    title, kind = _title_and_kind(titles)
    leading = leading_organisation(title)
    if leading is not None:
        claims.append((_Claim.IN_THE_TITLE, leading))
    return Names(min(claims, key=lambda claim: claim[0])[1] if claims else "", title, kind)


def _before_notices(line: str) -> Iterator[str]:
    """The words of a line up to the first that is a notice: 某某办公室编　　签发人：王某."""
    for word in words_of(line):
        if is_notice(word):
            return
        yield word


def is_notice(text: str) -> bool:
    """Whether a line of the masthead says something that is neither name nor number: 内部资料 注意保存, 责任编辑：…."""
    return _NOTICE.search(text) is not None


def names_publisher(text: str) -> bool:
    """Whether a line names a publisher: 主办：…, … 编印, or an organisation alone."""
    return any(_claim(word) is not None for word in words_of(text))


def names_imprint(text: str) -> bool:
    """Whether a line says who publishes in so many words: 主办：…, … 编印."""
    return any(_LABELLED.fullmatch(word) or _TRAILING.fullmatch(word) for word in words_of(text)) and names_publisher(text)


def names_kind(text: str) -> bool:
    """Whether a line is, or ends with, the kind of a bulletin: 简报, 科研动态, 《科技通讯》."""
    return any(_ends_with_kind(_without_brackets(word)) for word in words_of(text))


def words_of(text: str) -> list[str]:
    """The parts of a line that wide spaces separate, without decoration; letter-spaced words (简　报) are closed up."""
    if _LETTER_SPACED.fullmatch(text.strip(_DECORATION)):
        return ["".join(text.strip(_DECORATION).split())]
    parts = (part.strip(_DECORATION) for part in _WIDE_SPACE.split(text.strip()))
    return ["".join(part.split()) if _LETTER_SPACED.fullmatch(part) else part for part in parts if key(part)]


def _claim(word: str) -> tuple[_Claim, str] | None:
    plain = simplified(word)
    match = _LABELLED.fullmatch(plain) or _TRAILING.fullmatch(plain)
    if match is not None and not _ends_with_kind(word):
        name = word[match.start("name") : match.end("name")].strip(_DECORATION)
        label = "".join(match["label"].split())
        if _GENERIC.fullmatch(name):
            return _Claim.OFFICE, name
        if label in ("主办", "出品"):
            return _Claim.LABELLED, name
        if label == "主管":
            return _Claim.SUPERVISOR, name
        return (_Claim.COMPILER, name) if is_organisation(name) else None
    if is_english_organisation(word):
        return _Claim.IN_ENGLISH, word
    return (_Claim.LINE_OF_ITS_OWN, word) if is_organisation(word) and not _ends_with_kind(word) else None


def _title_and_kind(words: list[str]) -> tuple[str, str]:
    kinds = [word for word in words if simplified("".join(word.split())) in KINDS]
    named = [word for word in words if word not in kinds]
    if not named:
        return (kinds[0], kinds[0]) if kinds else ("", "")
    quoted = [word for word in named if _TITLE.search(word)]
    ending = [word for word in named if _ends_with_kind(word)]
    chinese = [word for word in named if re.search(r"[\u4e00-\u9fff]", word)]
    title = _without_brackets((quoted or ending or chinese or named)[0])
    head, _, last = title.rpartition(" ")
    if head and simplified(last) in KINDS:
        return head.strip(), last
    return title, (kinds or [title[-len(kind) :] for kind in KINDS if simplified(title).endswith(kind)] or [""])[0]


def _ends_with_kind(word: str) -> bool:
    return simplified(word).endswith(KINDS)


def _without_brackets(word: str) -> str:
    """《科研动态》 → 科研动态, 《信息集锦》简报 → 信息集锦 简报."""
    match = _TITLE.search(word)
    if match is None:
        return word
    rest = word[match.end() :].strip(_DECORATION)
    return f"{match[1]} {rest}" if rest in KINDS else match[1]
