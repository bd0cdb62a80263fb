from dataclasses import replace

import pytest

from mailer.issues import PublicationRecord
from mailer.publishing import letterhead_of
from mailer.settings import read_settings
from subscribers.errors import InputError
from tests.unit.message.composing import LETTERHEAD


def has_one_click(base_url: str) -> bool:
    fields = replace(LETTERHEAD, base_url=base_url).fields()
    return b"List-Unsubscribe-Post: List-Unsubscribe=One-Click" in fields


@pytest.mark.parametrize("url", ["https://b.example.org", "http://localhost:8025", "http://127.0.0.1:8025", "http://[::1]/x"])
def test_one_click_is_promised_over_https_and_on_this_machine(url):
    assert has_one_click(url)


@pytest.mark.parametrize("url", ["http://b.example.org", "http://10.0.0.1:8025", "http://localhost.example.org"])
def test_one_click_is_not_promised_where_the_post_could_be_read(url):
    assert not has_one_click(url)


def test_a_slash_at_the_end_of_the_base_url_is_not_doubled():
    field = replace(LETTERHEAD, base_url="https://b.example.org/jianbao/", unsubscribe_mailto=None).unsubscribe_field("t")
    assert field == b"List-Unsubscribe: <https://b.example.org/jianbao/u/t>"


def test_the_mailbox_in_a_mailto_is_escaped():
    field = replace(LETTERHEAD, unsubscribe_mailto="leave?now&then+x@example.org").unsubscribe_field("t")
    assert b"<mailto:leave%3Fnow%26then+x@example.org?subject=u-t>" in field


@pytest.mark.parametrize(
    ("domain", "sender"), [("a.cn", "acn00"), ("bulletin-of.example-association.org.cn", "bulletinofexamp")]
)
def test_the_sender_in_the_feedback_id_has_5_to_15_characters(domain, sender):
    field = replace(LETTERHEAD, from_address=f"x@{domain}").feedback_field(3, "bulletin")
    assert field == f"Feedback-ID: 3:bulletin.example.org:bulletin:{sender}".encode()


def test_a_chinese_domain_of_ours_is_written_in_ascii():
    ours = replace(LETTERHEAD, from_address="jianbao@例子.中国", bounce_domain="退信.例子.中国")
    assert ours.domain == "xn--fsqu00a.xn--fiqs8s"
    assert ours.return_path("t") == "b-t@xn--vuq167m.xn--fsqu00a.xn--fiqs8s"


@pytest.mark.parametrize(
    ("field", "value", "use"),
    [
        ("from_address", "简报@example.org", lambda letterhead: letterhead.sender),
        ("from_address", "nobody", lambda letterhead: letterhead.fields()),
        ("reply_to", "a@b@c.cn", lambda letterhead: letterhead.fields()),
        ("list_id", "信息集锦", lambda letterhead: letterhead.fields()),
        ("list_id", "bulletin", lambda letterhead: letterhead.fields()),
        ("base_url", "bulletin.example.org", lambda letterhead: letterhead.web),
        ("base_url", "https://x.cn/>\r\nBcc: y", lambda letterhead: letterhead.web),
        ("bounce_domain", "not a domain", lambda letterhead: letterhead.return_path("t")),
        ("unsubscribe_mailto", "leave", lambda letterhead: letterhead.unsubscribe_field("t")),
    ],
)
def test_what_cannot_be_written_is_refused_by_the_name_of_its_setting(field, value, use):
    with pytest.raises(InputError, match=f"^{field}: "):
        use(replace(LETTERHEAD, **{field: value}))


@pytest.mark.parametrize("field", ["from_name", "list_name", "organisation", "language"])
def test_a_line_break_in_what_we_say_of_ourselves_is_refused(field):
    with pytest.raises(InputError, match=r"U\+000A"):
        replace(LETTERHEAD, **{field: "简报\nBcc: x@example.org"}).fields()


@pytest.mark.parametrize(
    ("title", "kind", "name"),
    [("信息集锦", "简报", "信息集锦简报"), ("科研动态", "动态", "科研动态"), ("简报", "简报", "简报")],
)
def test_the_list_is_named_as_the_publication_is_and_no_word_twice(title, kind, name):
    publication = PublicationRecord(1, "xxjj", title, kind, "联合会", "news@example.org", "official", {}, needs_approval=False)
    letterhead = letterhead_of(publication, read_settings({}))
    assert (letterhead.from_name, letterhead.list_name) == (f"联合会《{title}》", name)
