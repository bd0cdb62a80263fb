"""The words of a report, apart from what it returns of our message: everything below the line where that begins is cut off."""

from __future__ import annotations

import html
import re

from mailer.feedback.mime import Part
from mailer.feedback.returned import RETURNED_TYPES

_LONGEST_TEXT = 40_000
_UNSPOKEN = re.compile(r"<(script|style|head|title)\b", re.IGNORECASE)
_BREAK = re.compile(r"<(?:br|/p|/tr|/div|/li|/h\d|p|tr|div|li|hr|/table|/td)\b[^>]{0,500}>", re.IGNORECASE)
_CELL = re.compile(r"</?t[dh]\b[^>]{0,500}>", re.IGNORECASE)
_TAG = re.compile(r"<(?!\S{1,64}@)/?[a-zA-Z!][^<>]{0,2000}>")
_SPACES = re.compile(r"[ \xa0\u3000]+")
_TABS = re.compile(r" ?\t[ \t]*")  # Between the cells of a row.
# The lines by which servers announce what follows of the message, in their languages.
_RETURNED = re.compile(
    r"""^[\s>*#=.\-_:|]*(?:
        (?:this\ is|below\ is|here\ is|included\ is|enclosed\ is|below\ this\ line\ is|attached\ is|attachment\ is)\ (?:a|the)\ copy\ of
      | (?:the\ |a\ )?copy\ of\ (?:the|your)\ (?:original\ )?(?:message|mail)
      | (?:the\ )?header(?:s)?\ (?:and\ .{0,40})?of\ (?:the|your)\ (?:original\ )?(?:message|mail)\b
      | (?:the\ |your\ |possibly\ truncated\ )?
        (?:original|unsent|returned|undelivered|bounced|failed|rejected)[\ \-](?:e-?mail|mail|message)(?:'?s)?
        (?:\ (?:text|headers?|info|information|contents?))*
        (?:\ (?:follows?|is\ (?:included|attached|following)|attached|below|below\ this\ line|begins))?
        (?:\ as\ .{0,40})?(?:\ \(.{0,30}\))?[\s*#=.\-_:|]*$
      | message\ headers?\ follow | message\ contents?\ follow | message\ header\ (?:section\ )?follows
      | start\ of\ (?:forwarded|returned|original)\ message | begin\ (?:forwarded|returned|original)\ message
      | forwarded\ message\ [-=]+ | received\ message\ :
      | text\ of\ the\ (?:original\ )?message | (?:the\ )?first\ \d+\ (?:lines|bytes)\ of
      | mensaje\ original | mensagem\ original | message\ original | message\ d'origine | en-t.tes?\ du\ message
      | (?:urspr.ngliche|original)nachricht | nachrichtentext | kopie\ der\ nachricht
      | オリジナルメッセージ | 元のメッセージ | 原信件 | 附件中的内容 | 附件是您 | 原始邮件 | 原邮件内容 | 原信内容 | 邮件头 | 原始信件
      | исходное\ сообщение
    )""",
    re.IGNORECASE | re.VERBOSE,
)
_ANNOUNCES = re.compile(r"follow|below|begin", re.IGNORECASE)  # Such a line leaves no doubt of what comes next.
_HEADER_LINE = re.compile(
    r"^(?:Received: (?:from|by|\(|\S+ (?:by|from))|Return-Path: ?<|X-Originating-IP:|DKIM-Signature:|ARC-Seal:|X-Google-Smtp-Source:|"
    r"Received: |From \S+@\S+ +(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)\b)"
)
_FIELD_LINE = re.compile(
    r"^(?:Message-ID|MIME-Version|Content-Type|Date|X-[\w\-]+|DKIM-Signature|Received|Return-Path):", re.IGNORECASE
)
# What gateways append to everything that passes through them: about mail in general, and no reason.
_RULE = re.compile(r"^[ \t]*(?:[_*=~#\-] ?){20,}[ \t]*$", re.MULTILINE)
_FOOTER = re.compile(
    r"\bscanned\b|\bconfidential|\bdisclaimer\b|\bprivileged\b|\bsolely for\b|\bvertraulich|\bconfidenti[ae]l|免责声明|保密",
    re.IGNORECASE,
)
_OPENING_OF_FOOTER = 400
# Our own subject, as notices repeat it beside the recipient and the reason: it is ours, and says nothing of either.
_SUBJECT_OF_OURS = re.compile(
    r"(?<=\n)[^\n:：\t]{0,20}[\t ]*(?:(?:e-?mail |message |original )?subject|主 {0,4}[题題旨]|(?:邮件)?标题|betreff|objet|asunto|assunto"
    r"|oggetto|件名|제목|тема)(?:/subject)?[ \t]{0,8}(?:[:：]|(?<=[题題旨])[ \t]|\t)[^\n]*",
    re.IGNORECASE,
)
# GroupWise tells of our message under a heading, between the reason and the message itself.
_ABOUT_OURS = re.compile(r"(?<=\n)[ \t]*information about your message:[ \t]*(?:\n[ \t]+\S[^\n]*)*", re.IGNORECASE)


