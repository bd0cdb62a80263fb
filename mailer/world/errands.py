"""The requests that a reader makes for one message, worked out before the first of them leaves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from mailer.world.habits import SCANNER, Habit
from mailer.world.ledger import Deed
from mailer.world.links import Links

_IMAGES = {"Accept": "image/avif,image/webp,image/apng,image/*,*/*;q=0.8"}
_PAGES = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8", "Accept-Language": "zh-CN,zh;q=0.9"}
_ONE_CLICK = {"Content-Type": "application/x-www-form-urlencoded"}
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True, slots=True)
class Errand:
    """One request: what for, and what is sent."""

    deed: Deed
    method: str
    url: str
    agent: str
    ip_address: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    def went_well(self, status: int, location: str | None) -> bool:
        """Whether the answer is what it has to be: an image, a redirect, RFC 8058's success, for a scanner anything harmless."""
        match self.deed:
            case Deed.OPEN:
                return status == 200
            case Deed.CLICK:
                return status in _REDIRECTS and bool(location)
            case Deed.UNSUBSCRIBE:
                return 200 <= status < 300  # RFC 8058 §3.1: never a redirect.
            case Deed.SCAN:
                return status < 400


def errands(habit: Habit, links: Links, choice: float) -> Iterator[Errand]:
    """What the reader with `habit` does with `links`, in order. `choice` in [0, 1) says which link is clicked."""
    if habit.scanned:
        everything = (links.pixel, *links.clicks, *links.pages, links.one_click)
        for url in dict.fromkeys(url for url in everything if url):
            yield Errand(Deed.SCAN, "GET", url, SCANNER, habit.ip_address)
        return
    if habit.opens and links.pixel:
        yield Errand(Deed.OPEN, "GET", links.pixel, habit.image_agent, habit.ip_address, _IMAGES)
    if habit.clicks and links.clicks:
        url = links.clicks[int(choice * len(links.clicks))]
        yield Errand(Deed.CLICK, "GET", url, habit.browser, habit.ip_address, _PAGES)
    if habit.leaves and links.one_click:
        body = b"List-Unsubscribe=One-Click"  # RFC 8058 §3.2
        yield Errand(Deed.UNSUBSCRIBE, "POST", links.one_click, habit.browser, habit.ip_address, _ONE_CLICK, body)
