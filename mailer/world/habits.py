"""What one reader does with mail: decided by the address and a seed, so that it is known beforehand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mailer.world.chance import fraction, pick
from mailer.world.providers import Provider, provider_of

_CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36"
_EDGE = f"{_CHROME} Edg/138.0.0.0"
_SAFARI = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15"
)
_QQ_BROWSER = f"{_CHROME} QQBrowser/19.3.0"
_IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148"
_WECHAT = f"{_IPHONE} MicroMessenger/8.0.60 Language/zh_CN"
_APPLE_MAIL = "Mozilla/5.0"  # Mail Privacy Protection loads images with nothing else in the field.
_OUTLOOK = (
    "Mozilla/4.0 (compatible; MSIE 7.0; Windows NT 10.0; WOW64; Trident/7.0; Microsoft Outlook 16.0; ms-office; MSOffice 16)"
)
_GOOGLE_PROXY = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"
SCANNER = "Mozilla/5.0 (compatible; MailGatewayScanner/2.1)"

_BROWSERS = (_CHROME, _CHROME, _EDGE, _SAFARI, _QQ_BROWSER, _IPHONE, _WECHAT)
_DESKTOPS = (_CHROME, _CHROME, _OUTLOOK, _OUTLOOK, _APPLE_MAIL, _IPHONE)
_LOADS_IMAGES: Mapping[Provider, tuple[str, ...]] = {
    Provider.TENCENT: (_CHROME, _QQ_BROWSER, _IPHONE, _WECHAT),
    Provider.NETEASE: (_CHROME, _EDGE, _IPHONE),
    Provider.GOOGLE: (_GOOGLE_PROXY,),
    Provider.MICROSOFT: (_OUTLOOK, _EDGE),
}


@dataclass(frozen=True, slots=True)
class Chances:
    """How many of the readers, as fractions, do what; `scanned` mailboxes lie behind a machine that follows every link."""

    opens: float = 0.45
    clicks: float = 0.15
    leaves: float = 0.01
    scanned: float = 0.02


@dataclass(frozen=True, slots=True)
class Habit:
    """What is done with a message, with which User-Agent, from which address (RFC 3849's documentation prefix)."""

    scanned: bool
    opens: bool
    clicks: bool
    leaves: bool
    image_agent: str
    browser: str
    ip_address: str

    @property
    def idle(self) -> bool:
        """Whether nothing is done at all."""
        return not (self.scanned or self.opens or self.clicks or self.leaves)


def habit(address: str, seed: int, chances: Chances) -> Habit:
    """The habit of the reader at `address`. Who clicks or leaves has opened; behind a scanner nobody reads."""
    scanned = fraction(seed, "scanned", address) < chances.scanned
    clicks = not scanned and fraction(seed, "clicks", address) < chances.clicks
    leaves = not scanned and fraction(seed, "leaves", address) < chances.leaves
    also_opens = max(0.0, chances.opens - chances.clicks) / max(1 - chances.clicks, 1e-9)
    host = int(fraction(seed, "host", address) * 2**32)
    return Habit(
        scanned=scanned,
        opens=clicks or leaves or (not scanned and fraction(seed, "opens", address) < also_opens),
        clicks=clicks,
        leaves=leaves,
        image_agent=pick(_LOADS_IMAGES.get(provider_of(address), _DESKTOPS), seed, "images", address),
        browser=pick(_BROWSERS, seed, "browser", address),
        ip_address=f"2001:db8:{host >> 16:x}:{host & 0xFFFF:x}::1",
    )
