"""What is said in AUTH (RFC 4954): a mechanism's name, an initial response and the answers to the server's challenges."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass, field

from mailer.relay import Mechanism

# The AUTH command is a command line like another one: a longer initial response has to wait for an empty challenge.
_LONGEST_COMMAND = 512  # RFC 5321 §4.5.3.1.4, RFC 4954 §4

# CRAM-MD5 needs the password in clear on the server and protects nothing that TLS does not; it is left out.
_BY_PREFERENCE = (Mechanism.PLAIN, Mechanism.LOGIN)


@dataclass(frozen=True, slots=True)
class Login:
    """One login as the lines to send: the AUTH command, then one line for each challenge (334). None has its CRLF yet."""

    command: bytes = field(repr=False)
    answers: tuple[bytes, ...] = field(repr=False)


def choose(wanted: Mechanism | None, offered: frozenset[str]) -> Mechanism | None:
    """The mechanism to use: the one wanted, or else the first of PLAIN and LOGIN that is offered; None when there is none."""
    candidates = _BY_PREFERENCE if wanted is None else (wanted,)
    return next((each for each in candidates if each.value.upper() in offered), None)


def login(mechanism: Mechanism, user: str, password: str) -> Login:
    """The lines of a login; for XOAUTH2 `password` is the access token."""
    name = mechanism.value.upper().encode()
    match mechanism:
        case Mechanism.PLAIN:
            return _with_initial_response(name, f"\0{user}\0{password}", ())
        case Mechanism.LOGIN:
            return Login(b"AUTH " + name, (_encoded(user), _encoded(password)))
        case Mechanism.XOAUTH2:
            # A refusal comes as a challenge, which wants an empty answer before the 535 is sent.
            return _with_initial_response(name, f"user={user}\1auth=Bearer {password}\1\1", (b"",))


def _with_initial_response(name: bytes, response: str, answers: tuple[bytes, ...]) -> Login:
    command = b"AUTH " + name + b" " + _encoded(response)
    if len(command) + len(b"\r\n") <= _LONGEST_COMMAND:
        return Login(command, answers)
    return Login(b"AUTH " + name, (_encoded(response), *answers))


def _encoded(text: str) -> bytes:
    return b64encode(text.encode())