def report_text(message: Part) -> tuple[str, str]:
    """The words of the report, and what is returned below them where that is in the same part.

    Plain text comes first; HTML is read where there is no plain text, or none that says anything.
    """
    plain = [part.text for part in _spoken(message) if part.type in ("text/plain", "text/x-plain", "text")]
    words, below = _cut("\n".join(plain)[:_LONGEST_TEXT])
    if len(words.strip()) < 20:
        pages = [part for part in _spoken(message) if part.type == "text/html"]
        if pages:
            read = text_of_html("\n".join(page.text for page in pages)[: 2 * _LONGEST_TEXT])
            words, below = _cut(f"{words}\n{read}"[:_LONGEST_TEXT])
    return _SUBJECT_OF_OURS.sub("", _ABOUT_OURS.sub("", _without_footer(words))), below


def _without_footer(words: str) -> str:
    """The words until a line across the page below which only a gateway speaks of itself."""
    for rule in _RULE.finditer(words):
        if _FOOTER.search(words, rule.end(), rule.end() + _OPENING_OF_FOOTER) and "@" in words[: rule.start()]:
            return words[: rule.start()]
    return words


def text_of_html(page: str) -> str:
    """The text of a page, a line for every row and paragraph, a tab between cells; nothing of it is run or fetched."""
    page = _BREAK.sub("\n", _CELL.sub("\t", _spoken_of(page).replace("\t", " ")))
    lines = (_SPACES.sub(" ", html.unescape(line)) for line in _TAG.sub("", page).split("\n"))
    return "\n".join(_TABS.sub("\t", line).strip() for line in lines)


def _spoken_of(page: str) -> str:
    """The page without what no reader sees: each such element once, in one pass, whether it is closed or not."""
    lower, kept, position = page.lower(), [], 0
    for found in _UNSPOKEN.finditer(page):
        if found.start() < position:
            continue
        end = lower.find(f"</{found[1].lower()}", found.end())
        if end < 0:
            break
        kept.append(page[position : found.start()])
        position = end
    return " ".join([*kept, page[position:]])


def _spoken(message: Part) -> list[Part]:
    """The parts that the reporter wrote: those before the first returned one, and those with no file name."""
    spoken = []
    for part in message.walk():
        if part.type in RETURNED_TYPES:
            break
        if (
            not part.parts
            and part.type.startswith("text")
            and not part.fields.get("content-disposition").startswith("attachment")
        ):
            spoken.append(part)
    return spoken


def _cut(text: str) -> tuple[str, str]:
    """The text until what is returned begins, and the returned header."""
    lines = text.split("\n")
    for number, line in enumerate(lines):
        if _HEADER_LINE.match(line) and number:
            return "\n".join(lines[:number]), "\n".join(lines[number:])
        if number and _RETURNED.match(line) and (_ANNOUNCES.search(line) or not _speaks_on(lines[number + 1 :])):
            below = lines[number + 1 :]
            start = next((i for i, follower in enumerate(below[:12]) if _FIELD_LINE.match(follower.strip())), 0)
            return "\n".join(lines[:number]), "\n".join(below[start:])
    return text, ""


def _speaks_on(lines: list[str]) -> bool:
    """Whether the report itself goes on below: NetEase and Coremail name the message first and the reason then."""
    following = "\n".join(lines[:40])
    return any(word in following for word in ("退信原因", "退信代码", "Bounce reason", "失败原因", "错误原因"))
