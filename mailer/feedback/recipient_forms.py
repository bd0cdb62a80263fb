"""The forms in which reports in words name a recipient; in each, the first group is the address."""

from __future__ import annotations

import re

from mailer.feedback.address import ADDRESS

_A = ADDRESS.pattern
_BULLET = r"^[\s>*•\-]{0,12}(?:\d{1,3}(?:[.)]\s{1,4}|[、．）]\s{0,4}))?"
_OPEN, _CLOSE = r"[<\[(\"'（「‹]{0,2}(?:smtp:|mailto:)?", r"[>\])\"'）」›]{0,2}"

# An address with a colon, and the reason behind or below it: Postfix, qmail, OpenSMTPD, Yahoo, Sina.
WITH_COLON = re.compile(
    rf"{_BULLET}(?:[\w.]{{1,40}}:\d{{1,9}}:)?{_OPEN}({_A}){_CLOSE}\s{{0,4}}(?:\([^()\n]{{0,120}}\)\s{{0,4}})?[:：](?!//)(.*)$"
)
# A line that is an address and nothing else: Exim, Exchange, sendmail, Gmail.
ALONE = re.compile(
    rf"^[\s>*•\-\d.)=]{{0,16}}{_OPEN}({_A}){_CLOSE}(?:\s{{0,4}}<(?:mailto:)?{_A}>)?[\s,;.]{{0,8}}$",
    re.IGNORECASE,
)
# An address, and what happened to it in brackets or after dots, dashes, commas and semicolons.
WITH_REASON = re.compile(
    rf"{_BULLET}{_OPEN}({_A}){_CLOSE}\s{{0,8}}(?:<{_A}>\s{{0,4}})?"
    r"(\(.{3,400}|（.{3,400}|\[.{3,400}|\.\.\..*|;.*|\ -+\ .*|,\ .*|\ \ +\S.*|\t+\S.*|on\ \w{3},\ .*|Invalid\ Address,.*)$"
)
# An X.400 name that has the address in it: Exchange 5.
X400 = re.compile(r"\bdda:SMTP=([A-Za-z0-9.+_\-]{1,64}(?:@|\(a\))[A-Za-z0-9.\-]{1,255})", re.IGNORECASE)
# A person's name and the address, with or without a time: Exchange.
BY_NAME = re.compile(rf"^[^<>@\n:]{{0,80}}\s?<(?:mailto:)?({_A})>(?:\s+on\s.*|[\s,;.]*)$", re.IGNORECASE)
# A label before it, such as Recipient or 收件人.
_LABEL = (
    r"(?:(?:failed|final|original|intended|undeliverable|target|bad|invalid|unknown|e-?mail|envelope|the|your) )*"
    r"(?:rec(?:ipients?|eiver)(?:\s*address(?:es)?)?|rcpt(?: to)?|mail address|address(?:es)?|to|account|mailbox"
    r"|user(?:id)?|delivery userid|destinatarios?|destinataires?|empf.nger|получатель|宛先|送信先|受信者"
    r"|收件人地址|收件人|收信人|收件地址|收件者)"
)
LABELLED = re.compile(
    rf"^[\s>*•#|\-]{{0,12}}[^\n:：<@]{{0,40}}?\b{_LABEL}(?:\s*/\s*\w+)?\s{{0,4}}(?:[:：]|\s)\s{{0,20}}"
    rf"(?:\[smtp:|<|\[|\"|'|smtp:|rfc822;)?\s{{0,3}}({_A})",
    re.IGNORECASE,
)
IN_CHINESE = re.compile(
    r"(?:收件人|收信人|收件地址|收件者|(?:发送|投递|递送|传送|傳送|郵件)[到给至]|发往|寄[给往]|发送给|邮件给|地址|邮箱|用户)"
    rf"(?:[^\n@\w]{{0,24}}?|[^\n@:：]{{0,12}}[:：]\s{{0,8}}[<（「‹\"]?)({_A})"
)
# What joins the next address to one that a label or a sentence named.
JOINED = re.compile(rf"[>\])\"'）」›]{{0,2}}\s{{0,4}}(?:[,;，；、]|\b(?:and|und|et|y|e)\b|和|及)\s{{0,4}}{_OPEN}({_A})")
IN_SENTENCE = re.compile(
    r"(?:delivered? to|deliver (?:your |the |a )?(?:e-?mail |mail |message )?to|message(?: sent)? to|mail to|messages? for|mail for"
    r"|sent to|addressed to|address(?:es)?|recipients?|user|userid|mailbox|account|rcpt to:|alias|undeliverable:?|attempts?:"
    r"|failed for|rejected for|(?:violation|exceeded|quota|full) for|not (?:deliver|send|reach)\w*"
    r"|mailing to|mailing list|generated from|delivering your mail to"
    r"|\ban|à|\bpara|\bao|für|对|给)"
    rf"(?=\W)\s{{0,4}}:?\s{{0,4}}(?:[A-Za-z]{{1,12}} )?{_OPEN}({_A})",
    re.IGNORECASE,
)
# sendmail's transcript: what the other server answered, and what became of the address.
ANSWERED = re.compile(r"^<<< [45]\d\d")
FINAL = re.compile(rf"^(?:[45]\d\d(?: [45]\.\d\.\d)? )?<({_A})>\.\.\. ?(?!Connecting|Sent|Deferred)", re.IGNORECASE)
# Local parts alone, each on a line: AOL.
LOCAL_PARTS = re.compile(r"following recipients?\b[^:]{0,200}:\n((?:\s+[\w.+\-]{1,64}[ \t]*\n){1,50})")
# Where a report begins to list the recipients: what stands before names our message. For text whose ASCII is in lower case.
SECTION = re.compile(
    r"^.*(?:did not reach|(?:could|can) ?not be (?:reached|delivered)|not delivered|deliver\w*|fail\w*|problems?|errors?|affected"
    r"|rejected|undeliverable)[^\n:]{0,120}(?:following|these|recipients?|address(?:es)?|to)[^\n]{0,60}:\s*$"
    r"|^.*following (?:e-?mail )?(?:recipients?|address(?:es)?|users?)[^\n]{0,80}:?\s*$"
    r"|^.*(?:以下|下列)(?:收件人|地址|邮箱|用户|邮件地址)[^\n]{0,40}$",
    re.MULTILINE,
)
# The address that a list or an alias was written to, below one of those that it stands for: sendmail.
EXPANDED = re.compile(rf"\(expanded from: <?({_A})>?\)", re.IGNORECASE)
# Whom to ask, and fields of our own message: no recipients.
CONTACT = re.compile(
    r"(?:contact|assistance|questions?|help|support|send (?:mail|a message) to|mail body\s+\w+\s+to|forward\w*)"
    rf"\W{{1,4}}(?:to |at |us at |the )?\W{{0,4}}({_A})"
)
FIELD_OF_MESSAGE = re.compile(
    r"^[\s>*|\-]{0,12}(?:from|sender|reply-to|subject|mail from|return-path|errors-to|发件人|主题|cc|date)\b.{0,20}[:：]",
    re.IGNORECASE,
)
