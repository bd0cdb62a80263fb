"""Bulletins made up by chance, as many publishers would set them, together with what reading them must give."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

from hypothesis import strategies as st

from mailer.block import BlockKind

WORDS = [
    "科技",
    "创新",
    "院所",
    "合作",
    "平台",
    "企业",
    "成果",
    "转化",
    "人才",
    "项目",
    "基地",
    "服务",
    "会员",
    "单位",
    "产业",
    "体系",
    "建设",
    "推进",
    "组织",
    "交流",
    "培训",
    "考察",
    "研讨",
    "学术",
    "论坛",
    "农业",
    "海洋",
    "能源",
    "材料",
    "水利",
    "生态",
    "数据",
    "装备",
    "仪器",
    "标准",
    "园区",
    "政策",
    "机制",
    "改革",
    "规划",
    "调研",
    "座谈",
    "示范",
    "应用",
    "检测",
    "试验",
    "攻关",
    "协同",
    "共享",
    "资源",
    "高校",
    "专家",
    "团队",
    "青年",
    "区域",
    "绿色",
    "智能",
    "数字",
    "健康",
    "航天",
]
SURNAMES = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗"
GIVEN = "明华伟敏静丽强磊军洋勇艳杰娟涛超霞平刚桂"
MEDIA = ("科技日报", "中国高新技术产业导报", "新华社", "东江晚报", "经济参考报", "学习时报")
PUBLISHERS = (
    "东江省农业科学院",
    "西部能源研究联盟",
    "南海海洋技术学会",
    "华东材料研究院",
    "全国科研院所联谊会",
    "清江市科学技术协会",
)
NAMES = (
    ("信息集锦", "简报"),
    ("科研动态", "动态"),
    ("院所通讯", "通讯"),
    ("海洋科技快报", "快报"),
    ("科技工作简报", "工作简报"),
    ("院情专报", "专报"),
)
MARKERS = [[style.format(number) for number in range(1, 6)] for style in ("{}. ", "{}、", "（{}）")] + [list("①②③④⑤")]
DIGITS = "〇一二三四五六七八九"

# A piece of a paragraph, cut off by a page break, that is no longer than this cannot be told from a sub-heading.
LONGEST_HEADING = 22


@dataclass(frozen=True)
class WrittenArticle:
    """An article as it was before it was printed; `headline` is what its page shows, `announced` what the contents say."""

    headline: str
    blocks: tuple[tuple[BlockKind, str], ...]
    announced: str | None
    column: str | None = None
    source: str | None = None
    authors: tuple[str, ...] = ()
    source_line: str | None = None
    source_below: bool = False


@dataclass(frozen=True)
class Bulletin:
    """The printed file, and the truth it was made from."""

    text: str
    publisher: str
    title: str
    kind: str
    year: int
    number: int
    total_number: int | None
    day: date
    articles: tuple[WrittenArticle, ...]
    colophon: tuple[str, ...] = ()


@dataclass
class Printer:
    """How one publisher sets a bulletin; the same choice is kept for the whole of it."""

    rng: random.Random
    contents: str
    entry: str
    page: str
    wrap: int
    indent: str
    gap: int
    head: str = ""
    lines: list[str] = field(default_factory=list)
    page_number: int = 1

    def blank(self, count: int | None = None) -> None:
        self.lines.extend([""] * (self.gap if count is None else count))

    def page_break(self) -> None:
        """Where a page ends: blank lines, a page number, a form feed, a running head, or several of them."""
        self.page_number += 1
        number = {
            "dashes": f"— {self.page_number} —",
            "words": f"第 {self.page_number} 页 共 99 页",
            "hyphens": f"-{self.page_number}-",
        }
        match self.page:
            case "blank":
                self.blank(self.rng.randint(1, 3))
            case "form feed":
                self.lines.append("\f")
            case _:
                self.blank(self.rng.randint(1, 2))
                self.lines.append(number[self.page])
                if self.head:
                    self.lines.append(f"\f{self.head}")
                self.blank(self.rng.randint(1, 2))

    def paragraph(self, text: str, cuts: list[int]) -> None:
        """Prints a block, its lines wrapped, a page break at each of `cuts`."""
        start, indent = 0, self.indent
        for cut in [*cuts, len(text)]:
            self._wrapped(indent, text[start:cut])
            if cut < len(text):
                self.page_break()
            start, indent = cut, ""

    def _wrapped(self, indent: str, text: str) -> None:
        if not self.wrap:
            self.lines.append(indent + text)
            return
        while text:
            end, width = 0, 2 * len(indent)
            while end < len(text) and width + 2 <= 2 * self.wrap:
                width += 1 if text[end].isascii() else 2
                end += 1
            while end < len(text) and (text[end] in "，。；：、！？”》）" or (text[end - 1].isascii() and text[end].isascii())):
                end -= 1
            self.lines.append(indent + text[:end])
            text, indent = text[end:], ""


def chinese(number: int) -> str:
    """12 → 十二, 190 → 一百九十."""
    if number >= 100:
        rest = number % 100
        between = "" if not rest else ("〇" if rest < 10 else "") + (("一" if 10 <= rest < 20 else "") + chinese(rest))
        return DIGITS[number // 100] + "百" + between
    tens, ones = divmod(number, 10)
    return ("" if not tens else ("" if tens == 1 else DIGITS[tens]) + "十") + (DIGITS[ones] if ones or not tens else "")


def words(rng: random.Random, low: int, high: int) -> str:
    return "".join(rng.choice(WORDS) for _ in range(rng.randint(low, high)))


def sentence(rng: random.Random) -> str:
    clauses = [words(rng, 2, 7) for _ in range(rng.randint(1, 4))]
    if rng.random() < 0.2:
        clauses[-1] += f"“{words(rng, 1, 2)}”" + words(rng, 1, 2)
    if rng.random() < 0.2:
        clauses[0] = f"{rng.randint(1, 12)}月{rng.randint(1, 28)}日"
    if rng.random() < 0.15:
        clauses[-1] += f"{rng.randint(2, 9999)}{rng.choice(['亿元', '家', '项', '万人次'])}"
    return "，".join(clauses) + rng.choice("。。。。！")


def paragraph(rng: random.Random) -> str:
    return "".join(sentence(rng) for _ in range(rng.randint(1, 5)))


def name(rng: random.Random) -> str:
    return rng.choice(SURNAMES) + "".join(rng.choice(GIVEN) for _ in range(rng.randint(1, 2)))


def blocks(rng: random.Random) -> tuple[tuple[BlockKind, str], ...]:
    """An article's text: paragraphs, with sub-headings that have a marker, or none, and with a numbered list."""
    made = [(BlockKind.PARAGRAPH, paragraph(rng)) for _ in range(rng.randint(1, 3))]
    match rng.randint(0, 3):
        case 0:
            for number in range(1, rng.randint(2, 4)):
                made.append((BlockKind.HEADING, f"{chinese(number)}、{words(rng, 2, 6)}"))
                made.append((BlockKind.PARAGRAPH, paragraph(rng)))
        case 1:
            made.append((BlockKind.PARAGRAPH, words(rng, 3, 6) + "如下："))
            markers = rng.choice(MARKERS)
            made.extend((BlockKind.ITEM, marker + paragraph(rng)) for marker in markers[: rng.randint(2, 5)])
        case 2:
            made.append((BlockKind.HEADING, words(rng, 2, 6)))
            made.append((BlockKind.PARAGRAPH, paragraph(rng) + paragraph(rng)))
    return tuple(made)


