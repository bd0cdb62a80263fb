"""A small edition and its letterhead, and what a reader of the message makes of it."""

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from email import message_from_bytes, policy
from email.message import EmailMessage

from mailer.edition import Edition, Field, Hole, Segments
from mailer.message import Composer, Letterhead, Recipient
from mailer.tokens import Purpose, Tokens

TOKENS = Tokens(b"a key of more than 16 octets")
DATE = datetime(2023, 8, 3, 9, 30, tzinfo=timezone(timedelta(hours=8)))
LETTERHEAD = Letterhead(
    from_name="中国研究所联合会",
    from_address="bulletin@example.org",
    reply_to="office@example.org",
    list_name="信息集锦",
    list_id="bulletin.example.org",
    base_url="https://bulletin.example.org/",
    bounce_domain="bounce.example.org",
    unsubscribe_mailto="leave@example.org",
    organisation="联合会",
)
EDITION = Edition(
    subject="【信息集锦】2023年第9期（总第190期）",
    html=(
        "<html><body><p>",
        Hole(Field.SALUTATION),
        "（",
        Hole(Field.INSTITUTE),
        "）：</p>\n<p>正文 100%。</p><a href='",
        Hole(Field.CLICK_URL),
        ".0'>一</a> <a href='",
        Hole(Field.CLICK_URL),
        ".17'>二</a> <a href='",
        Hole(Field.VIEW_URL),
        "'>网页</a> <a href='",
        Hole(Field.UNSUBSCRIBE_URL),
        "'>退订</a> ",
        Hole(Field.ADDRESS),
        "<img src='",
        Hole(Field.PIXEL_URL),
        "' alt=''></body></html>\n",
    ),
    text=(
        Hole(Field.SALUTATION),
        "：\r\n\n.正文以点开头\n",
        Hole(Field.CLICK_URL),
        ".0\n退订：",
        Hole(Field.UNSUBSCRIBE_URL),
        "\n",
        Hole(Field.ADDRESS),
        Hole(Field.INSTITUTE),
    ),
    links=("https://example.org/one", "https://example.org/two"),
)
ZHANG = Recipient(4711, "zhang@iphy.example.cn", "张三", "物理研究所")


def composer(edition: Edition = EDITION, letterhead: Letterhead = LETTERHEAD, **others) -> Composer:
    return Composer(edition, letterhead, TOKENS, **{"mailing_id": 12, "date": DATE, **others})


@dataclass(frozen=True)
class Read:
    """A message as Python's email package reads it."""

    message: EmailMessage

    @classmethod
    def from_octets(cls, content: bytes) -> "Read":
        return cls(message_from_bytes(content, policy=policy.default))

    @property
    def defects(self) -> list[object]:
        parts = list(self.message.walk())
        return [*(defect for part in parts for defect in part.defects), *(d for v in self.message.values() for d in v.defects)]

    @property
    def text(self) -> str:
        return self.message.get_body(("plain",)).get_content()

    @property
    def html(self) -> str:
        return self.message.get_body(("html",)).get_content()

    def __getitem__(self, name: str) -> str:
        return str(self.message[name])


def plainly_filled(segments: Segments, fields: dict[Field, str]) -> str:
    """The segments with their holes filled, line ends as CRLF."""
    filled = "".join(fields[part.field] if isinstance(part, Hole) else part for part in segments)
    return filled.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\r\n")


def urls(delivery_id: int, base: str = "https://bulletin.example.org") -> dict[Field, str]:
    """The URL fields of a delivery."""
    return {
        Field.PIXEL_URL: f"{base}/o/{TOKENS.sign(Purpose.OPEN, delivery_id)}.gif",
        Field.CLICK_URL: f"{base}/c/{TOKENS.sign(Purpose.CLICK, delivery_id)}",
        Field.UNSUBSCRIBE_URL: f"{base}/u/{TOKENS.sign(Purpose.UNSUBSCRIBE, delivery_id)}",
        Field.VIEW_URL: f"{base}/v/{TOKENS.sign(Purpose.VIEW, delivery_id)}",
    }
