"""Every address, asked anything: no answer is an error of ours, sets a cookie, leads elsewhere or repeats what was sent as markup.

JIANBAO_TEST_FUZZ=10000 asks so many times, and other things each time.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, text
from starlette.applications import Starlette
from starlette.routing import Route

from mailer.feedback import Judge, WebhookSecrets
from mailer.issue import Issue
from mailer.provider import ProviderTable
from mailer.reply import ReplyTable
from mailer.tokens import Purpose, Tokens
from mailer.web.app import create_app
from mailer.web.hooks import Hooks
from subscribers.db import transaction
from tests.integration.web.client import Client, running
from tests.integration.web.mailing import BASE_URL, LINKS, NOW, Sent, send

EXAMPLES = int(os.environ.get("JIANBAO_TEST_FUZZ", "150"))
TOKENS = Tokens(b"a key for the tests alone")
MARK = "<x'\"mark>"
PROOF = "Basic " + base64.b64encode(b"jianbao:a password").decode()
SECRETS = {
    "postmark": WebhookSecrets(basic=("jianbao:a password",)),
    "amazon_ses": WebhookSecrets(topics=("arn:aws:sns:us-east-1:1:ours",)),
    "mandrill": WebhookSecrets(keys=("a key",), url="https://bulletin.example.org/hooks/mandrill"),
    "sendgrid": WebhookSecrets(keys=("a key",)),
}
_METHODS = st.sampled_from(["GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "get", "FROB"])
_TRUE = st.builds(TOKENS.sign, st.sampled_from(Purpose), st.sampled_from([1, 2, 3, 999, 2**40 - 1]))
_BROKEN = st.one_of(
    st.text(max_size=40).map(lambda typed: quote(typed, safe="")),
    st.text(alphabet="abcdefghijklmnopqrstuvwxyz234567", min_size=32, max_size=32),
    st.sampled_from(["%00", "..", "%2e%2e", "%ff", "%", "a" * 5000, quote(MARK), "1", "%c0%af", "_"]),
)
_TOKENS = st.one_of(_TRUE, _TRUE.map(str.upper), _TRUE.map(lambda token: token[:-1]), _BROKEN)
_SHAPES = [
    *("/o/{}.gif", "/o/{}", "/c/{}.0", "/c/{}.1", "/c/{}.{}", "/u/{}", "/u/{}/undo", "/v/{}", "/v/{}/receipt", "/p/{}"),
    *("/archive/{}", "/archive/%00{}"),
    *("/archive/bulletin", "/archive/bulletin/{}", "/archive/bulletin/feed.{}", "/archive/bulletin/2023-09"),
    *("/i/{}", f"/i/{'0' * 64}", "/hooks/{}", "/hooks/postmark", "/hooks/amazon_ses", "/hooks/mandrill", "/hooks/sendgrid"),
    *("/join/{}", "/join/members", "/s/{}", "/s/{}/{}", "/healthz", "/{}", "//{}", "/../{}", "/u/{}//", "/c/{}.0/", "*"),
]
_PATHS = st.builds(lambda shape, one, two: shape.format(one, two), st.sampled_from(_SHAPES), _TOKENS, _TOKENS)
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
            "authorization",
            "x-mandrill-signature",
        ]
    ),
    st.one_of(
        st.text(st.characters(codec="latin-1", exclude_categories=["Cc"]), max_size=60),
        st.sampled_from(["en;q=0.9,zh", "*", "application/x-www-form-urlencoded", "multipart/form-data", "bytes=0-0", MARK]),
        st.sampled_from([PROOF, "Basic %", "application/json"]),
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


def _event(type_: str, words: str, when: object) -> bytes:
    """An event as Postmark reports it, or nearly."""
    event = {"RecordType": "Bounce", "Type": type_, "Email": words, "Details": words, "BouncedAt": when, "ID": when}
    return json.dumps(event).encode()


_BODIES = st.one_of(
    st.binary(max_size=200),
    st.just(b"List-Unsubscribe=One-Click"),
    st.just(b"a" * 70_000),
    st.sampled_from([b"[]", b"{}", b"mandrill_events=[]", b"[" * 9_000, b'[{"event": {}, "msg": [1]}]']),
    st.builds(_event, st.text(max_size=20), st.text(max_size=60), st.one_of(st.text(max_size=20), st.integers(), st.none())),
    _FIELDS.map(lambda fields: "&".join(f"{quote(name)}={quote(value)}" for name, value in fields).encode()),
)


@pytest.fixture
def app(engine: Engine, redis_url: str) -> Starlette:
    """All that a stranger can reach."""
    hooks = Hooks(engine, Judge(ReplyTable.load(), ProviderTable.load()), SECRETS, lambda: NOW)
    return create_app(engine, redis_url, TOKENS, base_url=BASE_URL, more_routes=hooks.routes(), clock=lambda: NOW)


@pytest.fixture
def client(app: Starlette) -> Iterator[Client]:
    with running(app) as speaking:
        yield speaking


@pytest.fixture
def sent(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Sent:
    monkeypatch.setattr("mailer.web.limits.LIMITS", ())
    with transaction(engine) as connection:
        found = send(connection, ["zhangsan@cas.example.org", "li@cas.example.org", "wang@cas.example.org"])
        connection.execute(text("UPDATE publication SET archive = 'public', receipt = true"))
        issue = json.dumps(Issue("p", "t", "k", 2023, 9, 1, None, ()).to_json())
        connection.execute(text("UPDATE revision SET content = CAST(:issue AS jsonb)"), {"issue": issue})
    return found


def test_every_address_is_asked(app: Starlette) -> None:
    asked = [shape.format(*given) for shape in _SHAPES for given in (("x", "0"), ("rss", ""), ("atom", ""), ("json", ""))]
    routes = [route for route in app.routes if isinstance(route, Route)]
    assert routes
    assert [route.path for route in routes if not any(route.path_regex.match(path) for path in asked)] == []


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
