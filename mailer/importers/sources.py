"""The line that says where an article comes from and who wrote it: （来源：科技日报 作者：钮 钦 刘冬梅）."""

from __future__ import annotations

import re

from mailer.importers.dates import find_date, without_dates
from mailer.importers.lines import columns, half_width
from mailer.importers.names import are_names, is_name, names_in, without_role
from mailer.importers.naming import KINDS
from mailer.importers.organisations import is_medium, is_organisation

_TAKEN_FROM = "[转轉]自|[转轉][载載发]自|摘自|摘编自|摘录自|选自|节选自|编译自|整理自"
_SUBMITTED_BY = "供稿单位|来稿单位|推荐单位|发布单位|发布机构|信息报送|报送单位"
_SOURCE = r"(?:信息|稿件|文章|资料|消息|内容|图文|本文|新闻)?[来來]\s*源(?:单位|于)?|[Ss]ource"
_SOURCE_LABELS = rf"{_SOURCE}|出处|原载于?|{_TAKEN_FROM}|{_SUBMITTED_BY}"
_AUTHOR = r"本?文?作\s*者|撰稿人?|撰文|供稿人?|通讯员|(?:本报|本刊|本网)?(?:特约|见习|实习)?[记記]者|[Aa]uthors?"
_AUTHOR_LABELS = rf"{_AUTHOR}|编译|图文|文/图|图/文|文字|整理|文"
_PUBLISHED_LABELS = r"(?:发布|发表|刊发|更新)(?:时间|日期)"
_STAFF = "责任编辑|值班编辑|执行编辑|责编|美编|编审|编辑|責任編輯|編輯|审核|审校|审稿|校对|排版|监审|[初复终]审"
_COUNTED = "(?:浏览|阅读|点击|访问)(?:量|次数|数)?"
_OTHER_LABELS = rf"时间|日期|{_STAFF}|摄影|图|(?:作者|工作)?单位|职务|职称|栏目|发布者|发布人|{_COUNTED}|字[体号]"
_LABELLED = re.compile(
    rf"(?:(?P<source>{_SOURCE_LABELS})|(?P<author>{_AUTHOR_LABELS})|(?P<published>{_PUBLISHED_LABELS})|{_OTHER_LABELS})\s*[:/|丨｜]\s*"
)
_IN_BRACKETS = re.compile(r"[【\[〔](?P<label>[来來]\s*源|出处|作\s*者|编\s*辑)[】\]〕]\s*:?")  # 【来源】科技日报
_STAFF_LINE = re.compile(rf"(?:(?:{_STAFF}|摄影)\s*(?:[:/|丨]\s*|\s)[\u4e00-\u9fff·、,;\s]{{1,24}})+")
_TIME = re.compile(r"\d{1,2}:\d{2}(?::\d{2})?\s*")
_FROM = re.compile(rf"[—-]{{,3}}\s*(?:{_TAKEN_FROM}|原载于?|[据據])\s*(?P<source>.+)")
_REPORTED = re.compile(r"(?P<who>.+?)\s*(?:供稿|撰稿|来稿|投稿|报道|報[道導]|整理|编译|提供|综合|讯|电)$")
_CREDITED = re.compile(r"(?P<who>.{2,20}?)\s*(?:编译|摘编|摘译|整理|供稿|撰稿)(?:自\s*(?P<source>.+))?")
_ROLES = "(?:特约|见习|实习|首席)?(?:记者|通讯员|评论员)|作者|撰文|撰稿|供稿|文字?"
_REPORTER = re.compile(rf"(?:(?P<medium>[\u4e00-\u9fff]{{0,10}}(?:报社?|社|网|刊|电视台))?\s*(?:{_ROLES}))\s*(?P<who>.+)")
_WITH_REPORTER = re.compile(rf"(.+?)[\s,，、]*(?:{_ROLES})\s*(?P<who>.+)")  # 科技日报报道 记者张伟
_WHO_THAT_IS = re.compile(r"系(?!统).{2,}")  # 张伟，系某某大学教授; no 系统工程研究所
_SUBMITTED = re.compile("供稿|通讯员|图文|文字|整理|编译")  # by whom: people, or an office
_BYLINE_SIGN = re.compile(r"[□■◇◆▲●○]\s*")
_BRACKETS = {"（": "）", "(": ")", "【": "】", "[": "]", "〔": "〕", "［": "］"}
_DASH_TITLE = re.compile(r"(?:——?|--?)\s*《[^》]+》")
_TITLE = re.compile(r"《([^》]+)》")
_AGENCY = re.compile(
    r"据?\s*(新华社|新华网|中新社|中新网|人民网|\S{2,6}报)(?=\S{1,8}?\s*(?:\d{4}年)?\d{1,2}月\d{1,2}日\s*[电讯])"
)
_GLUED = re.compile(r"[。！？…”’.!?]\s*(?=[（(][^（）()]*(?:[（(][^（）()]*[）)][^（）()]*)?[）)]$)")
_WIDE_SPACE = 2  # characters between the last sentence and a credit at the margin
_LONGEST = 160  # columns


