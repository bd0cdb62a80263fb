"""Whether a message without fields for programs is a bounce at all: only those are searched for words."""

from __future__ import annotations

import re

from mailer.feedback.mime import Fields, Part

# The names under which mail systems write.
_AUTHOR = re.compile(
    r"""mailer.?daemon | daemon@ | mdaemon@ | post.?master | imss@ | interscan | antispam | bounce[ds]?@ | no-?reply@
      | mail\s*(?:delivery|deliver|administrator) | mail\.delivery | mailsys | mail.?system | mail\ ?server | system\ administrator
      | delivery[\s.\-]*(?:sub)?system | delivery[\s.\-]*notif
      | 退信 | 系统管理员
      | <>$ | ^$""",
    re.IGNORECASE | re.VERBOSE,
)
# What such notices are called, a line for each language.
_SUBJECT = re.compile(
    r"""undeliver | non[\ \-]?deliver | not\ deliver | return(?:ed)?\ (?:mail|message|to\ sender)
      | bounce | blocked | user\ unknown | loop\ alert | not\ (?:a\ )?member
      | deliver(?:y|ed)?\ (?:\S+\ )?(?:has\ )?(?:fail|status|problem|report|notif|error|delay)
      | fail\w*\ (?:mail|notice|to\ deliver|deliver) | (?:could\ not|cannot|can't)\ (?:be\ )?(?:send|sent|deliver)
      | unable\ to\ deliver | problem\ deliver | warning:\ (?:message|could) | permanent\ error
      | mail\ (?:system|error|fail|could) | message\ (?:delay|deliver|status|undeliver) | (?:mail|message)\ (?:to|not|you\ sent)
      | error\ (?:sending|deliver) | unsolicited\ bulk | infected\ mail | mail\ rejected
      | rejected\ (?:mail|message|by) | (?:mail|message)\ reject | automatically\ rejected
      | nicht\ (?:zugestellt|zustell) | unzustellbar
      | undelivrable | non\ remis | no\ entregado | devuelto | retorno | devolvid | non\ recapitato | mancata
      | no\ se\ (?:puede|pudo)\ entregar | não\ (?:entreg|foi\ possível\ entreg) | échec\ d | onbestelbaar | niet\ (?:bezorgd|afgeleverd)
      | niedostarcz | nedoručiteln | kan\ inte\ levereras | kunne\ ikke\ leveres | teslim\ edilem
      | недоставлен | не\ доставлен | ошибка\ доставки
      | 退信 | 退回 | 退件 | (?:投递|传输|发送|传递)(?:失败|延迟|状态|不成功) | 无法(?:投递|送达) | 未送达
      | (?:投遞|傳送)失敗 | 無法傳送 | 邮件(?:传输|延迟|未) | 延遲
      | エラー | 配信 | 送信できません | 전송(?:되지|\ ?실패) | 반송 | 배달(?:되지|\ ?실패)
    """,
    re.IGNORECASE | re.VERBOSE,
)
# What some of these words say of mail that came through, or waits for somebody's word, just as well.
_NEUTRAL = re.compile(
    r"(?:mail|message) (?:to|you sent|status|deliver)|deliver(?:y|ed)? (?:\S+ )?(?:has )?(?:status|report|notif)", re.IGNORECASE
)
_FAULT = re.compile(r"fail|error|delay|失败", re.IGNORECASE)
_ANSWER = re.compile(r"\s*(?:re|fwd?|aw|wg|tr|rv|答复|回复|转发)\s*[:：]", re.IGNORECASE)
_FORWARD = re.compile(r"\s*(?:fwd?|wg|tr|rv|转发)\s*[:：]", re.IGNORECASE)


def of_mail_system(fields: Fields) -> bool:
    """Whether a mail system wrote the message with this header, by its envelope or its author's name."""
    return len(fields) > 0 and (has_null_sender(fields) or is_mail_system_s(fields))


def has_null_sender(fields: Fields) -> bool:
    """Whether the envelope's sender was empty, as that of reports is (RFC 3464 §2), and of much else that wants no answer."""
    return fields.get("return-path").replace(" ", "") == "<>"


def is_mail_system_s(fields: Fields) -> bool:
    """Whether the author's name is one under which mail systems write."""
    return _AUTHOR.search(f"{fields.words('from')} {fields.get('sender')}".strip()) is not None


def is_evident(message: Part, subject: str) -> bool:
    """Whether more than who wrote it or a word in its subject shows that the message is a bounce, whatever it goes on to say."""
    if message.type == "multipart/report" or "x-failed-recipients" in message.fields:
        return True
    return _names_a_fault(subject) and (is_bounce_s(subject) or is_mail_system_s(message.fields))


def _names_a_fault(subject: str) -> bool:
    found = [words[0] for words in _SUBJECT.finditer(subject)]
    return any(not _NEUTRAL.fullmatch(words) for words in found) or bool(found and _FAULT.search(subject))


def may_be_bounce(message: Part, subject: str) -> bool:
    """Whether a mail system speaks: by its own fields, its name, or the subject that such notices have."""
    fields = message.fields
    if message.type == "multipart/report" or "x-failed-recipients" in fields or of_mail_system(fields):
        return True
    if _ANSWER.match(subject):
        return False
    return bool(_SUBJECT.match(subject) if "in-reply-to" in fields else _SUBJECT.search(subject))


def names_a_bounce(subject: str) -> bool:
    """Whether words that such notices are called by stand anywhere in the subject."""
    return _SUBJECT.search(subject) is not None


def is_bounce_s(subject: str) -> bool:
    """Whether the subject begins as such notices' do."""
    return _SUBJECT.match(subject) is not None


def is_answer_s(subject: str) -> bool:
    """Whether the subject begins as those of answers do."""
    return _ANSWER.match(subject) is not None


def is_forwarded(subject: str) -> bool:
    """Whether a person hands on such a notice."""
    handed_on = _FORWARD.match(subject)
    return handed_on is not None and _SUBJECT.search(subject, handed_on.end()) is not None
