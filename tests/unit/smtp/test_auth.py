from __future__ import annotations

from base64 import b64decode

import pytest

from mailer.relay import Mechanism
from mailer.smtp.auth import choose, login

OFFERED = frozenset({"LOGIN", "PLAIN", "XOAUTH2"})


def test_plain_is_one_line() -> None:
    made = login(Mechanism.PLAIN, "li", "密码")
    assert made.answers == ()
    assert made.command.startswith(b"AUTH PLAIN ")
    assert b64decode(made.command[11:]).decode() == "\0li\0密码"


def test_login_answers_two_challenges() -> None:
    made = login(Mechanism.LOGIN, "li", "secret")
    assert made.command == b"AUTH LOGIN"
    assert [b64decode(answer) for answer in made.answers] == [b"li", b"secret"]


def test_xoauth2_answers_a_refusal_with_an_empty_line() -> None:
    made = login(Mechanism.XOAUTH2, "li@example.cn", "token")
    assert b64decode(made.command[13:]) == b"user=li@example.cn\1auth=Bearer token\1\1"
    assert made.answers == (b"",)


def test_a_response_too_long_for_the_command_waits_for_its_challenge() -> None:
    made = login(Mechanism.XOAUTH2, "li@example.cn", "t" * 2000)
    assert made.command == b"AUTH XOAUTH2"
    assert b64decode(made.answers[0]).endswith(b"\1\1")
    assert made.answers[1] == b""


@pytest.mark.parametrize(
    ("wanted", "offered", "chosen"),
    [
        (None, OFFERED, Mechanism.PLAIN),
        (None, frozenset({"LOGIN"}), Mechanism.LOGIN),
        (None, frozenset({"XOAUTH2", "CRAM-MD5"}), None),
        (Mechanism.LOGIN, OFFERED, Mechanism.LOGIN),
        (Mechanism.XOAUTH2, OFFERED, Mechanism.XOAUTH2),
        (Mechanism.XOAUTH2, frozenset({"PLAIN"}), None),
    ],
)
def test_the_mechanism_is_the_wanted_or_the_best_offered(
    wanted: Mechanism | None, offered: frozenset[str], chosen: Mechanism | None
) -> None:
    assert choose(wanted, offered) is chosen


def test_a_login_does_not_show_its_password() -> None:
    assert "secret" not in repr(login(Mechanism.LOGIN, "li", "secret"))
    assert "c2VjcmV0" not in repr(login(Mechanism.LOGIN, "li", "secret"))
