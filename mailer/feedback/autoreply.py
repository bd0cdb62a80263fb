"""Answers that a machine gave for a person, told apart before any bounce is looked for (RFC 3834, and what is really sent)."""

from __future__ import annotations

import re

from mailer.feedback.bounce import has_null_sender, is_answer_s, is_bounce_s
from mailer.feedback.mime import Fields

_OF_MACHINE = re.compile(
    r"mailer.?daemon|postmaster|mail.?delivery|mail\.delivery|delivery.?(?:sub)?system|mail.?system|abuse@|bounce|系统管理员|退信",
    re.IGNORECASE,
)
_SUBJECT = re.compile(
    r"""\s*(?:(?:re|fwd?|aw|答复|回复|转发)\s*[:：]\s*)*[\[【(（]?\s*(?:
        auto(?:matic|mated)?[\s\-_]?(?:reply|response|responder|answer)\b | auto\s*[:：] | out[\ \-]of[\ \-](?:the[\ \-])?office | ooo\b
      | (?:vacation|absence|holiday)\ (?:reply|response|notice|message)
      | away\ from | on\ (?:vacation|holiday|leave) | vacation\b | i\ am\ (?:away|out)
      | automatische\ antwort | abwesen | r.ponse\ automatique | absence\ du | risposta\ automatica | respuesta\ autom | fuera\ de\ la
      | resposta\ autom | ausente\b | férias\b | afwezig | automatisch\ antwoord | automatisk\ svar | autosvar | automaattinen\ vastaus
      | automatyczna\ odpowied | automatická\ odpov | automatikus\ válasz | răspuns\ automat | otomatik\ yan | fuori\ sede
      | automatische\ (?:antwort|beantwoording|abwesenheit) | trả\ lời\ tự\ động | автоответ | автоматический\ ответ | автоматична\ відповід
      | 자동\ ?(?:응답|회신|답장) | 부재\ ?중 | 自動(?:返答|送信) | 休暇
      | (?:系统)?自动(?:回复|答复|应答) | 自動(?:回覆|回復|返信|応答) | 休假 | 外出 | 出差 | 度假 | 不在(?:办公室)?
    )""",
    re.IGNORECASE | re.VERBOSE,
)
_MARKS = (
    "x-autoreply", "x-autoreply-from", "x-auto-reply", "x-mail-autoreply", "x-qq-autoreply", "x-autorespond", "x-autoresponder",
    "x-auto-response", "x-vacation", "x-apple-action",
)  # fmt: skip
_PRECEDENCE = frozenset({"auto_reply", "auto-reply", "autoreply"})
_OF_MANY = frozenset({"bulk", "junk"})  # What answering machines put there too, so that no other machine answers them.


def is_autoreply(fields: Fields, subject: str) -> bool:
    """Whether an answering machine wrote this: by its fields, or by its subject where no mail system is the author.

    It answers for somebody, so that a message from nobody is no answer of one.
    """
    author = f"{fields.words('from')} {fields.get('sender')}"
    if _OF_MACHINE.search(author) or "@" not in author or "x-failed-recipients" in fields:
        return False
    if _SUBJECT.match(subject):
        return True
    submitted = fields.get("auto-submitted").lower()
    by_field = (
        submitted.startswith(("auto-replied", "auto-notified"))
        or (submitted.startswith("auto-generated") and "in-reply-to" in fields)
        or _precedence(fields) in _PRECEDENCE
        or (has_null_sender(fields) and (_precedence(fields) in _OF_MANY or is_answer_s(subject)))
        or any(mark in fields for mark in _MARKS)
    )
    return by_field and not is_bounce_s(subject)


def _precedence(fields: Fields) -> str:
    return fields.get("precedence").strip().lower()