def sourced(rng: random.Random, article: WrittenArticle) -> WrittenArticle:
    """The article with a source line of some style, or none."""
    medium, authors = rng.choice(MEDIA), list(dict.fromkeys(name(rng) for _ in range(rng.randint(1, 3))))
    spaced = " ".join(" ".join(author) if len(author) == 2 else author for author in authors)
    listed = rng.choice(["、", "，", " "]).join(authors)
    below = rng.random() < 0.3
    lines: list[tuple[str | None, str | None, tuple[str, ...]]] = [
        (None, None, ()),
        (f"（来源：{medium}）", medium, ()),
        (f"来源：{medium}", medium, ()),
        (f"（来源：{medium} 作者：{spaced}）", medium, tuple(authors)),
        (f"来源：{medium}  作者：{listed}", medium, tuple(authors)),
        (f"（摘自《{medium}》）", medium, ()),
        (f"（转自{medium}）", medium, ()),
        (f"作者：{listed}", None, tuple(authors)),
        (f"（{authors[0]} 供稿）", None, (authors[0],)),
        ("（东江省科学技术研究院供稿）", "东江省科学技术研究院", ()),
        (f"——摘自《{medium}》", medium, ()),
        (f"（本报记者 {authors[0]}）", None, (authors[0],)),
        (f"文/{authors[0]}", None, (authors[0],)),
        ("供稿：东江省科学技术研究院", "东江省科学技术研究院", ()),
        (f"供稿：{authors[0]}", None, (authors[0],)),
        (f"信息来源：{medium}　　作者：{listed}", medium, tuple(authors)),
        (f"摘自：《{medium}》", medium, ()),
        (f"（据{medium}）", medium, ()),
    ]
    line, source, who = rng.choice(lines)
    return replace(article, source_line=line, source=source, authors=who, source_below=below and line is not None)


