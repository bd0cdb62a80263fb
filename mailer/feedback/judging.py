"""From what a report says of one recipient to its class: the table of replies decides, and doubt is in the address's favour."""

from __future__ import annotations

from dataclasses import dataclass

from mailer.feedback.fact import FactClass
from mailer.provider import ProviderTable
from mailer.reply import Meaning, ReplyTable, VerdictClass


@dataclass(frozen=True, slots=True)
class Ruling:
    """How a bounce was read; `rule` names what decided, and `known` is false where people should look at the text."""

    class_: FactClass
    meaning: Meaning
    rule: str
    known: bool


class Judge:
    """Holds what reports say against the table of replies, that of the recipient's provider first."""

    def __init__(self, replies: ReplyTable, providers: ProviderTable) -> None:
        self._replies = replies
        self._providers = providers

    def of_words(self, diagnostic: str, recipient: str) -> Ruling:
        """What the words of a server mean, reported by somebody else."""
        provider = self._providers.provider_of_address(recipient).key if "@" in recipient else ""
        verdict = self._replies.verdict_of_text(diagnostic, provider)
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
