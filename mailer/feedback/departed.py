"""Automatic answers of those who will not be back, told apart from those of people who are away: pure, from the answer's words."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from mailer.feedback.address import ADDRESS

_WORKPLACE_ZH = r"(?:公司|单位|研究[所院]|学院|学校|大学|院所|本[所院]|我[所院]|原岗位|岗位|部门|机构|中心)"
_WORKPLACE = r"(?:company|organi[sz]ation|institut\w+|universit\w+|firm|academy|cent(?:re|er)|agency|association|college|department|team)"
_MAILBOX_ZH = r"(?:工作|单位|电子)?(?:邮箱|邮件地址|账号|帐号)(?:地址)?"
_GIVEN_UP_ZH = r"(?:停用|弃用|停止使用|不再使用|注销|作废|废弃|更换|变更|更改|改为|换成|改成)"
_LEFT = re.compile(
    rf"""
      已(?:经|于[^，,。；;\n]{{1,20}}|从[^，,。；;\n]{{1,20}}|办理)?(?:正式|光荣)?(?:离职|退休|调离|调任|调往)
    | 已(?:经|于[^，,。；;\n]{{1,20}})?离开(?:了)?[^，,。；;\n]{{0,20}}{_WORKPLACE_ZH}
    | (?:已|现已|目前已|已经)?不(?:再|在)(?:在|于)?[^，,。；;\n]{{0,16}}(?:工作|任职|就职|供职)(?!日|时间)
    | 不再(?:担任|负责|从事|使用(?:本|该|此)邮箱)
    | (?:本|此|该|这个|我的?|原|旧|老){_MAILBOX_ZH}(?:现|目前)?(?:(?:已|将|自)[^，,。；;\n]{{0,16}}?)?{_GIVEN_UP_ZH}
    | {_MAILBOX_ZH}(?:现|目前)?已(?:经)?(?:正式)?{_GIVEN_UP_ZH} | 已(?:经)?(?:更换|换)了?(?:新的?)?{_MAILBOX_ZH}
    | (?:\bno\ longer|\bnot\ any\ ?more)\ (?:with\ (?!a\b|an\b|able)|(?:an?\ )?employe[ed]|works?\b|working\ (?:at|for|with|here|in)\b
        |part\ of|a\ member|affiliated|associated|responsible\ for|in\ (?:this|the)\ (?:role|position|post))
    | \b(?:has|have|'ve|'s)\ (?:now\ |recently\ |since\ )?(?:left|departed(?:\ from)?)\ (?:the\ |our\ |my\ |this\ )?
        (?:[\w\-]+\ ){{0,4}}{_WORKPLACE}\b
    | \b(?:has|have|'ve|am|is)\ (?:now\ |recently\ )?(?:retired|resigned)\b
    | \b(?:mail ?box|mail|address|account|inbox)\ is\ no\ longer
        \ (?:in\ use|used|monitored|active|valid|checked|read)\b
    | \bno\ longer\ (?:use|check|monitor|read)\ this\ (?:e-?mail|address|account|mail ?box|inbox)\b
    | \bmy\ (?:new\ )?e-?mail(?:\ address)?\ (?:is\ now|has\ (?:been\ )?changed)\b
    | \bmy\ last\ (?:working\ )?day\ (?:at|with|in)\b
    """,
    re.IGNORECASE | re.VERBOSE,
)
# Who names the day of the return is away, however it was put.
_RETURNS = re.compile(
    r"""
      (?:返回|回来|回国|回到|返岗|复工|恢复上班|上班)(?!.{0,4}不) | (?:休假|出差|外出|度假|请假)
    | \b(?:will|shall|'ll)\ (?:be\ back|return) | \breturn(?:ing)?\ (?:on|to|in)\b | \bback\ (?:on|in)\b
    | \bout\ of\ (?:the\ )?office\b | \bon\ (?:annual\ |maternity\ |parental\ |sick\ )?(?:leave|holiday|vacation)\b
    """,
    re.IGNORECASE | re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Departed:
    """That the owner of an address has left or given it up; `successor` is the one other address that the answer names, "" otherwise."""

    successor: str


def departed(words: str, own: Collection[str]) -> Departed | None:
    """What an automatic answer says of its owner's leaving for good; None where the owner is away, or nothing of it is said.

    `own` are the owner's own addresses, which a signature repeats. Where several others are named, none is taken: which of them receives
    the bulletin now is for people to find out.
    """
    if _RETURNS.search(words) or not _LEFT.search(words):
        return None
    theirs = {address.lower() for address in own}
    named = {found[0].strip("'.").lower() for found in ADDRESS.finditer(words)} - theirs
    return Departed(named.pop() if len(named) == 1 else "")