def slightly_different(rng: random.Random, headline: str) -> str:
    """The headline as the contents might have it: other spacing, other punctuation, a character less."""
    match rng.randint(0, 5):
        case 0:
            return headline.replace(" ", "")
        case 1:
            return headline.translate(str.maketrans("：“”（）", ':""()'))
        case 2 if len(headline) >= 12:
            cut = rng.randrange(2, len(headline) - 2)
            return headline[:cut] + headline[cut + 1 :] if not headline[cut].isdecimal() else headline
        case _:
            return headline


def headline(rng: random.Random, used: set[str]) -> str:
    while True:
        made = words(rng, 5, 10)
        if rng.random() < 0.2:
            made = words(rng, 1, 2) + "：" + made
        if rng.random() < 0.2:
            made += f"“{words(rng, 1, 2)}”"
        if rng.random() < 0.2:
            made += f"{rng.randint(2, 99)}条"
        if made not in used:
            used.add(made)
            return made


def cuts(rng: random.Random, text: str, likely: float) -> list[int]:
    """Where page breaks go through a block, so that the break can be told from the end of the block."""
    if rng.random() > likely or len(text) < 2 * LONGEST_HEADING + 8:
        return []
    places = []
    last = 0
    for place in sorted(rng.sample(range(LONGEST_HEADING + 4, len(text) - 1), k=min(2, len(text) // 80 + 1))):
        open_end = text[place - 1] not in "。！？；：”" and text[place] not in "“1234567890"
        if open_end and place - last > LONGEST_HEADING + 4:
            places.append(place)
            last = place
    return places


def masthead(rng: random.Random, printer: Printer, made: Bulletin) -> None:
    """Publisher, title, kind, number and date, in one of many orders and spellings."""
    year, number, total, day = made.year, made.number, made.total_number, made.day
    digits = "".join(DIGITS[int(c)] for c in str(year))
    full = "".join(chr(ord(c) + 0xFEE0) for c in str(year))
    totals = (
        ["", ""]
        if total is None
        else [rng.choice([f"（总第{total}期）", f"（总第 {total} 期）", f"(总{total}期)", f" 总第{chinese(total)}期"])]
    )
    numbers = [
        f"{year}年第{number}期",
        f"{year} 年第 {number} 期",
        f"第{number}期",
        f"第{chinese(number)}期",
        f"[{year}] {number}号",
        f"{digits}年第{chinese(number)}期",
    ]
    dates = [
        f"{year}年{day.month}月{day.day}日",
        f"{year} 年 {day.month} 月 {day.day} 日",
        day.isoformat(),
        f"{year}/{day.month}/{day.day}",
        f"{year}.{day.month}.{day.day}",
        f"{digits}年{chinese(day.month)}月{chinese(day.day)}日",
        f"{full}年{day.month}月{day.day}日",
    ]
    numbered, dated = rng.choice(numbers) + rng.choice(totals), rng.choice(dates)
    separate = made.kind if made.title == "信息集锦" else ""
    titled = rng.choice([made.title, f"《{made.title}》", "　".join(made.title)])
    published = rng.choice([made.publisher, f"主办：{made.publisher}", f"{made.publisher}编印", f"编印单位：{made.publisher}"])
    order = [[published], [titled, *([separate] if separate else [])], [numbered], [dated]]
    match rng.randint(0, 4):
        case 0:
            order = [order[1], order[2], order[0], order[3]]
        case 1:
            order = [order[1], [numbered], [f"{published}        {dated}"]]
        case 2:
            order = [order[0], order[1], [f"{numbered}    {dated}"]]
        case 3:
            order = [["内部资料　注意保存"], *order]
    for lines in order:
        for line in lines:
            printer.lines.append(line)
            printer.blank(rng.randint(0, 2))
    printer.blank(1)


def contents(rng: random.Random, printer: Printer, articles: tuple[WrittenArticle, ...], breaks: float) -> None:
    """The list of headlines, starred, numbered, plain or with pages, wrapped, under their columns."""
    printer.lines.append(printer.contents)
    printer.blank(1)
    column = None
    for position, article in enumerate(articles, start=1):
        if article.column is not None and article.column != column:
            column = article.column
            printer.lines.append(f"【{column}】")
        if article.announced is None:
            continue
        if rng.random() < breaks / 10:
            printer.page_break()
        page = position * 2
        line = printer.entry.format(title=article.announced, position=position, chinese=chinese(position), page=page)
        if len(line) > 16 and "★" in line and article.announced == article.headline and rng.random() < 0.3:
            printer.lines.extend([line[:14], "  " + line[14:]])
        else:
            printer.lines.append(line)
    printer.blank(2)


ENTRIES = (
    "★{title}",
    "- ★{title}",
    "● {title}",
    "{position}. {title}",
    "{position}、{title}",
    "（{position}）{title}",
    "{chinese}、{title}",
    "{title}",
    "{position}. {title}………… {page}",
    "{title} .......... {page}",
    "{title}（{page}）",
    "◆ {title}\t{page}",
)


def print_article(rng: random.Random, printer: Printer, article: WrittenArticle, breaks: float) -> None:
    head = article.headline
    split = rng.random() < 0.25 and article.announced is not None
    if split:
        middle = rng.randrange(4, len(head) - 3)
        printer.lines.append(head[:middle])
        if rng.random() < breaks:
            printer.page_break()
        printer.lines.append(head[middle:])
    else:
        printer.lines.append(head)
    printer.blank()
    if article.source_line and not article.source_below:
        printer.lines.append(article.source_line)
        printer.blank()
    for kind, text in article.blocks:
        printer.paragraph(text, cuts(rng, text, breaks) if kind is not BlockKind.HEADING else [])
        printer.blank()
    if article.source_line and article.source_below:
        printer.lines.append(article.source_line)
        printer.blank()


COLOPHONS: tuple[tuple[str, ...], ...] = (
    (),
    ("报送：省委办公厅、省政府办公厅", "抄送：各会员单位"),
    ("主编：王明　责任编辑：李刚", "地址：东江市科技路1号　邮编：100000", "电话：010-12345678"),
    ("《院所通讯》编辑部", "E-mail: editor@example.org"),
    ("东江省科学院办公室　　2023年8月3日印发",),
)


@st.composite
def bulletins(draw: st.DrawFn, *, with_contents: bool = True) -> Bulletin:
    """A bulletin of 1 to 40 articles with whatever a printer may do to it that a reader can still undo."""
    rng = random.Random(draw(st.integers(0, 2**32)))
    kinds = ["blank", "dashes", "words", "hyphens", "form feed"]
    printer = Printer(
        rng,
        contents=draw(st.sampled_from(["【本期目录】", "目录", "目　录", "本期导读", "要目：", "本期要目", "CONTENTS"])),
        entry=draw(st.sampled_from(ENTRIES)),
        page=draw(st.sampled_from(kinds)),
        wrap=draw(st.sampled_from([0, 0, 26, 34])),
        indent=draw(st.sampled_from(["", "　　"])),
        gap=draw(st.integers(1, 2)),
    )
    day = date(2001, 1, 1) + timedelta(days=draw(st.integers(0, 11_000)))
    title, kind = draw(st.sampled_from(NAMES))
    columns = draw(st.booleans()) and with_contents
    used: set[str] = set()
    count = draw(st.integers(1, 40))
    articles = []
    for position in range(count):
        head = headline(rng, used)
        made = WrittenArticle(head, blocks(rng), None, column=f"{WORDS[position // 3]}园地" if columns else None)
        made = sourced(rng, made)
        if with_contents:
            made = replace(made, announced=slightly_different(rng, head))
        elif made.source_line is None or made.source_below:
            made = replace(made, source_line="（来源：科技日报）", source="科技日报", authors=(), source_below=False)
        articles.append(made)
    bulletin = Bulletin(
        "",
        draw(st.sampled_from(PUBLISHERS)),
        title,
        kind,
        day.year,
        draw(st.integers(1, 99)),
        draw(st.none() | st.integers(100, 999)),
        day,
        tuple(articles),
    )
    printer.head = draw(st.sampled_from(["", f"{title}  {day.year}年第{bulletin.number}期"]))
    breaks = draw(st.sampled_from([0.0, 0.3, 0.6]))
    masthead(rng, printer, bulletin)
    if with_contents:
        contents(rng, printer, bulletin.articles, breaks)
    column = None
    for article in bulletin.articles:
        if article.column != column:
            column = article.column
            printer.lines.append(f"【{column}】")
            printer.blank()
        print_article(rng, printer, article, breaks)
    ends = draw(st.sampled_from(COLOPHONS))
    line_end = draw(st.sampled_from(["\n", "\r\n"]))
    return replace(bulletin, text=line_end.join([*printer.lines, *ends]) + line_end, colophon=ends)
