"""From what a report says of one recipient to its class: the table of replies decides, and doubt is in the address's favour."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from mailer.feedback.fact import FactClass
from mailer.feedback.stage import stage_in
from mailer.provider import ProviderTable
from mailer.reply import Confidence, Meaning, Reply, ReplyTable, Verdict, VerdictClass, parse_reply

# RFC 3463: the enhanced codes that speak of the recipient's address or its domain and nothing else.
_OF_ADDRESS = re.compile(r"5\.1\.(?:0|1|2|3|6|10|351)|5\.4\.4|5\.1\.\d{2,3}")
_QUOTED = re.compile(
    r"(?:^|(?<=[\s:'\"(<\[#]))([45][0-5]\d)(?=$|[\s\-:;,#]{1,3})(?!\s*(?:for rcpt|bytes|lines|kb|mb|times|attempts|hours|\d{3}\b))",
    re.I,
)
# RFC 3463's code, where a report gives its own before the reply that it quotes: "5.1.0 - Unknown address error 550-'…'".
_BEFORE_REPLY = re.compile(r"(?<![\d.])([45]\.\d{1,3}\.\d{1,3})(?![\d.]\d)[^\n]{0,60}$")
# Who said it, which is not what was said: "host mx.example said: 550 unknown" speaks of no unknown host.
_WHO_SAID = re.compile(
    r"\b(?:(?:remote|smtp|mail) )?(?:host|server|domain)\b[^\n]{0,120}?\b(?:said|says|replied|responded|gave|returned)\b:?",
    re.I,
)
# Words that leave another reason open, in a reply that speaks of no address by its code.
_DOUBTFUL = re.compile(
    r"block|black ?list|white ?list|spam|polic|denied|virus|relaying|forbid|not allowed|prohibit|permi(?:t|ssion)|\blimit|exceed|quota"
    r"|\bfull\b|temporar|try again|later\b|closed|disabled|inactive|suspend|reputation|满|滿|禁|拒收|频|頻|黑名单",
    re.IGNORECASE,
)
# A report that says so beside "user unknown" speaks of an address that is there.
_DENIES = frozenset({Meaning.MAILBOX_FULL, Meaning.MAILBOX_DISABLED, Meaning.RECIPIENT_RATE})
# Where only a code says that the address is gone, any words that say something else are believed.
_NOT_GONE = frozenset(Meaning) - {Meaning.UNKNOWN_USER, Meaning.DOMAIN_DEAD, Meaning.AMBIGUOUS}


@dataclass(frozen=True, slots=True)
class Ruling:
    """How a bounce was read; `rule` names what decided, and `known` is false where people should look at the text."""

    class_: FactClass
    meaning: Meaning
    rule: str
    known: bool


@dataclass(frozen=True, slots=True)
class Said:
    """What a report says of one recipient.

    `diagnostic` is the server's reply as far as it is quoted apart, `status` RFC 3463's code of the report, `words` the
    sentences around them, `witnessed` whether those are the words of another than the diagnostic's author, `passing` whether
    the report calls the fault one that passes, and `at_home` whether the recipient's own server makes the report.
    """

    recipient: str
    diagnostic: str = ""
    status: str = ""
    words: str = ""
    witnessed: bool = False
    passing: bool = False
    at_home: bool = False


class Judge:
    """Holds what reports say against the table of replies, that of the recipient's provider first."""

    def __init__(self, replies: ReplyTable, providers: ProviderTable) -> None:
        self._replies = replies
        self._providers = providers

    def of_report(self, said: Said) -> Ruling:
        """What a bounce means. Hard only where words and circumstances agree that there is no such address or domain.

        Servers say "unknown user" of mail that a filter refused, mostly after they saw the content. So the words alone end no
        address: they need a status of RFC 3463 that speaks of the address, or the command RCPT, or a second witness.
        """
        provider = self._provider(said.recipient)
        stage = stage_in(said.words) or stage_in(said.diagnostic)
        quoted = quoted_reply(said.diagnostic)
        reply = _with_status(quoted, said.status)
        reply = reply if stage is None else replace(reply, command=stage)
        verdict, explained = self._heard(reply, said, provider)
        passing = said.passing or said.status.startswith("4.") or verdict.temporary
        hard = verdict.class_in_report is VerdictClass.HARD and not passing and not explained
        if hard:
            witness = self._witness(said.words, quoted, provider)
            by_own_server = said.at_home and (verdict.at_home or (witness is not None and witness.at_home))
            hard = _agreed(verdict, witness, reply, placed=stage is not None or by_own_server, apart=said.witnessed)
        return Ruling(FactClass.HARD if hard else FactClass.SOFT, verdict.meaning, verdict.rule, verdict.known)

    def _heard(self, reply: Reply, said: Said, provider: str) -> tuple[Verdict, bool]:
        """What the reply means, or else the words around it; and whether those only explain a reply that nobody understands."""
        verdict = self._replies.verdict(reply, provider)
        if verdict.known:
            return verdict, False
        around = self._replies.verdict(replace(reply, text=_WHO_SAID.sub(" ", said.words)), provider)
        return (around, reply.code > 0 and not around.alone) if around.known else (verdict, False)

    def _witness(self, words: str, quoted: Reply, provider: str) -> Verdict | None:
        """What the report says in its own words, those of the quoted reply left out."""
        if not words:
            return None
        reply = " ".join(quoted.text.split())
        own = " ".join(_WHO_SAID.sub(" ", words).split())
        return self._replies.verdict_of_text(own.replace(reply, " ") if reply else own, provider)

    def of_words(self, diagnostic: str, recipient: str) -> Ruling:
        """What the words of a server mean by themselves, as a mail service passes them on."""
        verdict = self._replies.verdict_of_text(diagnostic, self._provider(recipient))
        class_ = FactClass.HARD if verdict.class_in_report is VerdictClass.HARD else FactClass.SOFT
        return Ruling(class_, verdict.meaning, verdict.rule, verdict.known)

    def of_service(self, diagnostic: str, recipient: str, *, hard: bool) -> Ruling:
        """What a mail service means that has tried for us and calls the bounce hard or not.

        It calls refusals for content and rate hard as well, so that its word holds only where the server's words, if it
        passes them on, say nothing else.
        """
        ruling = self.of_words(diagnostic, recipient)
        if hard and not ruling.known:
            return Ruling(FactClass.HARD, Meaning.UNKNOWN_USER, "service:hard", known=True)
        if not hard and ruling.class_ is FactClass.HARD:
            return Ruling(FactClass.SOFT, Meaning.AMBIGUOUS, "service:soft", known=True)
        return ruling

    def _provider(self, recipient: str) -> str:
        return self._providers.provider_of_address(recipient).key if "@" in recipient else ""


