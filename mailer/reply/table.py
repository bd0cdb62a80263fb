"""The order in which a reply is asked: the provider's words, anybody's words, the enhanced code, the basic code."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

from mailer.reply.rules import SHIPPED, Codes, Rule, read_codes, read_rules
from mailer.reply.said import Command, Reply, parse_reply
from mailer.reply.verdict import CLASS_OF, Confidence, Meaning, Verdict, VerdictClass
from mailer.reply.wording import folded, vocabulary

# What "unknown" or "does not exist" is about, where no recipient had been named yet.
_BEFORE_RECIPIENT: Mapping[Command, Meaning] = MappingProxyType(
    {
        Command.CONNECT: Meaning.REPUTATION,
        Command.EHLO: Meaning.AUTHENTICATION,
        Command.STARTTLS: Meaning.AUTHENTICATION,
        Command.AUTH: Meaning.ACCOUNT,
        Command.MAIL: Meaning.AUTHENTICATION,
    }
)
_OF_SENDER = frozenset({"5.1.7", "5.1.8"})  # RFC 3463: the sender's address
# What a code may tell beyond doubt that speaks against an address that is gone.
_OF_ANOTHER_KIND = frozenset(
    (meaning, Confidence.EXPLICIT)
    for meaning in (Meaning.PROTOCOL, Meaning.MAILBOX_FULL, Meaning.AUTHENTICATION, Meaning.SENDER_RATE)
)
_REMEMBERED = 1_024
_AFTER_RECIPIENT = frozenset({Command.DATA, Command.DOT})


class ReplyTable:
    """What replies mean. Immutable once made; one is enough for a process.

    Chinese providers answer 550 to a rate limit that passes and give no enhanced code, so text decides before codes do.
    """

    def __init__(self, rules: Iterable[Rule], codes: Codes) -> None:
        self.rules = tuple(rules)
        self._codes = codes
        self._of_any = tuple(rule for rule in self.rules if not rule.providers)
        self._of_some = tuple(rule for rule in self.rules if rule.providers)
        self._of = {
            provider: tuple(rule for rule in self._of_some if provider in rule.providers)
            for provider in frozenset().union(*(rule.providers for rule in self._of_some))
        }

        # A server says the same to many: what names a recipient or a host is not in the words any more.
        self._rule = lru_cache(maxsize=_REMEMBERED)(self._find)

    @classmethod
    def load(cls, extra: Path | None = None) -> ReplyTable:
        """The table as shipped, and before its rows those of `extra`, a file of the same form that staff may keep.

        A row for a provider comes before every row for any. What staff wrote down themselves is believed `alone`.
        Raises InputError naming the file, the row and the cure.
        """
        own = [replace(rule, alone=True) for rule in read_rules(extra)] if extra else []
        return cls((*own, *read_rules(SHIPPED)), read_codes(SHIPPED))

    def verdict(self, reply: Reply, provider: str) -> Verdict:
        """What `reply` means; `provider` is a key of providers.toml, and any other word stands for an unknown provider."""
        if reply.code // 100 in (2, 3):
            return Verdict(Meaning.ACCEPTED, VerdictClass.ACCEPTED, Confidence.EXPLICIT, f"basic:{reply.code}", known=True)
        whole = folded(reply.text)
        rule = self._rule(provider, reply.code, reply.enhanced or "", vocabulary(whole), whole if "/" in whole else "")
        if rule is not None:
            return self._by_rule(rule, reply)
        return self._by_enhanced_code(reply) or self._by_basic_code(reply)

    def verdict_of_text(self, text: str, provider: str | None = None) -> Verdict:
        """What a quoted reply means, with or without codes; see `parse_reply`."""
        return self.verdict(parse_reply(text), provider or "")

    def _find(self, provider: str, code: int, enhanced: str, words: str, links: str) -> Rule | None:
        for rules in (self._of.get(provider, self._of_some), self._of_any):
            for rule in rules:
                if rule.fits(code, enhanced, words, links):
                    return rule
        return None

    def _by_rule(self, rule: Rule, reply: Reply) -> Verdict:
        meaning, confidence, enhanced = rule.meaning, rule.confidence, reply.enhanced or ""
        told = self._codes.enhanced.get(enhanced)
        if told == (meaning, Confidence.EXPLICIT):
            confidence = Confidence.EXPLICIT
        late = reply.command in _AFTER_RECIPIENT and not rule.after_content and not enhanced.startswith("5.1.")
        if meaning is Meaning.UNKNOWN_USER and (late or told in _OF_ANOTHER_KIND):
            # The recipient had been accepted: filters that have seen the content say it with the same words.
            # Or the code says something else, as where "invalid address" is about a command's syntax.
            meaning, confidence = Meaning.AMBIGUOUS, Confidence.LOW
        verdict = _verdict(meaning, confidence, rule.id, reply, known=True)
        return replace(verdict, until_tomorrow=rule.until_tomorrow, alone=rule.alone, at_home=rule.at_home)

    def _by_enhanced_code(self, reply: Reply) -> Verdict | None:
        code = reply.enhanced or ""
        while code and code not in self._codes.enhanced:
            code = code.rpartition(".")[0]
        if not code:
            return None
        meaning, confidence = self._codes.enhanced[code]
        known = code == reply.enhanced or confidence is Confidence.EXPLICIT
        return _verdict(meaning, confidence, f"enhanced:{reply.enhanced}", reply, known=known)

    def _by_basic_code(self, reply: Reply) -> Verdict:
        digits = str(reply.code)
        for key in (f"{command} {digits[:length]}" for command in (reply.command, "*") for length in (3, 2, 1)):
            if key in self._codes.basic:
                return _verdict(self._codes.basic[key], Confidence.LOW, f"basic:{digits}", reply, known=False)
        return _verdict(Meaning.AMBIGUOUS, Confidence.LOW, "basic:none", reply, known=False)


def _verdict(meaning: Meaning, confidence: Confidence, rule: str, reply: Reply, *, known: bool) -> Verdict:
    """The verdict, where nothing ends an address that the reply does not speak of, or that the server may still take."""
    temporary = reply.code // 100 == 4 or (reply.enhanced or "").startswith("4.")
    if CLASS_OF[meaning] is VerdictClass.HARD:
        of_sender = reply.command in _BEFORE_RECIPIENT or reply.enhanced in _OF_SENDER or reply.code // 10 == 53
        if temporary:
            meaning, confidence = Meaning.TRANSIENT, Confidence.LOW
        elif of_sender:
            meaning, confidence = _BEFORE_RECIPIENT.get(reply.command, Meaning.AUTHENTICATION), Confidence.LOW
    return Verdict(meaning, CLASS_OF[meaning], confidence, rule, known, temporary)
