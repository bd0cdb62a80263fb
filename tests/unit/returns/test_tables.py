"""Tables of bounces: what their columns of kinds say, in the words of providers' pages."""

import pytest

from mailer.feedback import Happening, Judge
from mailer.provider import ProviderTable
from mailer.reply import ReplyTable
from mailer.returns.tables import parts_of, read_table

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


@pytest.mark.parametrize("charset", ["utf-8", "utf-8-sig", "gb18030"])
def test_a_large_table_is_read_in_parts_as_it_is_read_whole(charset: str) -> None:
    rows = [f'zhang{number}@institute.example;"硬退信\r\n""{number}""";550 5" User unknown\r\n' for number in range(3000)]
    whole = ("收件人;状态;原因\r\n" + "".join(rows)).encode(charset)
    parts = list(parts_of(whole))
    assert len(parts) > 3
    assert max(map(len, parts)) < 40_000
    assert [fact for part in parts for fact in read_table(part, JUDGE).facts] == list(read_table(whole, JUDGE).facts)


@pytest.mark.parametrize("table", [b"", b"email\n", "收件人\na@b.example\n".encode("gb18030"), b"email\n" + b"a" * 100_000])
def test_a_table_that_is_not_large_or_one_line_is_left_as_it_is(table: bytes) -> None:
    assert list(parts_of(table)) == [table]
