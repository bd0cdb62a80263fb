"""Tables of bounces: what their columns of kinds say, in the words of providers' pages."""

import pytest

from mailer.feedback import Happening, Judge
from mailer.provider import ProviderTable
from mailer.reply import ReplyTable
from mailer.returns.tables import read_table

JUDGE = Judge(ReplyTable.load(), ProviderTable.load())
NOT_DELIVERED = (
    "未送达", "送达失败", "没有送达", "无法送达", "发送不成功", "未成功", "投递失败", "硬退信",
    "Undelivered", "undeliverable", "Not Delivered", "non-delivery", "Delivery failed", "failed delivery", "delivery error", "unsuccessful",
)  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "happening"),
    [
        *((kind, Happening.BOUNCED) for kind in NOT_DELIVERED),
        *((kind, Happening.DELIVERED) for kind in ("已送达", "发送成功", "Delivered", "success")),
        *((kind, Happening.DEFERRED) for kind in ("延迟投递", "Deferred", "delivery delayed")),
        *((kind, Happening.COMPLAINED) for kind in ("投诉", "Spam report")),
        ("已退订", Happening.UNSUBSCRIBED),
    ],
)
def test_what_was_not_delivered_is_told_from_what_was(kind: str, happening: Happening) -> None:
    table = f"收件人,状态,原因\nzhang@institute.example,{kind},550 5.1.1 User unknown\n".encode("gb18030")
    assert [fact.happening for fact in read_table(table, JUDGE).facts] == [happening]
