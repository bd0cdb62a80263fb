"""Paths and parameters of MAIL and RCPT."""

from __future__ import annotations

import pytest

from mailer.world.answers import Answer
from mailer.world.grammar import MAIL_PARAMETERS, RCPT_PARAMETERS, Extension, Path, parse_path, refusal_of_recipient

ALL = frozenset(Extension)


@pytest.mark.parametrize(
    ("argument", "address", "parameters"),
    [
        ("FROM:<a@b.example>", "a@b.example", {}),
        ("from:<>", "", {}),
        ('FROM:<"a b>c"@d.example>', '"a b>c"@d.example', {}),
        (
            "FROM:<a@b.example> SIZE=75000 body=8BITMIME RET=HDRS ENVID=ab+2Bc SMTPUTF8",
            "a@b.example",
            {"SIZE": "75000", "BODY": "8BITMIME", "RET": "HDRS", "ENVID": "ab+2Bc", "SMTPUTF8": ""},
        ),
    ],
)
def test_a_senders_path_is_read(argument: str, address: str, parameters: dict[str, str]) -> None:
    assert parse_path(argument, "FROM:", MAIL_PARAMETERS, ALL) == Path(address, parameters)


def test_a_recipients_parameters_are_read() -> None:
    path = parse_path("TO:<a@b.example> NOTIFY=FAILURE,DELAY ORCPT=rfc822;a@b.example", "TO:", RCPT_PARAMETERS, ALL)
    assert path == Path("a@b.example", {"NOTIFY": "FAILURE,DELAY", "ORCPT": "rfc822;a@b.example"})


@pytest.mark.parametrize(
    ("argument", "code"),
    [
        ("FROM: <a@b.example>", 501),
        ("FROM:a@b.example", 501),
        ("TO:<a@b.example>", 501),
        ("FROM:<a@b.example>SIZE=1", 501),
        ("FROM:<a@b.example> SIZE=many", 501),
        ("FROM:<a@b.example> SIZE=1 SIZE=2", 501),
        ("FROM:<a@b.example> SMTPUTF8=yes", 501),
        ("FROM:<a@b.example> ENVID=a+2", 501),
        ("FROM:<a@b.example> AUTH=<>", 555),
    ],
)
def test_what_is_not_a_senders_path_is_refused(argument: str, code: int) -> None:
    refusal = parse_path(argument, "FROM:", MAIL_PARAMETERS, ALL)
    assert isinstance(refusal, Answer)
    assert refusal.code == code


@pytest.mark.parametrize("notify", ["NOTIFY=NEVER,FAILURE", "NOTIFY=FAILURE,", "NOTIFY=", "NOTIFY=LATER"])
def test_a_wrong_notify_is_refused(notify: str) -> None:
    refusal = parse_path(f"TO:<a@b.example> {notify}", "TO:", RCPT_PARAMETERS, ALL)
    assert isinstance(refusal, Answer)
    assert refusal.code == 501


@pytest.mark.parametrize(
    ("parameter", "extension"),
    [
        ("SIZE=1", Extension.SIZE),
        ("BODY=8BITMIME", Extension.EIGHT_BIT_MIME),
        ("RET=FULL", Extension.DSN),
        ("SMTPUTF8", Extension.SMTPUTF8),
    ],
)
def test_a_parameter_needs_its_extension(parameter: str, extension: Extension) -> None:
    argument = f"FROM:<a@b.example> {parameter}"
    assert isinstance(parse_path(argument, "FROM:", MAIL_PARAMETERS, {extension}), Path)
    refusal = parse_path(argument, "FROM:", MAIL_PARAMETERS, ALL - {extension})
    assert isinstance(refusal, Answer)
    assert refusal.code == 555


@pytest.mark.parametrize(
    ("address", "smtputf8", "code"),
    [
        ("a@b.example", False, None),
        ("Postmaster", False, None),
        ("nobody", False, 553),
        ("@b.example", False, 553),
        ("a@", False, 553),
        ("a" * 250 + "@b.example", False, 501),
        ("张三@b.example", False, 553),
        ("张三@b.example", True, None),
    ],
)
def test_only_an_address_can_be_a_recipient(address: str, smtputf8: bool, code: int | None) -> None:
    refusal = refusal_of_recipient(address, smtputf8=smtputf8)
    assert (refusal and refusal.code) == code
