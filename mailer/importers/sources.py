"""The line that says where an article comes from and who wrote it: （来源：科技日报 作者：钮 钦 刘冬梅）."""

from __future__ import annotations

import re

from mailer.importers.dates import find_date, without_dates
from mailer.importers.lines import columns, half_width
from mailer.importers.organisations import is_medium, is_organisation

_TAKEN_FROM = "转自|转载自|摘自|摘编自|摘录自|选自|节选自|编译自|整理自"
_SOURCE_LABELS = rf"(?:信息|稿件|文章|资料|消息|内容|图文|本文|新闻)?来源|出处|原载于?|{_TAKEN_FROM}|供稿单位|发布单位|发布机构"
_AUTHOR_LABELS = (
    r"本?文?作者|撰稿人?|撰文|供稿人?|通讯员|(?:本报|本刊|本网)?(?:特约|见习|实习)?记者|编译|图文|文/图|图/文|文字|整理|文"
)
_PUBLISHED_LABELS = r"(?:发布|发表|刊发|更新)(?:时间|日期)"
_OTHER_LABELS = r"时间|日期|责任编辑|责编|编辑|审核|校对|摄影|图"
_LABELLED = re.compile(
    rf"(?:(?P<source>{_SOURCE_LABELS})|(?P<author>{_AUTHOR_LABELS})|(?P<published>{_PUBLISHED_LABELS})|{_OTHER_LABELS})\s*[:/|丨｜]\s*"
)
_FROM = re.compile(rf"(?:——?|--?)?\s*(?:{_TAKEN_FROM}|原载于?|据)\s*(?P<source>.+)")
_REPORTED = re.compile(r"(?P<who>.+?)\s*(?:供稿|撰稿|来稿|投稿|报道|整理|编译|提供|综合|讯|电)$")
_REPORTER = re.compile(r"(?:本报|本刊|本网|本社|新华社)?(?:特约|见习|实习|首席)?(?:记者|通讯员|评论员)\s*(?P<who>.+)")
_BYLINE_SIGN = re.compile(r"[□■◇◆▲●○]\s*")
_BRACKETS = {"（": "）", "(": ")", "【": "】", "[": "]", "〔": "〕", "［": "］"}
_DASH_TITLE = re.compile(r"(?:——?|--?)\s*《[^》]+》")
_TITLE = re.compile(r"《([^》]+)》")
_SEPARATOR = re.compile(r"[、，,;；/|]")
_ROLE = re.compile(r"^(?:本报|本刊|本网|本社)?(?:特约|见习|实习|首席)?(?:记者|通讯员|评论员|实习生)\s*")
_AFFILIATION = re.compile(r"[（(][^（）()]*[）)]")
_GLUED = re.compile(r"[。！？…”’.!?]\s*(?=[（(][^（）()]*(?:[（(][^（）()]*[）)][^（）()]*)?[）)]$)")
_WIDE_SPACE = 2  # characters between the last sentence and a credit at the margin
_LONGEST = 160  # columns


def is_source(text: str) -> bool:
    """Whether a line, wherever it stands, can only be a source line."""
    if columns(text) > _LONGEST or "。" in text.rstrip("。）)"):
        return False
    inner, bracketed = _inside(text)
    plain = without_dates(half_width(inner))
    if _LABELLED.match(plain):
        return any(_says_source(label, plain) for label in _LABELLED.finditer(plain))
    if bracketed:
        return _is_bracketed_source(inner)
    return bool(_DASH_TITLE.fullmatch(text) or (_FROM.fullmatch(plain) and plain[0] != "据" and columns(text) <= 80))


def is_byline(text: str) -> bool:
    """Whether a line directly below a headline, or at an article's very end, says who wrote it: in that place less will do."""
    if is_source(text):
        return True
    inner, bracketed = _inside(_BYLINE_SIGN.sub("", text))
    if not inner or columns(inner) > 60 or re.search(r"[。！？；]", inner):
        return False
    without_day = without_dates(inner)
    if not without_day:
        return find_date(inner) is not None and not bracketed
    reporter = _REPORTER.fullmatch(half_width(without_day))
    if reporter is not None:
        return all(map(_is_name, names_in(reporter["who"])))
    words = without_day.split()
    return _are_names(without_day) or all(is_organisation(word) or is_medium(word) or _is_name(word) for word in words)


def parse_source(text: str) -> tuple[str | None, tuple[str, ...]]:
    """What a source line says: the medium or the institution, and the authors, each as a plain name."""
    inner, _ = _inside(_BYLINE_SIGN.sub("", text).lstrip("—- "))
    labels = list(_LABELLED.finditer(half_width(inner)))
    if not labels:
        return _parse_unlabelled(inner)
    source: str | None = None
    authors: tuple[str, ...] = ()
    for label, end in zip(labels, [label.start() for label in labels[1:]] + [len(inner)], strict=True):
        value = inner[label.end() : end].strip(" 　;；,，、）)（(")
        if label["source"]:
            source = source or _medium(value)
        elif label["author"]:
            names = names_in(value)
            people = tuple(name for name in names if not is_organisation(name)) or names
            authors += people
            source = source or next((name for name in names if name not in people), None)
    return source, authors


