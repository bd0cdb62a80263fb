"""What comes out of stored JSON, held against the type that was stored: another one raises TypeError."""

from __future__ import annotations


def as_object(value: object) -> dict[str, object]:
    """A JSON object."""
    if not isinstance(value, dict):
        raise TypeError(f"an object was stored here, not {type(value).__name__}")
    return value


def as_list(value: object) -> list[object]:
    """A JSON array."""
    if not isinstance(value, list):
        raise TypeError(f"a list was stored here, not {type(value).__name__}")
    return value


def as_text(value: object) -> str:
    """A JSON string."""
    if not isinstance(value, str):
        raise TypeError(f"text was stored here, not {type(value).__name__}")
    return value


def as_text_or_none(value: object) -> str | None:
    """A JSON string or null."""
    return None if value is None else as_text(value)


def as_texts(value: object) -> tuple[str, ...]:
    """A JSON array of strings."""
    return tuple(as_text(item) for item in as_list(value))


def as_integer(value: object) -> int:
    """A JSON number that is whole."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"a whole number was stored here, not {type(value).__name__}")
    return value


def as_integer_or_none(value: object) -> int | None:
    """A whole number or null."""
    return None if value is None else as_integer(value)


def as_flag(value: object) -> bool:
    """A JSON boolean."""
    if not isinstance(value, bool):
        raise TypeError(f"true or false was stored here, not {type(value).__name__}")
    return value
