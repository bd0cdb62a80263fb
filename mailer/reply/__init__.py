"""What an SMTP server said, as a value, and what it means for the address, the provider and ourselves.

The wordings are data: `replies.toml` beside this package, and a file of the same form that staff may add.
"""

from mailer.reply.said import Command, Reply, parse_reply
from mailer.reply.table import ReplyTable
from mailer.reply.verdict import CLASS_OF, Confidence, Meaning, Verdict, VerdictClass
from mailer.reply.wording import normalise

__all__ = [
    "CLASS_OF",
    "Command",
    "Confidence",
    "Meaning",
    "Reply",
    "ReplyTable",
    "Verdict",
    "VerdictClass",
    "normalise",
    "parse_reply",
]
