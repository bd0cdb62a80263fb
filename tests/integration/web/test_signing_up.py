"""Signing up to a list: the form, the mail that asks, the mailbox's own word; and those who would abuse it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode

import pytest
import redis
from sqlalchemy import Engine, text

from mailer.tokens import Purpose, Tokens
from mailer.web.app import create_app
from subscribers import store, suppression
from subscribers.address import parse_address
from subscribers.models import SuppressionReason
from subscribers.sign_ups import Asked, sign_up
from subscribers.store import NewSubscriber
from subscribers.suppression import NewSuppression
from tests.integration.web.client import Answer, Client, running
from tests.integration.web.mailing import BASE_URL, NOW


@dataclass
class Clock:
    """A clock that a test moves."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Door:
    """The form of the list `bulletin`, and somebody in front of it."""

    client: Client
    clock: Clock
    tokens: Tokens
    engine: Engine

    def sign_up(self, address: str, *, network: str = "203.0.113.7", slug: str = "bulletin", **fields: str) -> Answer:
        """Fetch the form, look at it for ten seconds, and send it."""
        form = self.client.get(f"/join/{slug}")
        token = re.search(r'name="form" value="(\w+)"', form.text)
        assert token is not None
        self.clock.now += timedelta(seconds=10)
        return self.send({"form": token[1], "address": address, "name": "", "website": "", **fields}, network, slug)

    def send(self, fields: dict[str, str], network: str = "203.0.113.7", slug: str = "bulletin") -> Answer:
        body = urlencode(fields).encode()
        headers = {
            "content-type": "application/x-www-form-urlencoded",
            "content-length": str(len(body)),
            "x-forwarded-for": f"192.0.2.{len(body) % 250}",  # What somebody says of himself; the server has judged it already.
        }
        return self.client.request("POST", f"/join/{slug}", headers, body, peer=network)

    def asked(self) -> list[str]:
        """The addresses to which a mail goes."""
        with self.engine.connect() as connection:
            statement = text("SELECT u.address FROM notice n JOIN sign_up u ON u.id = n.sign_up_id ORDER BY n.id")
            return list(connection.execute(statement).scalars())

    def confirmation(self, sign_up: int = 1) -> str:
        """The path of a sign-up's link."""
        return f"/s/{self.tokens.sign(Purpose.CONFIRM, sign_up)}"

    def subscribed(self) -> dict[str, str]:
        with self.engine.connect() as connection:
            statement = text("SELECT s.address, x.state FROM subscription x JOIN subscriber s ON s.id = x.subscriber_id")
            return {row.address: row.state for row in connection.execute(statement)}


@pytest.fixture
def door(engine: Engine, redis_client: redis.Redis, redis_url: str, tokens: Tokens) -> Iterator[Door]:
    del redis_client
    with engine.begin() as connection:
        store.create_list(connection, "bulletin", "信息集锦", double_opt_in=True)
        store.create_list(connection, "closed", "内部")
    clock = Clock()
    with ExitStack() as stack:
        client = stack.enter_context(running(create_app(engine, redis_url, tokens, base_url=BASE_URL, clock=clock)))
        yield Door(client, clock, tokens, engine)


def test_who_signs_up_is_subscribed_when_the_mailbox_has_said_so(door: Door) -> None:
    assert "请查收确认信" in door.sign_up("wang@inst.example", name="王芳").text
    assert door.subscribed() == {}
    page = door.client.get(door.confirmation())
    assert "w***g@inst.example" in page.text
    assert door.subscribed() == {}, "a GET confirms nothing"
    assert "订阅成功" in door.client.post(door.confirmation()).text
    assert door.subscribed() == {"wang@inst.example": "confirmed"}
    with door.engine.connect() as connection:
        consent = connection.execute(text("SELECT method, evidence FROM consent")).one()
        name = connection.execute(text("SELECT name FROM subscriber")).scalar_one()
    assert consent.method == "double opt-in"
    assert "203.0.113.0/24, text 2026-11; confirmed from 127.0.0.1" in consent.evidence
    assert name == "王芳"


def test_confirming_twice_is_confirming_once(door: Door) -> None:
    door.sign_up("wang@inst.example")
    answers = [door.client.post(door.confirmation()).status for _ in range(3)]
    assert answers == [200, 200, 200]
    with door.engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM consent")).scalar_one() == 1


