"""How each provider words what it refuses, as captured from their servers or published by them."""

from __future__ import annotations

from collections.abc import Mapping

from mailer.world.answers import Answer
from mailer.world.providers import Provider, provider_of
from mailer.world.shares import FateKind

_FULL: Mapping[Provider, Answer] = {
    Provider.GOOGLE: Answer(
        452,
        "4.2.2",
        "The email account that you tried to reach is over quota. Please direct\n"
        "the recipient to\n"
        " https://support.google.com/mail/?p=OverQuotaTemp - gsmtp",
    ),
    Provider.OTHER: Answer(452, "4.2.2", "<{address}>: Mailbox full"),
}

# Chinese providers give no enhanced code, and Tencent and Sina call a passing rate limit 550; a provider without a wording
# of its own for a kind uses OTHER's.
_WORDINGS: Mapping[FateKind, Mapping[Provider, Answer]] = {
    FateKind.UNKNOWN_USER: {
        Provider.TENCENT: Answer(550, None, "Mailbox not found. https://service.mail.qq.com/detail/122/169"),
        Provider.NETEASE: Answer(550, None, "User not found: {address}"),
        Provider.COREMAIL: Answer(550, None, "User not found: {address}"),
        Provider.ALIYUN: Answer(554, None, "RCPT ({address}) dosn't exist"),
        Provider.GOOGLE: Answer(
            550,
            "5.1.1",
            "The email account that you tried to reach does not exist. Please try\n"
            "double-checking the recipient's email address for typos or\n"
            "unnecessary spaces. For more information, go to\n"
            " https://support.google.com/mail/?p=NoSuchUser - gsmtp",
        ),
        Provider.MICROSOFT: Answer(550, "5.5.0", "Requested action not taken: mailbox unavailable (S2017062302)."),
        Provider.OTHER: Answer(550, "5.1.1", "<{address}>: Recipient address rejected: User unknown"),
    },
    FateKind.GREYLISTED: {
        Provider.OTHER: Answer(451, "4.7.1", "<{address}>: Recipient address rejected: Greylisted, please try again later"),
    },
    FateKind.FULL_FOR_NOW: _FULL,
    FateKind.FULL: _FULL,
    FateKind.FREQUENCY: {
        Provider.TENCENT: Answer(
            550,
            None,
            "Connection frequency limited. http://service.mail.qq.com/cgi-bin/help?subtype=1&&id=20022&&no=1000722",
        ),
        Provider.NETEASE: Answer(451, None, "RP:QRC 163 smtp5, please see http://mail.163.com/help/help_spam_16.htm"),
        Provider.ALIYUN: Answer(454, None, "Transient reject by behaviour spam ANTISPAM_BAT[01]: currently unexpected sending"),
        Provider.SINA: Answer(550, None, "Too many recipients."),
        Provider.GOOGLE: Answer(
            450,
            "4.2.1",
            "The user you are trying to contact is receiving mail at a rate that\n"
            "prevents additional messages from being delivered. - gsmtp",
        ),
        Provider.OTHER: Answer(451, "4.7.1", "Rate limit exceeded, please try again later"),
    },
    FateKind.CONTENT: {
        Provider.TENCENT: Answer(550, None, "Mail content denied. https://service.mail.qq.com/detail/122/171"),
        Provider.GOOGLE: Answer(550, "5.7.1", "Our system has detected that this message is likely unsolicited mail. - gsmtp"),
        Provider.OTHER: Answer(550, None, "DT:SPM 163 mx29, please see http://mail.163.com/help/help_spam_16.htm"),
    },
    FateKind.CLOSING: {Provider.OTHER: Answer(421, "4.3.2", "Service closing transmission channel")},
}


def worded(kind: FateKind, address: str) -> Answer | None:
    """The refusal as the provider of `address` words it; None for a kind that has no refusal."""
    wordings = _WORDINGS.get(kind)
    if wordings is None:
        return None
    answer = wordings.get(provider_of(address), wordings[Provider.OTHER])
    return Answer(answer.code, answer.enhanced, answer.text.replace("{address}", address))