def is_source(text: str) -> bool:
    """Whether a line, wherever it stands, can only be a source line."""
    if columns(text) > _LONGEST or "。" in text.rstrip("。）)"):
        return False
    inner, bracketed = _inside(text)
    plain = without_dates(half_width(inner))
    bare = _TIME.sub("", _labelled(plain.strip("—-* ")), count=1)
    if _LABELLED.match(bare):
        return any(_says_source(label, bare) for label in _LABELLED.finditer(bare))
    if bracketed:
        return _is_bracketed_source(inner)
    credited = _CREDITED.fullmatch(plain)
    if credited is not None and are_names(credited["who"]):
        return True
    return bool(_DASH_TITLE.fullmatch(plain) or (_FROM.fullmatch(plain) and plain[0] not in "据據" and columns(text) <= 80))


def is_staff(text: str) -> bool:
    """Whether a line names those who worked on an article's text, and nobody who wrote it: 编辑：周敏   审核：吴刚."""
    return columns(text) <= _LONGEST // 2 and _STAFF_LINE.fullmatch(half_width(_inside(text)[0])) is not None


def is_credit(text: str) -> bool:
    """Whether a line names those to whom an article is owed, and is none of its text."""
    return is_source(text) or is_staff(text)


def names_reporter(text: str) -> bool:
    """Whether a line is a reporter's role and names, and nothing else: 本刊记者 张伟."""
    reporter = _REPORTER.fullmatch(half_width(_inside(_BYLINE_SIGN.sub("", text))[0]))
    return reporter is not None and are_names(reporter["who"])


def is_byline(text: str) -> bool:
    """Whether a line directly below a headline, or at an article's very end, says who wrote it: in that place less will do."""
    if is_source(text):
        return True
    inner, bracketed = _inside(_BYLINE_SIGN.sub("", text))
    if not inner or inner in KINDS or columns(inner) > 60 or re.search(r"[。！？；：:]", inner):
        return False
    without_day = without_dates(inner)
    if not without_day:
        return find_date(inner) is not None and not bracketed
    reporter = _REPORTER.fullmatch(half_width(without_day))
    if reporter is not None:
        return are_names(reporter["who"])
    words = without_day.split()
    return are_names(without_day) or all(is_organisation(word) or is_medium(word) or is_name(word) for word in words)


def parse_source(text: str) -> tuple[str | None, tuple[str, ...]]:
    """What a source line says: the medium or the institution, and the authors, each as a plain name."""
    inner, _ = _inside(_BYLINE_SIGN.sub("", text).lstrip("—-* "))
    if _IN_BRACKETS.match(half_width(inner)):
        inner = _labelled(half_width(inner))
    labels = list(_LABELLED.finditer(half_width(inner)))
    if not labels:
        said, reporters = _without_reporters(inner)
        source, authors = _parse_unlabelled(said)
        return source, reporters or authors
    source, authors = None, ()
    for label, end in zip(labels, [label.start() for label in labels[1:]] + [len(inner)], strict=True):
        value = inner[label.end() : end].strip(" 　;；,，、|｜丨【】[]［］")
        if label["source"]:
            value, reporters = _without_reporters(value)
            source, authors = source or _medium(value), authors + reporters
        elif label["author"]:
            names = tuple(name for name in names_in(value) if not _WHO_THAT_IS.match(name))
            if _SUBMITTED.match(label.group()) and len(names) == 1 and not is_name(names[0]):
                source = source or names[0]
                continue
            people = tuple(name for name in names if not is_organisation(name)) or names
            authors += people
            source = source or next((name for name in names if name not in people), None)
    return source, authors


