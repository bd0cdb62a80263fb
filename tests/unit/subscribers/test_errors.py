"""What of an error is told in one line."""

from __future__ import annotations

import pytest

from subscribers.errors import first_line


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ValueError("connection refused"), "connection refused"),
        (ValueError("\nduplicate key\nDETAIL: Key (address)=(li@inst.example)"), "duplicate key"),
        (TimeoutError(), "TimeoutError"),
        (OSError("\n"), "OSError"),
    ],
)
def test_an_error_is_told_by_its_first_line_or_by_its_kind_where_it_says_nothing(error: Exception, line: str) -> None:
    assert first_line(error) == line