def names_in(text: str) -> tuple[str, ...]:
    """The names in a list of people; the space inside a name of two characters ("钮 钦") is taken out."""
    names: list[str] = []
    for part in _SEPARATOR.split(_AFFILIATION.sub(" ", without_dates(text))):
        words = [part.strip()] if re.search(r"[A-Za-z]", part) else _joined_single_characters(part.split())
        names.extend(name for word in words if (name := _ROLE.sub("", word).removesuffix("等").strip(" 。:：")))
    return tuple(names)


def glued_source(text: str) -> int | None:
    """Where a source line begins that is printed behind the last sentence of an article; None where there is none."""
    match = _GLUED.search(text) if text[-1] in "）)" and len(text) > 1 else None
    if match is None:
        return None
    wide = len(match.group()) - len(match.group().rstrip()) >= _WIDE_SPACE
    line = text[match.end() :]
    return match.end() if is_source(line) or (wide and is_byline(line)) else None


def _says_source(label: re.Match[str], text: str) -> bool:
    """An interview prints 记者： before each question; only names behind it make it a source line."""
    if label.group().startswith("记者"):
        return _are_names(text[label.end() :])
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
        or (reporter and all(map(_is_name, names_in(reporter["who"]))))
        or re.fullmatch(r"《[^》]+》.{0,20}", inner)
    )


def _parse_unlabelled(inner: str) -> tuple[str | None, tuple[str, ...]]:
    text = half_width(without_dates(inner))
    for pattern in (_FROM, _REPORTED):
        match = pattern.fullmatch(text)
        if match is not None:
            text = match.groupdict().get("source") or match["who"]
    text = text.removesuffix("报道").strip()
    if _TITLE.match(text) or is_medium(text):
        return _medium(text), ()
    words = [word for word in re.split(r"[、，,;；|\s]+", text) if is_organisation(_ROLE.sub("", word)) or is_medium(word)]
    source = words[0] if words else None
    rest = text
    for word in words:
        rest = rest.replace(word, " ", 1)
    authors = names_in(rest)
    if source is None and not all(map(_is_name, authors)):
        return _medium(text), ()
    return source, authors


def _medium(value: str) -> str | None:
    """《科技日报》2023年8月3日第1版 → 科技日报."""
    titles = _TITLE.match(value)
    name = titles[1] if titles else re.sub(r"\s*第?\d+[版期]$", "", without_dates(value))
    return name.strip(" 　，,;；") or None


def _inside(text: str) -> tuple[str, bool]:
    closing = _BRACKETS.get(text[:1])
    if closing is not None and text[-1] in (closing, half_width(closing)):
        return text[1:-1].strip(), True
    return text.strip(), False


def _joined_single_characters(words: list[str]) -> list[str]:
    joined: list[str] = []
    index = 0
    while index < len(words):
        run = index
        while run < len(words) and len(words[run]) == 1:
            run += 1
        size = 3 if run - index == 3 else 2
        step = min(size, run - index) if run > index else 1
        joined.append("".join(words[index : index + step]))
        index += step
    return joined


def _are_names(text: str) -> bool:
    names = names_in(text)
    return bool(names) and all(map(_is_name, names))


def _is_name(word: str) -> bool:
    word = _ROLE.sub("", word)
    surname = 2 if word[:2] in _COMPOUND_SURNAMES else int(word[:1] in _SURNAMES)
    chinese = surname and surname < len(word) <= surname + 2 and re.fullmatch(r"[\u4e00-\u9fff]+", word) is not None
    return bool(chinese) or re.fullmatch(r"[\u4e00-\u9fff]{1,6}·[\u4e00-\u9fff·]{1,10}", word) is not None


# The surnames of nearly everybody in China: the four hundred most frequent ones and the usual ones of two characters.
_COMPOUND_SURNAMES = frozenset(re.findall("..", "欧阳上官司马诸葛皇甫尉迟公孙慕容司徒令狐东方夏侯端木南宫长孙"))
_SURNAMES = frozenset(
    ["欧阳", "上官", "司马", "诸葛", "皇甫", "尉迟", "公孙", "慕容", "司徒", "令狐", "东方", "夏侯", "端木", "南宫", "长孙"]
)
_SURNAMES = frozenset(
    "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎余潘杜戴夏钟汪田任姜范方石"
    "姚谭廖邹熊金陆郝孔白崔康毛邱秦江史顾侯邵孟龙万段雷钱汤尹黎易常武乔贺赖龚文庞樊兰殷施陶洪翟安颜倪严牛温芦季俞章鲁葛伍韦申尤毕聂丛"
    "焦向柳邢路岳齐沿梅莫庄辛管祝左涂谷祁时舒耿牟卜路詹关苗凌费纪靳盛童欧甄项曲成游阳裴席卫查屈鲍位覃霍翁隋植甘景薄单包司柏宁柯阮桂闵"
    "解强柴华车冉房边辜吉饶刁瞿戚丘古米池滕晋苑邬臧畅宫来嵺苟全褚廉简娄盖符奚木穆党燕郎邸冀谈姬屠连郜晏栾郁商蒙计喻揭窦迟宇敖糜鄢冷卓花"
    "仇艾蓝都巩稽井练仲乐虞卞封竺冼原官衣楚佟栗匡宗应台巫鞠僧桑荆谌银扬明沙薄伏岑习胥保和蔺钮闫肖付代邝诸上皇尉司慕长令"
)
