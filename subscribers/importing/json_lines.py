"""JSON: one object a line, or one array of objects."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import IO

from subscribers.errors import InputError
from subscribers.importing.headers import OWN_FIELD, address_place
from subscribers.importing.table import Chunk, Row, in_chunks

_MOST_KEYS = 1_000
_LARGEST_ARRAY = 64_000_000


def header_of(text: IO[str], name: str) -> tuple[str, ...]:
    """Every key of every object, in the order in which they are met; those of an object `fields` with `field.` before them."""
    keys: dict[str, None] = {}
    for line, record in _objects(text, name):
        keys.update(dict.fromkeys(record))
        if len(keys) > _MOST_KEYS:
            raise InputError(f"{name}:{line}: more than {_MOST_KEYS:,} keys. Give objects with those that are used.")
    return tuple(keys)


def read_json(text: IO[str], name: str, header: Row) -> Iterator[Chunk]:
    """The objects as rows of `header`'s columns. InputError for what is no object."""
    return in_chunks((line, [record.get(key, "") for key in header]) for line, record in _objects(text, name))


def _objects(text: IO[str], name: str) -> Iterator[tuple[int, dict[str, str]]]:
    lines = enumerate(text, 1)
    for line, content in lines:
        stripped = content.strip().lstrip("\ufeff")
        if not stripped:
            continue
        if stripped.startswith("[") or stripped in {"{", "{}"}:
            yield from _array([content, *(rest for _, rest in lines)], name)
            return
        record = _object(_parsed(stripped, name, line), name, line)
        inside = _wrapped(record)
        if inside is None:
            yield line, _flat(record)
        else:
            yield from ((number, _flat(_object(one, name, number))) for number, one in enumerate(inside, 1))


def _array(contents: Iterable[str], name: str) -> Iterator[tuple[int, dict[str, str]]]:
    whole = "".join(contents).lstrip("\ufeff")
    if len(whole) > _LARGEST_ARRAY:
        raise InputError(f"{name}: an array of more than {_LARGEST_ARRAY:,} characters. Save it as one object a line (JSONL).")
    values = _parsed(whole, name, 1)
    if isinstance(values, dict):
        values = _wrapped(values) or [values]
    assert isinstance(values, list)
    for number, value in enumerate(values, 1):
        yield number, _flat(_object(value, name, number))


def _wrapped(record: Mapping[str, object]) -> list[object] | None:
    """The objects of an array that is the only one in an object, as interfaces answer: `{"members": [{…}, …], "total": 2}`."""
    arrays = [
        value for value in record.values() if isinstance(value, list) and value and all(isinstance(one, dict) for one in value)
    ]
    return arrays[0] if len(arrays) == 1 and not any(address_place(key) is not None for key in record) else None


def _parsed(content: str, name: str, line: int) -> object:
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        why = error.msg if isinstance(error, json.JSONDecodeError) else "nested too deeply or a number too long"
        raise InputError(f"{name}:{line}: this is not JSON: {why}. Give one object a line.") from error


def _object(value: object, name: str, line: int) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise InputError(f"{name}:{line}: this is no JSON object but {json.dumps(value)[:40]}. Give one object a line.")
    return value


def _flat(record: Mapping[str, object]) -> dict[str, str]:
    flat: dict[str, str] = {}
    for key, value in record.items():
        if key in {"fields", "attributes", "attribs"} and isinstance(value, dict):
            flat |= {OWN_FIELD + inner: _text(content) for inner, content in value.items()}
        else:
            flat[key] = _text(value)
    return flat


def _text(value: object) -> str:
    match value:
        case None:
            return ""
        case str():
            return value
        case list() if all(isinstance(item, str) for item in value):
            return ", ".join(value)
        case _:
            return json.dumps(value, ensure_ascii=False)
