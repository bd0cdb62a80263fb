"""The pictures of issues on the web."""

from sqlalchemy import Engine

from mailer.pictures import keep_pictures
from subscribers.db import transaction
from tests.integration.web.client import Client

OCTETS = b"\x89PNG\r\n\x1a\noctets"
SHA256 = "ab" * 32


def test_a_picture_is_given_by_its_hash_and_kept_by_caches(client: Client, engine: Engine) -> None:
    with transaction(engine) as connection:
        keep_pictures(connection, {SHA256: OCTETS})
        keep_pictures(connection, {SHA256: OCTETS})
    answer = client.get(f"/i/{SHA256}")
    assert (answer.status, answer.body) == (200, OCTETS)
    assert answer.headers["content-type"] == "image/png"
    assert "immutable" in answer.headers["cache-control"]


def test_another_address_has_none(client: Client) -> None:
    assert [client.get(f"/i/{name}").status for name in ("cd" * 32, "x", "..%2Fetc", "a" * 64)] == [404] * 4
