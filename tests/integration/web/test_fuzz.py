"""Every address, asked anything: no answer is an error of ours, sets a cookie, leads elsewhere or repeats what was sent as markup.

JIANBAO_TEST_FUZZ=10000 asks so many times, and other things each time.
"""

from __future__ import annotations

import json
import os
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, text

from mailer.issue import Issue
from mailer.tokens import Purpose, Tokens
from subscribers.db import transaction
from tests.integration.web.client import Client
from tests.integration.web.mailing import LINKS, Sent, send

EXAMPLES = int(os.environ.get("JIANBAO_TEST_FUZZ", "150"))
TOKENS = Tokens(b"a key for the tests alone")
MARK = "<x'\"mark>"
_METHODS = st.sampled_from(["GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "get", "FROB"])
_TRUE = st.builds(TOKENS.sign, st.sampled_from(Purpose), st.sampled_from([1, 2, 3, 999, 2**40 - 1]))
_BROKEN = st.one_of(
    st.text(max_size=40).map(lambda typed: quote(typed, safe="")),
    st.text(alphabet="abcdefghijklmnopqrstuvwxyz234567", min_size=32, max_size=32),
    st.sampled_from(["%00", "..", "%2e%2e", "%ff", "%", "a" * 5000, quote(MARK), "1", "%c0%af", "_"]),
)
_TOKENS = st.one_of(_TRUE, _TRUE.map(str.upper), _TRUE.map(lambda token: token[:-1]), _BROKEN)
_SHAPES = st.sampled_from(
    [
        *("/o/{}.gif", "/o/{}", "/c/{}.0", "/c/{}.1", "/c/{}.{}", "/u/{}", "/u/{}/undo", "/v/{}", "/v/{}/receipt", "/p/{}"),
        *("/archive/{}", "/archive/%00{}"),
        *("/archive/bulletin", "/archive/bulletin/{}", "/archive/bulletin/feed.{}", "/archive/bulletin/2023-09"),
        *("/join/{}", "/join/members", "/s/{}", "/s/{}/{}", "/healthz", "/{}", "//{}", "/../{}", "/u/{}//", "/c/{}.0/", "*"),
    ]
)
_PATHS = st.builds(lambda shape, one, two: shape.format(one, two), _SHAPES, _TOKENS, _TOKENS)
_QUERIES = st.sampled_from(
    [
        "",
        "?lang=en",
        "?lang=zh&lang=en",
        f"?lang={quote(MARK)}",
        "?url=https://evil.example",
        "?%00=%ff&&&=",
        "?" + "a=b&" * 500,
    ]
)
_HEADERS = st.dictionaries(
    st.sampled_from(
        [
            "accept-language",
            "user-agent",
            "x-forwarded-for",
            "content-type",
            "cookie",
            "referer",
            "range",
            "host",
            "accept-encoding",
        ]
    ),
    st.one_of(
        st.text(st.characters(codec="latin-1", exclude_categories=["Cc"]), max_size=60),
        st.sampled_from(["en;q=0.9,zh", "*", "application/x-www-form-urlencoded", "multipart/form-data", "bytes=0-0", MARK]),
    ),
    max_size=4,
)
_FIELDS = st.lists(
    st.tuples(
        st.sampled_from(["act", "list", "shown", "days-1", "language", "tracking", "name", "address", "from", "phone", "x"]),
        st.one_of(
            st.sampled_from(["save", "contact", "successor", "1", "page", "en", "none", "individual", "a@b.example", MARK, ""]),
            st.text(max_size=30),
        ),
    ),
    max_size=8,
)
_BODIES = st.one_of(
    st.binary(max_size=200),
    st.just(b"List-Unsubscribe=One-Click"),
    st.just(b"a" * 70_000),
    _FIELDS.map(lambda fields: "&".join(f"{quote(name)}={quote(value)}" for name, value in fields).encode()),
)


@pytest.fixture
def sent(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Sent:
    monkeypatch.setattr("mailer.web.limits.LIMITS", ())
    with transaction(engine) as connection:
        found = send(connection, ["zhangsan@cas.example.org", "li@cas.example.org", "wang@cas.example.org"])
        connection.execute(text("UPDATE publication SET archive = 'public', receipt = true"))
        issue = json.dumps(Issue("p", "t", "k", 2023, 9, 1, None, ()).to_json())
        connection.execute(text("UPDATE revision SET content = CAST(:issue AS jsonb)"), {"issue": issue})
    return found


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize="JIANBAO_TEST_FUZZ" not in os.environ,
    suppress_health_check=list(HealthCheck),
)
@given(asked=st.tuples(_METHODS, _PATHS, _QUERIES), headers=_HEADERS, body=_BODIES)
def test_whatever_is_asked_is_answered_in_order(
    client: Client, sent: Sent, asked: tuple[str, str, str], headers: dict[str, str], body: bytes
) -> None:
    method, path, query = asked
    answer = client.request(method, path + query, headers, body)
    assert answer.status < 500, (method, path)
    assert "set-cookie" not in answer.headers
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    if "location" in answer.headers:
        assert answer.headers["location"] in {quote(link, safe=":/?=&") for link in LINKS}
    if answer.headers.get("content-type", "").startswith("text/html"):
        assert MARK not in answer.body.decode()
        assert "<script" not in answer.body.decode()
    assert len(sent.delivery_ids) == 3