def quoted_reply(words: str) -> Reply:
    """The reply that a report quotes among its own words; the words themselves, with code 0, where it quotes none."""
    found = _QUOTED.search(words)
    if found is None:
        return parse_reply(words)
    status = _BEFORE_REPLY.search(words, 0, found.start())
    return _with_status(parse_reply(words[found.start() :]), status[1] if status else "")


def _with_status(reply: Reply, status: str) -> Reply:
    """The reply with the report's status, where it has none of its own, or one that says nothing."""
    if not status or (reply.enhanced and not reply.enhanced.endswith(".0.0")):
        return reply
    return replace(reply, enhanced=status, code=reply.code or int(status[0]) * 100 + 50)


def _agreed(verdict: Verdict, witness: Verdict | None, reply: Reply, *, placed: bool, apart: bool) -> bool:
    """Whether a second witness bears out that there is no such address: a code, a command, or the report's own words.

    `placed` is whether the report names the command, for the table has turned the words after any other than RCPT into
    something else, or comes from the recipient's own server in words that are believed there. `apart` is whether the words are
    another's than the diagnostic's: only then do they bear anything out.
    """
    if witness is not None and witness.by_words and witness.meaning in (_DENIES if verdict.by_words else _NOT_GONE):
        return False
    by_code = _OF_ADDRESS.fullmatch(reply.enhanced or "") is not None or verdict.meaning is Meaning.DOMAIN_DEAD
    if verdict.alone or (by_code and verdict.by_words):
        return True
    if _DOUBTFUL.search(reply.text):
        return False
    agrees = (
        witness is not None
        and witness.meaning is Meaning.UNKNOWN_USER
        and (witness.alone or (apart and witness.rule != verdict.rule))
    )
    return by_code or (verdict.confidence is Confidence.EXPLICIT and (placed or agrees))