def test_who_left_again_is_not_brought_back_by_an_old_confirmation(door: Door) -> None:
    door.sign_up("wang@inst.example")
    door.client.post(door.confirmation())
    with door.engine.begin() as connection:
        connection.execute(text("UPDATE subscription SET state = 'unsubscribed'"))
    answer = door.client.post(door.confirmation())
    assert answer.status == 410, "nothing is in force, and the page does not say that it were"
    assert "/join/bulletin" in answer.text
    assert door.subscribed() == {"wang@inst.example": "unsubscribed"}


def test_a_confirmation_that_comes_too_late_is_told_so(door: Door) -> None:
    door.sign_up("wang@inst.example")
    door.clock.now += timedelta(days=8)
    assert door.client.get(door.confirmation()).status == door.client.post(door.confirmation()).status == 410
    assert door.subscribed() == {}


@pytest.mark.parametrize(
    ("first", "others"),
    [
        ("wang.fang@gmail.com", ["wangfang@gmail.com", "w.a.n.g.fang+a@gmail.com", "WANGFANG+b@googlemail.com"]),
        ("wang.fang+news@inst.example", ["wang.fang@inst.example", "Wang.Fang+2@inst.example"]),
    ],
)
def test_a_mailbox_is_asked_once_a_day_by_whatever_address(door: Door, first: str, others: list[str]) -> None:
    pages = {door.sign_up(address, network=f"203.0.{number}.7").text for number, address in enumerate((first, *others))}
    assert len(pages) == 1
    assert door.asked() == [first]


def test_other_mailboxes_that_look_alike_are_asked(door: Door) -> None:
    for number, address in enumerate(
        ("wang.fang@inst.example", "wangfang@inst.example", "wang.fang@gmail.com", "+a@inst.example", "+b@inst.example")
    ):
        door.sign_up(address, network=f"203.0.{number}.7")
    assert len(door.asked()) == 5


def test_a_clock_that_was_a_year_ahead_for_a_while_shuts_nobody_out(door: Door) -> None:
    door.clock.now += timedelta(days=365)
    early = [f"reader{number}@inst.example" for number in range(5)]
    for address in early:
        door.sign_up(address)
    door.clock.now -= timedelta(days=365)
    door.sign_up("wang@inst.example")
    assert door.asked() == [*early, "wang@inst.example"]


def test_a_list_without_double_opt_in_has_no_form(door: Door) -> None:
    assert door.client.get("/join/closed").status == door.client.get("/join/nothing").status == 404
    assert door.send({"address": "wang@inst.example"}, slug="closed").status == 404


@pytest.mark.parametrize("token", ["", "a" * 32])
def test_a_forged_token_confirms_nothing(door: Door, token: str) -> None:
    door.sign_up("wang@inst.example")
    assert door.client.post(f"/s/{token}").status == 404
    assert door.client.post(f"/s/{door.tokens.sign(Purpose.UNSUBSCRIBE, 1)}").status == 404


# --- What the page tells nobody --------------------------------------------------------------------------------------------------


def test_the_answer_does_not_tell_who_is_known_here(door: Door) -> None:
    with door.engine.begin() as connection:
        people = [NewSubscriber(parse_address("known@inst.example"))]
        store.add_subscribers(connection, people, 1, method="test", evidence="a test")
        erased = NewSuppression(parse_address("erased@inst.example").hash, SuppressionReason.ERASED, "asked", NOW)
        suppression.suppress(connection, [erased])
    answers = {door.sign_up(f"{who}@inst.example").body for who in ("new", "known", "erased", "new")}
    assert len(answers) == 1
    assert door.asked() == ["new@inst.example"]


def test_an_address_is_asked_once_a_day_and_three_times_a_month(door: Door) -> None:
    for _ in range(6):
        door.sign_up("wang@inst.example")
        door.sign_up("WANG@inst.example")
        door.clock.now += timedelta(days=1)
    assert door.asked() == ["wang@inst.example"] * 3


def test_who_complained_is_asked_after_a_month_at_most(door: Door) -> None:
    complained = NewSuppression(parse_address("wang@inst.example").hash, SuppressionReason.COMPLAINT, "arf", NOW)
    with door.engine.begin() as connection:
        suppression.suppress(connection, [complained])
    for _ in range(4):
        door.sign_up("wang@inst.example")
        door.clock.now += timedelta(days=10)
    assert len(door.asked()) == 2
    door.clock.now -= timedelta(days=9)
    door.client.post(door.confirmation(2))
    with door.engine.connect() as connection:
        assert suppression.of_address(connection, parse_address("wang@inst.example").hash) == []


# --- Bombing ---------------------------------------------------------------------------------------------------------------------


