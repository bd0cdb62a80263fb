"""The text edition: the same issue for readers and programs that show no HTML, set as a page of 76 columns."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Container, Iterable, Iterator
from typing import assert_never

from mailer.block import Block, BlockKind, Inline, Inlines, Row
from mailer.edition import Field, Hole, Imprint, Segments, joined
from mailer.issue import Article, Issue

COLUMNS = 76
_INDENT = "　　"  # a Chinese paragraph begins two characters in
# GB/T 15834-2011 §5.1: closing marks never begin a line, opening marks never end one.
NEVER_FIRST = frozenset("，。、；：？！）》〉」』”’】〕］｝％‰℃·–～!),.:;?]}%")
_NEVER_LAST = frozenset("（《〈「『“‘【〔［｛￥＄([{$")
_NEVER_PARTED = frozenset("—…")  # a dash and an ellipsis are two characters each, and stay together (§5.1.4, §5.1.5)
_WIDE = frozenset("WF")
_ADDRESSES = ("http://", "https://", "mailto:")
_MAILBOX = re.compile(r"\Amailto:([^?]*).*", re.IGNORECASE)
_SET_CLOSE = frozenset({BlockKind.ITEM, BlockKind.NOTE})
_ZERO_WIDTH = frozenset({"Mn", "Me", "Cf"})
_JOINING = _ZERO_WIDTH | {"Mc"}
_LINE_BREAKS = re.compile("[\t\n\v\f\r\x1c-\x1f\x85\u2028\u2029]+")
# What no reader can see and what ends a message early: NUL, the other controls, half characters, non-characters.
_UNPRINTABLE = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
_OWN_MARKER = re.compile(
    r"(?:[（(](?:[一二三四五六七八九十]+|\d{1,3})[)）]|(?:[一二三四五六七八九十]+|\d{1,3})[、.．)）](?!\d)|[①-⑳●■◆★▲•·○□◇☆]|[-–](?=\s))\s*"
)


def printable(text: str) -> str:
    """`text` on one line, without the characters that no reader sees."""
    return _UNPRINTABLE.sub("", _LINE_BREAKS.sub(" ", text))


def own_marker(text: str) -> str:
    """The number or bullet that a list item brings along, with the space after it; empty where it brings none."""
    found = _OWN_MARKER.match(text)
    return found.group() if found else ""


def date_line(issue: Issue) -> str:
    """`2023年8月3日`, or nothing where the issue has no date."""
    return f"{issue.date.year}年{issue.date.month}月{issue.date.day}日" if issue.date else ""


def width(text: str) -> int:
    """The columns that `text` takes: a Chinese character two, a Latin letter one, a mark above another letter none."""
    return sum(map(_character_width, text))


def wrap(text: str, *, columns: int = COLUMNS, first: str = "", rest: str = "") -> tuple[str, ...]:
    """`text` in lines of at most `columns`; `first` and `rest` stand before the first line and the others.

    Words and URLs are never cut: one that is too long by itself has a line to itself. Lines keep the Chinese rules for
    marks at their ends. Only white space at a line's end is left out.
    """
    lines: list[str] = []
    line, used = "", 0
    for gap, atom in _atoms(printable(text).strip()):
        if not line:
            line, used = first + atom, width(first) + width(atom)
        elif (longer := used + width(gap) + width(atom)) <= columns:
            line, used = line + gap + atom, longer
        else:
            lines.append(line)
            line, used = rest + atom, width(rest) + width(atom)
    return (*lines, line) if line else ()


def text_edition(
    issue: Issue, imprint: Imprint, *, receipt: bool = False, continued: Container[int] = (), left_out: int = 0
) -> Segments:
    """The issue as plain text: masthead, contents, numbered articles, colophon, footer; lines end with a newline.

    The articles whose numbers are `continued`, and as many more as are `left_out`, have their end in the browser.
    """
    return joined(
        *_masthead(issue),
        *_lines(_contents(issue)),
        *(
            line
            for number, article in enumerate(issue.articles, 1)
            for line in (*_lines(_article(number, article)), *(_rest_of(number) if number in continued else ()))
        ),
        *((f"\n其余{left_out}篇见网页版：\n", Hole(Field.VIEW_URL), "\n") if left_out else ()),
        *_lines(_colophon(issue)),
        *(("\n回执，打开此页确认已收到本期：\n", Hole(Field.VIEW_URL), "/receipt\n") if receipt else ()),
        *_footer(issue, imprint),
    )


def _masthead(issue: Issue) -> Iterator[str | Hole]:
    title = (issue.title or issue.kind, issue.kind_below)
    yield from _lines(wrap(issue.publisher))
    yield from _lines(wrap("　".join(filter(None, title))))
    number, day = issue.number_line, date_line(issue)
    gap = max(2, COLUMNS - width(number) - width(day)) if day else 0
    yield from _lines((number + " " * gap + day, "=" * COLUMNS, ""))
    yield from ("在浏览器中查看：\n", Hole(Field.VIEW_URL), "\n", "退订：\n", Hole(Field.UNSUBSCRIBE_URL), "\n")


def _contents(issue: Issue) -> Iterator[str]:
    entries = [(entry.column, entry.title) for entry in issue.contents]
    entries = entries or [(article.column, article.title) for article in issue.articles]
    yield from ("", "【本期目录】", "")
    previous = None
    for column, title in entries:
        if column and column != previous:
            yield from wrap(column, first="  ", rest="  ")
        previous = column
        yield from wrap(title, first="  ★ ", rest="     ")


def _article(number: int, article: Article) -> Iterator[str]:
    label = f"{number}. "
    yield from ("", "-" * COLUMNS, "")
    if article.column:
        yield from wrap(f"【{article.column}】")
    yield from _underlined(wrap(article.title, first=label, rest=" " * len(label)), "=")
    yield from wrap(article.source_line or "")
    previous = None
    for block in article.blocks:
        lines = _block(block)
        in_one_list = previous is block.kind and block.kind in _SET_CLOSE
        if lines and not in_one_list:
            yield ""
        yield from lines
        previous = block.kind


def _rest_of(number: int) -> tuple[str | Hole, ...]:
    return ("\n阅读全文：\n", Hole(Field.VIEW_URL), f"#article-{number}\n")


def _block(block: Block) -> tuple[str, ...]:
    nesting = "  " * block.level
    match block.kind:
        case BlockKind.PARAGRAPH:
            lines = wrap(told(block), first=nesting or _INDENT, rest=nesting)
        case BlockKind.HEADING:
            lines = _underlined(wrap(told(block)), "-")
        case BlockKind.ITEM:
            lines = _item(block, nesting)
        case BlockKind.QUOTE:
            lines = wrap(told(block), first="> ", rest="> ")
        case BlockKind.TABLE:
            lines = tuple(line for row in block.rows for line in wrap(_row(row), rest="    "))
        case BlockKind.IMAGE:
            lines = wrap(f"〔图：{printable(block.text).strip()}〕") if block.text.strip() else ()
        case BlockKind.RULE:
            lines = ("* * *",)
        case BlockKind.NOTE:
            lines = wrap(told(block), first=f"{block.marker} " if block.marker else "", rest="  ")
        case _:
            assert_never(block.kind)
    return lines


def _item(block: Block, nesting: str) -> tuple[str, ...]:
    if block.marker:
        label = f"  {nesting}{printable(block.marker)} "
        return wrap(told(block), first=label, rest=" " * width(label))
    marker = own_marker(printable(block.text).strip())
    return wrap(told(block), first=f"  {nesting}" + ("" if marker else "- "), rest=f"  {nesting}" + " " * (width(marker) or 2))


def _row(row: Row) -> str:
    return " | ".join(_told(cell.inlines, cell.text) for cell in row)


def told(block: Block) -> str:
    """The text of a block, with the address of each link behind the words that lead there, unless these are the address."""
    return _told(block.inlines, block.text)


def _told(inlines: Inlines, text: str) -> str:
    return "".join(inline.text + _address(inline) for inline in inlines) if inlines else text


def _address(inline: Inline) -> str:
    if inline.link is None or not inline.link.lower().startswith(_ADDRESSES):
        return ""
    address = _MAILBOX.sub(r"\1", printable(inline.link))
    return f"（{address}）" if address.rstrip("/") not in inline.text else ""


def _colophon(issue: Issue) -> Iterator[str]:
    if issue.colophon:
        yield from ("", "-" * COLUMNS, "")
    for line in issue.colophon:
        yield from wrap(line)


def _footer(issue: Issue, imprint: Imprint) -> Iterator[str | Hole]:
    yield from _lines(("", "=" * COLUMNS, *wrap(reason(issue, imprint))))
    yield from ("寄送：", Hole(Field.INSTITUTE), " ", Hole(Field.ADDRESS), "\n")
    yield from _lines(line for text in sender_lines(issue, imprint) for line in wrap(text, rest=_INDENT))
    yield from ("\n", "不想再收到？打开此页确认即可退订，无需登录：\n", Hole(Field.UNSUBSCRIBE_URL), "\n")
    yield from ("在浏览器中查看本期：\n", Hole(Field.VIEW_URL), "\n")


def reason(issue: Issue, imprint: Imprint) -> str:
    """Why the recipient gets this mail."""
    return imprint.reason or f"您收到本邮件，是因为贵单位或您本人在{issue.publisher or '本刊'}的寄送名单中。"


def sender_lines(issue: Issue, imprint: Imprint) -> tuple[str, ...]:
    """Who sends it, where a person answers, and where that person sits, each on its own line."""
    labelled = (("发送者", imprint.sender or issue.publisher), ("联系", imprint.contact), ("地址", imprint.postal_address))
    return tuple(f"{label}：{text}" for label, text in labelled if text)


def _underlined(lines: tuple[str, ...], stroke: str) -> tuple[str, ...]:
    return (*lines, stroke * min(COLUMNS, max(map(width, lines), default=0)))


def _lines(lines: Iterable[str]) -> Iterator[str]:
    return (f"{line}\n" for line in lines)


def _atoms(text: str) -> Iterator[tuple[str, str]]:
    """What may not be broken, each with the white space before it."""
    gap, atom = "", ""
    pending = ""
    for character in text:
        if character.isspace() and character != "\u00a0":
            pending += character
        elif atom and not _may_break(atom[-1], pending, character):
            atom, pending = atom + pending + character, ""
        else:
            if atom:
                yield gap, atom
            gap, atom, pending = pending, character, ""
    if atom:
        yield gap, atom


def _may_break(before: str, gap: str, after: str) -> bool:
    if after in NEVER_FIRST or before in _NEVER_LAST:
        return False
    if gap:
        return True
    if unicodedata.category(after) in _JOINING or unicodedata.category(before) == "Cf":
        return False
    if before == after and after in _NEVER_PARTED:
        return False
    return _is_wide(before) or _is_wide(after)


def _is_wide(character: str) -> bool:
    return unicodedata.east_asian_width(character) in _WIDE or character in _NEVER_PARTED


def _character_width(character: str) -> int:
    if unicodedata.category(character) in _ZERO_WIDTH:
        return 0
    # Ambiguous ones, such as “ ” … —, are as wide as a Chinese character in a Chinese font (Unicode annex 11).
    return 2 if unicodedata.east_asian_width(character) in "WFA" else 1
