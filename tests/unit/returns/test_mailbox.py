"""The URL of a mailbox."""

from __future__ import annotations

import pytest

from mailer.returns.mailbox import Mailbox
from subscribers.errors import InputError


@pytest.mark.parametrize(
    "url", ["imaps://user:secret#@imap.example.org", "imaps://user:secret/word@imap.example.org", "user:secret"]
)
def test_a_url_that_is_none_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(InputError, match="Give one like imaps://") as raised:
        Mailbox.parse(url)
    assert "secret" not in str(raised.value)
