"""The names that the rules know: header fields, providers, kinds of files."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# RFC 5322 §3.6, RFC 2045 and RFC 8058: a second one makes receivers disagree on which counts.
SINGLETONS = _words(
    """
    date from sender reply-to to cc bcc message-id in-reply-to references subject mime-version content-type
    content-transfer-encoding content-disposition list-id list-unsubscribe list-unsubscribe-post feedback-id
    """
)
# Written by the servers on the way (RFC 5321 §4.4), or telling recipients what is none of their business.
FORBIDDEN = _words(
    """
    return-path received bcc delivered-to x-mailer user-agent x-originating-ip authentication-results
    disposition-notification-to return-receipt-to
    """
)
# Where RFC 2047 §5 gives encoded-words no place at all.
STRUCTURED = _words(
    """
    message-id in-reply-to references date mime-version content-type content-transfer-encoding content-disposition
    list-unsubscribe list-unsubscribe-post list-help list-archive list-owner list-post feedback-id dkim-signature
    auto-submitted precedence x-auto-response-suppress
    """
)
# Where it gives them a place before the angle brackets.
WITH_BRACKETS = _words("from sender reply-to to cc list-id")
# RFC 6376 §5.4.1 for the first ones, RFC 8058 §4 for List-Unsubscribe*; an unsigned Content-Type lets others rewrite the body.
DKIM_COVERED = _words(
    """
    from sender reply-to subject date message-id to cc mime-version content-type content-transfer-encoding
    content-language list-id list-unsubscribe list-unsubscribe-post list-help list-archive feedback-id auto-submitted
    """
)
# Signed once more than they stand, so that nobody can add another (RFC 6376 §8.15).
DKIM_SEALED = _words("from subject date to message-id content-type list-unsubscribe list-unsubscribe-post")
# Mailboxes that everybody can open: their owners' DMARC policies make other senders' mail bounce.
FREE_MAIL = _words(
    """
    gmail.com googlemail.com qq.com foxmail.com 163.com 126.com yeah.net 139.com 189.cn sina.com sina.cn sohu.com
    outlook.com hotmail.com live.com msn.com yahoo.com icloud.com aliyun.com
    """
)
# What NetEase refuses to take, and what Gmail and Outlook refuse on top.
REFUSED_FILES = _words(
    """
    uu pif scr mim hqx bhx cmd vbs bat com vbe vb js wsh exe msi jar jse lnk ps1 reg hta cpl dll iso img apk appx chm
    docm xlsm pptm
    """
)