def glued_source(text: str) -> int | None:
    """Where a source line begins that is printed behind the last sentence of an article; None where there is none."""
    match = _GLUED.search(text) if text[-1] in "）)" and len(text) > 1 else None
    if match is None:
        return None
    wide = len(match.group()) - len(match.group().rstrip()) >= _WIDE_SPACE
    line = text[match.end() :]
    return match.end() if is_source(line) or (wide and is_byline(line)) else None


def ends_with_credit(text: str) -> bool:
    """Whether a paragraph ends with a credit of its own, in brackets behind its last sentence."""
    match = _GLUED.search(text) if text[-1] in "）)" and len(text) > 1 else None
    return match is not None and is_byline(text[match.end() :])


def _labelled(text: str) -> str:
    """A line whose labels stand in brackets as one whose labels have a colon."""
    return _IN_BRACKETS.sub(r"\g<label>:", text)


def _says_source(label: re.Match[str], text: str) -> bool:
    """An interview prints 记者： before each question; only names behind it make it a source line."""
    if label.group().startswith("记者"):
        return are_names(text[label.end() :])
    return bool(label["source"] or label["author"] or label["published"])


def _is_bracketed_source(inner: str) -> bool:
    plain = half_width(inner)
    if columns(plain) > 90 or re.match(r"作者[^:/|]|本文|注|图", plain):
        return False
    reporter = _REPORTER.fullmatch(plain)
    return bool(
        _FROM.fullmatch(plain)
        or (_REPORTED.fullmatch(plain) and columns(plain) <= 60)
        or is_medium(without_dates(inner))
        or (reporter and are_names(reporter["who"]))
        or re.fullmatch(r"《[^》]+》.{0,20}", inner)
    )


def _without_reporters(text: str) -> tuple[str, tuple[str, ...]]:
    """A source without the reporters who are named behind it, and those: 科技日报记者 张伟, 科技日报报道 记者张伟."""
    plain = half_width(text)
    reporter = _REPORTER.fullmatch(plain)
    medium = reporter["medium"] if reporter is not None else None
    found = reporter if medium and medium[0] != "本" else None if reporter is not None else _WITH_REPORTER.fullmatch(plain)
    if found is None or not are_names(found["who"]):
        return text, ()
    return text[: found.end(1)], names_in(found["who"])


def _parse_unlabelled(inner: str) -> tuple[str | None, tuple[str, ...]]:
    agency = _AGENCY.match(inner)
    if agency is not None:
        return agency[1], ()
    text = half_width(without_dates(inner))
    reporter = _REPORTER.fullmatch(text)
    if reporter is not None and are_names(reporter["who"]):
        medium = reporter["medium"]
        return None if medium is None or medium[0] == "本" else medium, names_in(reporter["who"])
    credited = _CREDITED.fullmatch(text)
    if credited is not None and are_names(credited["who"]):
        return credited["source"], names_in(credited["who"])
    for pattern in (_FROM, _REPORTED):
        match = pattern.fullmatch(text)
        if match is not None:
            text = match.groupdict().get("source") or match["who"]
    text = text.removesuffix("报道").removeprefix("综合").strip() or text
    if _TITLE.match(text) or is_medium(text):
        return _medium(text), ()
    words = [word for word in re.split(r"[、，,;；|\s]+", text) if is_organisation(without_role(word)) or is_medium(word)]
    source = words[0] if words else None
    rest = text
    for word in words:
        rest = rest.replace(word, " ", 1)
    authors = names_in(rest)
    if source is None and not all(map(is_name, authors)):
        return _medium(text), ()
    return source, authors


def _medium(value: str) -> str | None:
    """《科技日报》2023年8月3日第1版 → 科技日报, 新华社北京8月1日电 → 新华社."""
    agency = _AGENCY.match(value)
    if agency is not None:
        return agency[1]
    titles = _TITLE.match(value)
    name = titles[1] if titles else re.sub(r"\s*第?\d+[版期]$", "", without_dates(value))
    return name.strip(" 　，,;；") or None


def _inside(text: str) -> tuple[str, bool]:
    """What stands within the brackets around a line, one of which may be missing, and whether both are there."""
    closing = _BRACKETS.get(text[:1])
    if closing is not None and text[-1] in (closing, half_width(closing)):
        return text[1:-1].strip(), True
    if closing is not None and closing not in text and half_width(closing) not in text:
        return text[1:].strip(), False
    if text[-1:] in ("）", ")") and "（" not in text and "(" not in text:
        return text[:-1].strip(), False
    return text.strip(), False
