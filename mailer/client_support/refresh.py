"""Makes the kept copy of caniemail's data anew: `make client-support`. Reads what the npm package carries, prints what is kept.

Kept is what the rules ask: for each feature its title, and the newest word on each client that matters here.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from typing import Any

# Group, family and platforms. caniemail has no Chinese provider; `assumed.toml` says what is assumed of them.
_CLIENTS = {
    "gmail": ("gmail", ("desktop-webmail", "ios", "android")),
    "outlook-windows": ("outlook", ("windows",)),
    "outlook": ("outlook", ("outlook-com", "macos", "ios", "android")),
    "apple-mail": ("apple-mail", ("macos", "ios")),
}
_WORST = "nauy"  # not supported, partly, unknown, supported


def kept(document: Mapping[str, Any]) -> dict[str, object]:
    """What is kept of caniemail's document."""
    features = {feature["slug"]: _feature(feature) for feature in document["data"] if feature["category"] in ("css", "html")}
    return {
        "source": "https://www.caniemail.com",
        "licence": "MIT, see client_support.LICENSE",
        "updated": str(document["last_update_date"])[:10],
        "features": dict(sorted(features.items())),
    }


def _feature(feature: Mapping[str, Any]) -> dict[str, str]:
    supports = {group: _worst(feature["stats"].get(family, {}), platforms) for group, (family, platforms) in _CLIENTS.items()}
    return {"title": feature["title"], **{group: support for group, support in supports.items() if support != "y"}}


def _worst(stats: Mapping[str, Mapping[str, str]], platforms: tuple[str, ...]) -> str:
    """`y`, `a` for partly, `n` or `u`; the newest version counts, and of several platforms the poorest."""
    return min(_newest(stats, platforms), key=_WORST.index, default="u")


def _newest(stats: Mapping[str, Mapping[str, str]], platforms: tuple[str, ...]) -> Iterator[str]:
    for platform in platforms:
        if versions := stats.get(platform):
            yield list(versions.values())[-1][0]


def main() -> None:
    """From stdin to stdout."""
    json.dump(kept(json.load(sys.stdin)), sys.stdout, ensure_ascii=False, indent=0, separators=(",", ":"))
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
