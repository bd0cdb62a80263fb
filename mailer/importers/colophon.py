"""The lines at the end that belong to the bulletin and to no article: editors, who it was sent to, how to reach them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from mailer.importers.lines import Line, columns
from mailer.importers.punctuation import is_closed

_EDITORS = re.compile(
    r"[（(\[【]?(?:本期)?(?:主\s*编|副主编|总编辑?|责任编辑|责\s*编|执行编辑|编\s*辑|编\s*审|编\s*委|审\s*核|审\s*定|校\s*对|核\s*稿|签\s*发|排\s*版|拟\s*稿|编辑部|编委会|编辑单位)\s*[：:]"
    r"|(?:报\s*送|抄\s*[送报]|主\s*送|分\s*送|发\s*送|呈\s*报?|报|送|发)\s*(?:单位|范围)?\s*[：:]"
    r"|(?:主\s*办|承\s*办|协\s*办|编\s*印|出\s*品|印\s*发|主\s*管)(?:单位|机构)?\s*[：:]|(?:本期)?(?:共\s*印|印\s*数|印\s*\d+\s*份)|.{0,40}(?:编\s*印|印\s*发|主\s*办|承\s*办)$"
    r"|.{0,40}\s印发|.{2,40}\d+\s*日\s*印发?$|.{0,30}编辑部$|(?:欢迎|敬请).{0,20}(?:投稿|来稿|赐稿|订阅|关注|批评)|投稿|来稿|征稿|[（(]?\s*(?:内部资料|内部刊物|仅供)|.{0,20}（?共印\s*\d+\s*份"
)
_CONTACT = re.compile(
    r"[（(]?(?:联系|编辑部|通讯|通信)?(?:地\s*址|电\s*话|传\s*真|邮\s*编|邮政编码|邮\s*箱|电子邮箱|电子邮件|投稿邮箱|网\s*址|网\s*站|联系人|联系方式|微信公众号|微信|公众号)\s*[：:]"
    r"|(?i:e-?mail|tel|fax)\s*[：:]"
)
_MOST_LINES = 40
_LONGEST = 120  # columns


def colophon_start(lines: Sequence[Line], first: int) -> int:
    """The line where the colophon begins, `first` at the earliest; the number of lines where there is none.

    Only an address or a telephone directly below an article's text is the article's: a notice ends with whom to ask.
    """
    editors = contact = len(lines)
    for index in range(len(lines) - 1, max(first, len(lines) - _MOST_LINES) - 1, -1):
        text = lines[index].text
        if _EDITORS.match(text) and columns(text) <= _LONGEST:
            editors = index
        elif _CONTACT.match(text) and columns(text) <= _LONGEST:
            contact = index
        elif columns(text) > _LONGEST // 2 or is_closed(text):
            break
    if editors == len(lines) and contact < len(lines) and not lines[contact].gap:
        return len(lines)
    return min(editors, contact)
