"""Every row of the shipped table, tried with the samples that it carries."""

from __future__ import annotations

import re

import pytest

from mailer.provider import ProviderTable
from mailer.reply import CLASS_OF, Confidence, Meaning, Reply, ReplyTable, VerdictClass, parse_reply
from mailer.reply.rules import Rule

TABLE = ReplyTable.load()
SAMPLES = [(rule, sample) for rule in TABLE.rules for sample in rule.samples]


def _name(value: Rule | str) -> str:
    return value.id if isinstance(value, Rule) else value[:24]


@pytest.mark.parametrize(("rule", "sample"), SAMPLES, ids=_name)
def test_each_sample_is_read_as_its_row_says_by_whomever_it_is_said(rule: Rule, sample: str) -> None:
    reply = parse_reply(sample)
    meaning = Meaning.TRANSIENT if reply.code // 100 == 4 and CLASS_OF[rule.meaning] is VerdictClass.HARD else rule.meaning
    assert TABLE.verdict(reply, "").meaning is meaning
    for provider in rule.providers or {"none of the table's"}:
        assert TABLE.verdict(reply, provider).meaning is meaning


@pytest.mark.parametrize(("rule", "sample"), [pair for pair in SAMPLES if pair[0].providers], ids=_name)
def test_the_provider_s_own_row_decides_on_its_own_words(rule: Rule, sample: str) -> None:
    for provider in rule.providers:
        assert TABLE.verdict_of_text(sample, provider).rule == rule.id


def test_every_row_has_a_name_of_its_own_a_source_and_a_sample() -> None:
    names = [rule.id for rule in TABLE.rules]
    assert len(set(names)) == len(names)
    assert all(rule.source and rule.samples for rule in TABLE.rules)


def test_every_provider_of_the_rules_is_in_the_table_of_providers() -> None:
    assert {provider for rule in TABLE.rules for provider in rule.providers} <= ProviderTable.load().keys


def test_every_meaning_but_the_ambiguous_and_the_accepted_has_a_row() -> None:
    assert {rule.meaning for rule in TABLE.rules} == set(Meaning) - {Meaning.AMBIGUOUS, Meaning.ACCEPTED}


def test_every_meaning_has_a_class() -> None:
    assert set(CLASS_OF) == set(Meaning)


def test_no_security_code_alone_ends_an_address() -> None:
    verdicts = [TABLE.verdict_of_text(f"550 5.7.{detail} xyzzy") for detail in range(700)]
    assert VerdictClass.HARD not in {verdict.class_ for verdict in verdicts}


@pytest.mark.parametrize(
    ("text", "meaning", "confidence"),
    [
        ("550 5.1.1 xyzzy", Meaning.UNKNOWN_USER, Confidence.EXPLICIT),
        ("550 5.1.10 xyzzy", Meaning.DOMAIN_DEAD, Confidence.EXPLICIT),
        ("550 5.2.1 xyzzy", Meaning.MAILBOX_DISABLED, Confidence.LOW),
        ("552 5.2.2 xyzzy", Meaning.MAILBOX_FULL, Confidence.EXPLICIT),
        ("552 5.3.4 xyzzy", Meaning.PROTOCOL, Confidence.EXPLICIT),
        ("550 5.7.25 xyzzy", Meaning.AUTHENTICATION, Confidence.EXPLICIT),
        ("550 5.7.999 xyzzy", Meaning.CONTENT, Confidence.LOW),
        ("451 4.9.9 xyzzy", Meaning.TRANSIENT, Confidence.EXPLICIT),
        ("550 4.9.9 xyzzy", Meaning.TRANSIENT, Confidence.EXPLICIT),
        ("450 4.1.1 xyzzy", Meaning.TRANSIENT, Confidence.EXPLICIT),
    ],
)
def test_where_no_text_fits_the_enhanced_code_decides(text: str, meaning: Meaning, confidence: Confidence) -> None:
    verdict = TABLE.verdict_of_text(text)
    assert (verdict.meaning, verdict.confidence) == (meaning, confidence)
    assert verdict.rule == f"enhanced:{text.split()[1]}"
    assert verdict.known == ("5.7.999" not in text), "a code that the table does not name is left for people to look at"


def test_words_are_sought_in_texts_and_not_in_what_varies() -> None:
    reply: Reply = parse_reply("550 5.1.1 <spam.blacklist@rbl.example>: xyzzy, see https://institute.example/spam/policy")
    assert TABLE.verdict(reply, "").rule == "enhanced:5.1.1"


def test_no_pattern_of_the_table_begins_or_ends_with_a_wildcard() -> None:
    for rule in TABLE.rules:
        for words in filter(None, (rule.words, rule.beyond_ascii)):
            assert not re.search(r"\(\?:\.[*+]|\.[*+]\)$", words.pattern), rule.id
