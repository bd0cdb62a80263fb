"""All that is held about a person, as a page that the person can read."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from types import MappingProxyType
from zoneinfo import ZoneInfo

from jinja2 import Template

from mailer.page_templates import page_environment
from subscribers.holdings import Rows

# By the names of `holdings.TABLES` and `people.HELD`; a test holds it against both.
TITLES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "subscribers": ("登记的资料", "The record"),
        "subscriptions": ("订阅", "Subscriptions"),
        "consent": ("同意与退订的记录", "The consent ledger"),
        "sign_ups": ("网页登记", "Sign-ups by the page"),
        "suppressions": ("停发的记录", "Why nothing is sent"),
        "imports": ("文件导入", "What imports changed"),
        "rejected_rows": ("导入时未收的行", "Rows that an import did not take"),
        "audit": ("修改的记录", "Who changed what"),
        "deliveries": ("寄出的邮件", "What was sent"),
        "opens_and_clicks": ("打开与点击", "Opens and clicks"),
        "feedback": ("退信与投诉", "What came back"),
        "probes": ("地址的试寄", "Probes of the address"),
        "receipts": ("回执", "Receipts"),
        "counting": ("是否计入阅读统计", "Whether reading is counted"),
        "frequencies": ("接收的频率", "How often"),
        "proposals": ("变更的提议", "Proposals of changes"),
        "tasks": ("待办事项", "Tasks of staff"),
    }
)


@dataclass(frozen=True, slots=True)
class _Section:
    chinese: str
    english: str
    rows: Sequence[Sequence[tuple[str, str]]]


def render_held(addresses: Sequence[str], found: Mapping[str, Rows], as_of: datetime, zone: ZoneInfo) -> str:
    """One page of HTML that stands by itself, in Chinese and English; times are told in `zone`."""
    sections = [
        _Section(
            *TITLES[name], [[(key, _said(value, zone)) for key, value in row.items() if value is not None] for row in rows]
        )
        for name, rows in found.items()
        if rows
    ]
    nothing = [TITLES[name][0] for name, rows in found.items() if not rows]
    return _template().render(addresses=addresses, as_of=_said(as_of, zone), sections=sections, nothing=nothing)


@cache
def _template() -> Template:
    return page_environment().get_template("held/page.html")


def _said(value: object, zone: ZoneInfo) -> str:
    match value:
        case datetime():
            return f"{value.astimezone(zone):%Y-%m-%d %H:%M:%S}"
        case date():
            return value.isoformat()
        case Mapping():
            return "\n".join(f"{key}: {_said(one, zone)}" for key, one in value.items())
        case list() | tuple():
            return json.dumps(value, ensure_ascii=False, default=str)
        case _:
            return str(value)
