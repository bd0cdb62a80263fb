"""Tables of bounces as providers' pages give them out: any separator, Chinese or English heads, a time where there is one."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

from mailer.feedback import Evidence, Fact, FactClass, Facts, Form, Happening, Judge
from mailer.feedback.charset import decode
from subscribers.errors import InputError

_LARGEST_CELL = 100_000
_LARGEST_PART = 32 * 1024  # octets: some hundred lines
# What a column is, by words in its head; the first column that fits is taken.
_HEADS: Mapping[str, re.Pattern[str]] = MappingProxyType(
    {
        "address": re.compile(r"e-?mail|address|recipient|rcpt|\bto\b|收件|邮箱|邮件地址|地址", re.I),
        "reason": re.compile(
            r"reason|diagnostic|response|error|detail|message$|smtp|description|原因|详情|返回|描述|信息", re.I
        ),
        "kind": re.compile(r"type|event|class|categor|status|状态|类型|分类", re.I),
        "time": re.compile(r"time|date|created|\bat\b|时间|日期", re.I),
        "message_id": re.compile(r"message.?id|queue|邮件id|任务id", re.I),
    }
)
_ORDER = ("message_id", "address", "time", "kind", "reason")
_KINDS: tuple[tuple[re.Pattern[str], Happening], ...] = (
    (re.compile(r"complain|spam.?report|投诉|举报", re.I), Happening.COMPLAINED),
    (re.compile(r"unsubscri|退订", re.I), Happening.UNSUBSCRIBED),
    (re.compile(r"defer|delay|延迟|重试", re.I), Happening.DEFERRED),
    # What was not delivered is named by the same words as what was.
    (re.compile(r"fail|error|\bun-?(?:deliver|success)|\bno[nt]\b|失败|未|不|没|无法", re.I), Happening.BOUNCED),
    (re.compile(r"deliver|success|成功|送达", re.I), Happening.DELIVERED),
)
_HARD = re.compile(r"hard|permanent|invalid|unknown.?user|无效|不存在|硬", re.I)
_CLASSES: Mapping[Happening, FactClass] = MappingProxyType(
    {
        Happening.COMPLAINED: FactClass.COMPLAINT,
        Happening.DEFERRED: FactClass.SOFT,
        Happening.DELIVERED: FactClass.DELIVERED,
    }
)
_DAYS = ("%Y-%m-%d", "%Y/%m/%d")
# Each with how long what is written lasts.
_TIME_FORMS = tuple(
    (day + time, lasts)
    for time, lasts in ((" %H:%M:%S", timedelta(seconds=1)), (" %H:%M", timedelta(minutes=1)), ("", timedelta(days=1)))
    for day in _DAYS
)


def read_table(content: bytes, judge: Judge) -> Facts:
    """A fact for each line that has an address. InputError where no column holds addresses, or a cell has no end."""
    text = decode(content.removeprefix(b"\xef\xbb\xbf"))
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=_separator(text))
    try:
        rows = list(lines)
    except csv.Error as error:
        raise InputError(f"line {lines.line_num}: {error}. Look for a quotation mark that nothing closes.") from error
    columns = _columns(rows)
    return Facts(Form.OTHER, tuple(_facts(rows[1:], columns, judge)))


def parts_of(content: bytes) -> Iterator[bytes]:
    """The table as it is or, where it is large, as several with the same heads: each is read in a transaction of its own, and who wants
    to leave, or sends, waits for none of them for long. A cell with line ends in it stays whole."""
    if len(content) <= _LARGEST_PART:
        yield content
        return
    text = decode(content.removeprefix(b"\xef\xbb\xbf"))
    taken: list[str] = []
    rows = csv.reader(_noted(io.StringIO(text, newline=""), taken), delimiter=_separator(text))
    next(rows, None)
    head = part = "".join(taken).encode()
    taken.clear()
    for _ in rows:
        row = "".join(taken).encode()
        taken.clear()
        if part != head and len(part) + len(row) > _LARGEST_PART:
            yield part
            part = head
        part += row
    yield part


def _noted(lines: Iterable[str], taken: list[str]) -> Iterator[str]:
    for line in lines:
        taken.append(line)
        yield line


def is_table(name: str) -> bool:
    """Whether a file is meant as a table and not as a message."""
    return name.lower().endswith((".csv", ".tsv"))


def _separator(text: str) -> str:
    head = text.partition("\n")[0]
    return max(",;\t", key=head.count)


def _columns(rows: list[list[str]]) -> dict[str, int]:
    heads = rows[0] if rows else []
    columns: dict[str, int] = {}
    for name in _ORDER:
        fitting = (place for place, head in enumerate(heads) if place not in columns.values() and _HEADS[name].search(head))
        if (place := next(fitting, None)) is not None:
            columns[name] = place
    if "address" not in columns:
        line = ", ".join(heads)[:200]
        shown = "" if "@" in line else f": {line!r}"  # Without heads it is somebody's row, and this is logged.
        raise InputError(f"none of the columns holds addresses{shown}. Name one 'address' in the first line.")
    return columns


def _facts(rows: list[list[str]], columns: Mapping[str, int], judge: Judge) -> Iterator[Fact]:
    for row in rows:
        cells = {name: row[place].strip()[:_LARGEST_CELL] for name, place in columns.items() if place < len(row)}
        if "@" in cells.get("address", ""):
            yield _fact(cells, judge)


def _fact(cells: Mapping[str, str], judge: Judge) -> Fact:
    kind, reason = cells.get("kind", ""), cells.get("reason", "")
    happening = next((happening for pattern, happening in _KINDS if pattern.search(kind)), Happening.BOUNCED)
    identifier = cells.get("message_id", "").strip("<>")
    fact = {
        "recipient": cells["address"],
        "diagnostic": reason,
        "at": _moment(cells.get("time", "")),
        "evidence": Evidence(message_ids=(identifier,) if identifier else ()),
    }
    if happening is not Happening.BOUNCED:
        return Fact(happening, class_=_CLASSES.get(happening), rule="table", **fact)  # type: ignore[arg-type]
    ruling = judge.of_service(reason, cells["address"], hard=bool(_HARD.search(kind)))
    return Fact(happening, class_=ruling.class_, meaning=ruling.meaning, rule=ruling.rule, known=ruling.known, **fact)  # type: ignore[arg-type]


def _moment(written: str) -> datetime | None:
    """A time as pages write it, at its end: the day that a mailing began on is not before it. Without a zone it is UTC, off by hours."""
    for form, lasts in _TIME_FORMS:
        try:
            return datetime.strptime(written[:19], form).replace(tzinfo=UTC) + lasts
        except (ValueError, OverflowError):
            continue
    try:
        parsed = datetime.fromisoformat(written)
    except ValueError:
        return None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
