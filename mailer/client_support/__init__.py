"""Which mail programs know a feature of CSS or HTML: a dated copy of caniemail's data, and what is assumed of Chinese webmail."""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files


class Client(StrEnum):
    """The programs that matter here, as findings name them."""

    GMAIL = "gmail"
    OUTLOOK_WINDOWS = "outlook-windows"
    OUTLOOK = "outlook"
    APPLE_MAIL = "apple-mail"
    QQ = "qq"
    NETEASE = "netease"


class Support(StrEnum):
    """How far a program knows a feature; what nobody has tried is UNKNOWN."""

    YES = "y"
    PARTLY = "a"
    NO = "n"
    UNKNOWN = "u"


TITLES = {
    Client.GMAIL: "Gmail",
    Client.OUTLOOK_WINDOWS: "Outlook for Windows",
    Client.OUTLOOK: "Outlook's apps and webmail",
    Client.APPLE_MAIL: "Apple Mail",
    Client.QQ: "QQ Mail (assumed)",
    Client.NETEASE: "163 (assumed)",
}


@dataclass(frozen=True, slots=True)
class Feature:
    """A feature of CSS or HTML by caniemail's name, like `css-border-radius`."""

    slug: str
    title: str
    support: dict[Client, Support]


@dataclass(frozen=True, slots=True)
class SupportTable:
    """Every feature by its slug; `updated` is the day that caniemail gives its data."""

    updated: str
    features: dict[str, Feature]

    def unknown_to(self, slug: str, *clients: Client) -> list[Client]:
        """Which of these clients do not have the feature."""
        feature = self.features.get(slug)
        return [client for client in clients if feature and feature.support.get(client, Support.YES) is Support.NO]


@cache
def support_table() -> SupportTable:
    """The kept copy, read once."""
    folder = files("mailer.client_support")
    document = json.loads((folder / "client_support.json").read_text(encoding="utf-8"))
    assumed = tomllib.loads((folder / "assumed.toml").read_text(encoding="utf-8"))
    features = {slug: _feature(slug, entry, assumed) for slug, entry in document["features"].items()}
    return SupportTable(document["updated"], features)


def _feature(slug: str, entry: dict[str, str], assumed: dict[str, dict[str, list[str]]]) -> Feature:
    support = {client: Support(entry[client]) for client in Client if client in entry}
    support |= {Client(name): Support.NO for name, profile in assumed.items() if slug in profile["without"]}
    return Feature(slug, entry["title"], support)
