"""The names of people, and lists of them: 钮 钦 刘冬梅, 张三、李四等, John Smith, Mary Brown."""

from __future__ import annotations

import re

from mailer.importers.dates import without_dates

_SEPARATOR = re.compile(r"[、，,;；/|]")
_ROLE = re.compile(r"^(?:本报|本刊|本网|本社)?(?:特约|见习|实习|首席)?(?:记者|通讯员|评论员|实习生)\s*")
_AFFILIATION = re.compile(r"[（(][^（）()]*[）)]")
_CHINESE = re.compile(r"[\u4e00-\u9fff]+")
_TRANSCRIBED = re.compile(r"[\u4e00-\u9fff]{1,6}·[\u4e00-\u9fff·]{1,10}")
# The surnames of nearly everybody in China: the usual ones of two characters and the four hundred most frequent, less those that
# begin more words than names.
_COMPOUND_SURNAMES = frozenset(re.findall("..", "欧阳上官司马诸葛皇甫尉迟公孙慕容司徒令狐东方夏侯端木南宫长孙"))
_SURNAMES = frozenset(
    "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎余潘杜戴夏钟汪田任姜范方石"
    "姚谭廖邹熊金陆郝孔白崔康毛邱秦江史顾侯邵孟龙万段雷钱汤尹黎易常武乔贺赖龚文庞樊兰殷施陶洪翟安颜倪严牛温芦季俞章鲁葛伍韦申尤毕聂丛"
    "焦向柳邢路岳齐沿梅莫庄辛管祝左涂谷祁舒耿牟卜路詹关苗凌费纪靳盛童欧甄项曲成游阳裴席卫查屈鲍位覃霍翁隋植甘景薄包司柏宁柯阮桂闵"
    "柴华车冉房边辜吉饶刁瞿戚丘古米池滕晋苑邬臧畅嵺苟褚廉简娄盖符奚木穆党燕郎邸冀谈姬屠连郜晏栾郁商蒙喻揭窦迟宇敖糜鄢冷卓花"
    "仇艾蓝巩稽井练仲乐虞卞竺冼衣楚佟栗匡宗台巫鞠僧桑荆谌银扬沙薄伏岑习胥蔺钮闫肖付邝诸皇尉司慕"
)


def names_in(text: str) -> tuple[str, ...]:
    """The names in a list of people; the space inside a name of two characters ("钮 钦") is taken out."""
    names: list[str] = []
    for part in _SEPARATOR.split(_AFFILIATION.sub(" ", without_dates(text))):
        words = [part.strip()] if re.search(r"[A-Za-z]", part) else _joined_single_characters(part.split())
        names.extend(name for word in words if (name := without_role(word).removesuffix("等").strip(" 。:：")))
    return tuple(names)


def are_names(text: str) -> bool:
    """Whether a text is a list of names of people, and nothing else."""
    names = names_in(text)
    return bool(names) and all(map(is_name, names))


def is_name(word: str) -> bool:
    """Whether a word is the name of a person, as far as its surname and its length tell."""
    word = without_role(word)
    surname = 2 if word[:2] in _COMPOUND_SURNAMES else int(word[:1] in _SURNAMES)
    chinese = surname and surname < len(word) <= surname + 2 and _CHINESE.fullmatch(word) is not None
    return bool(chinese) or _TRANSCRIBED.fullmatch(word) is not None


def without_role(word: str) -> str:
    """The word without 本报记者, 通讯员 and the like before it."""
    return _ROLE.sub("", word)


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