def test_one_network_gets_five_in_an_hour(door: Door) -> None:
    answers = [door.sign_up(f"a{n}@inst{n}.example", network=f"203.0.113.{n}").status for n in range(7)]
    assert answers == [200] * 5 + [429] * 2
    assert door.sign_up("b@inst.example", network="192.0.2.1").status == 200
    assert door.sign_up("c@inst.example", network="2001:db8:1:2::3").status == 200
    assert len(door.asked()) == 7


def test_one_institute_is_not_bombed_from_many_networks(door: Door) -> None:
    answers = [door.sign_up(f"a{n}@inst.example", network=f"10.{n}.0.1").status for n in range(12)]
    assert answers == [200] * 10 + [429] * 2


def test_a_provider_of_mailboxes_may_send_more(door: Door) -> None:
    assert {door.sign_up(f"wang{n}@qq.com", network=f"198.18.{n}.1").status for n in range(15)} == {200}


def test_after_a_hundred_in_an_hour_nobody_is_asked_any_more(door: Door) -> None:
    row = "(1, 'x' || n || '@e.cn', sha256(n::text::bytea), 'e' || n, 'n' || n, 't', :at, :at)"
    with door.engine.begin() as connection:
        columns = "(list_id, address, address_hash, domain, prefix, text_version, requested_at, expires_at)"
        connection.execute(
            text(f"INSERT INTO sign_up {columns} SELECT {row[1:-1]} FROM generate_series(1, 100) n".replace("::", "\\:\\:")),
            {"at": NOW},
        )
    assert door.sign_up("wang@inst.example").status == 429


def test_whom_staff_have_invited_takes_nobodys_place(door: Door) -> None:
    with door.engine.begin() as connection:
        for number in range(120):
            invited = Asked(1, parse_address(f"a{number}@inst.example"), "staff:admin", "test", NOW, by_staff=True)
            assert isinstance(sign_up(connection, invited), int)
    assert door.sign_up("wang@inst.example").status == 200
    assert door.asked() == ["wang@inst.example"]
    assert door.sign_up("a1@inst.example").status == 200
    assert door.asked() == ["wang@inst.example"], "who was asked today is not asked again"


@pytest.mark.parametrize("fields", [{"form": ""}, {"form": "a" * 32}, {}])
def test_a_machine_that_never_saw_the_form_is_asked_to_look_at_it(door: Door, fields: dict[str, str]) -> None:
    assert door.send({"address": "wang@inst.example", **fields}).status == 400
    assert door.asked() == []


def test_a_machine_that_is_too_quick_or_too_late_is_asked_again(door: Door) -> None:
    form = door.tokens.sign(Purpose.FORM, int(NOW.timestamp()))
    assert door.send({"address": "wang@inst.example", "form": form}).status == 400
    door.clock.now += timedelta(days=2)
    assert door.send({"address": "wang@inst.example", "form": form}).status == 400


def test_who_fills_in_what_people_do_not_see_learns_nothing(door: Door) -> None:
    assert door.sign_up("wang@inst.example", website="http://spam.example").status == 200
    assert door.asked() == []


# --- What the form asks first ----------------------------------------------------------------------------------------------------


def test_a_slip_is_asked_about_and_taken_when_it_is_none(door: Door) -> None:
    page = door.sign_up("wang@qq.con", name="王芳")
    assert page.status == 400
    assert "是不是 wang@qq.com？" in page.text
    assert 'value="王芳"' in page.text
    assert door.sign_up("wang@qq.con", **{"as-written": "wang@qq.con"}).status == 200
    assert door.asked() == ["wang@qq.con"]


def test_what_was_typed_in_full_width_and_is_no_slip_is_taken_when_its_box_is_ticked(door: Door) -> None:
    ticked = re.search(r'name="as-written" value="([^"]+)"', door.sign_up("wang＠qq．con").text)
    assert ticked is not None
    assert door.sign_up("wang＠qq．con", **{"as-written": ticked[1]}).status == 200
    assert door.asked() == ["wang@qq.con"]


@pytest.mark.parametrize("address", ["no-reply@inst.example", "x@mailinator.com", "no address", "a\r\nbcc: b@c.example"])
def test_what_nobody_reads_or_is_no_address_is_refused(door: Door, address: str) -> None:
    assert door.sign_up(address).status == 400
    assert door.asked() == []


def test_what_was_typed_is_only_ever_shown_as_text(door: Door) -> None:
    page = door.sign_up('"><script>alert(1)</script>', name="<b>x</b>")
    assert "<script>" not in page.text
    assert "<b>" not in page.text


def test_the_pages_speak_english_too(door: Door) -> None:
    assert "Subscribe to" in door.client.get("/join/bulletin?lang=en").text
