"""The page of preferences: what is asked for is in force at once, what concerns the institute waits for staff."""

from __future__ import annotations

import unicodedata
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, text

from mailer import proposals
from mailer.preferences import set_reading
from mailer.reader_models import ProposalKind, ProposalState
from mailer.tokens import Purpose, Tokens
from mailer.web.forms import Form, one_line
from subscribers.address import parse_address
from subscribers.db import transaction
from subscribers.errors import InputError
from subscribers.models import TrackingMode
from subscribers.store import NewSubscriber, add_subscribers, create_list
from subscribers.tasks import task_list
from tests import factories
from tests.integration.web.client import Answer, Client
from tests.integration.web.mailing import NOW, Sent, send


@pytest.fixture
def sent(engine: Engine) -> Sent:
    """Somebody on two lists, and somebody else."""
    with transaction(engine) as connection:
        found = send(connection, ["zhangsan@cas.example.org", "li@cas.example.org"])
        other = create_list(connection, "notices", "通知")
        person = [NewSubscriber(parse_address("zhangsan@cas.example.org"))]
        add_subscribers(connection, person, other, method="import", evidence="test")
        set_reading(connection, found.list_id, tracking=TrackingMode.INDIVIDUAL, frequencies=[90, 30])
    return found


@pytest.fixture
def path(tokens: Tokens, sent: Sent) -> str:
    return f"/p/{tokens.sign(Purpose.PREFERENCES, sent.delivery_ids[0])}"


def _post(client: Client, path: str, *fields: tuple[str, str]) -> Answer:
    return client.post(path, urlencode(fields).encode())


def _save(client: Client, path: str, *fields: tuple[str, str]) -> Answer:
    return _post(client, path, ("act", "save"), ("shown", "1"), ("shown", "2"), *fields)


def _rows(engine: Engine, statement: str) -> list[tuple[object, ...]]:
    with transaction(engine) as connection:
        return [tuple(row) for row in connection.execute(text(statement))]


STATES = "SELECT list_id, subscription.state FROM subscription WHERE subscriber_id = 1 ORDER BY list_id"


def test_what_is_ticked_is_received_and_what_is_not_is_left_with_its_line_in_the_ledger(
    client: Client, engine: Engine, path: str
) -> None:
    assert "设置已保存" in _save(client, path, ("list", "2")).text
    assert _rows(engine, STATES) == [(1, "unsubscribed"), (2, "confirmed")]
    assert _rows(engine, "SELECT kind, delivery_id FROM event") == [("unsubscribe", 1)]
    _save(client, path, ("list", "1"))
    assert _rows(engine, STATES) == [(1, "confirmed"), (2, "unsubscribed")]
    ledger = "SELECT list_id, state, method, evidence FROM consent WHERE method <> 'import' ORDER BY id"
    assert _rows(engine, ledger) == [
        (1, "unsubscribed", "preferences", "delivery 1"),
        (1, "confirmed", "preferences", "delivery 1"),
        (2, "unsubscribed", "preferences", "delivery 1"),
    ]


def test_saving_twice_is_saving_once(client: Client, engine: Engine, path: str) -> None:
    for _ in range(2):
        _save(client, path, ("list", "2"), ("tracking", "none"), ("language", "en"), ("days-1", "30"))
    assert len(_rows(engine, "SELECT FROM consent WHERE method = 'preferences'")) == 1
    assert _rows(engine, "SELECT subscriber_id, wish FROM reader_tracking") == [(1, "none")]
    assert _rows(engine, "SELECT list_id, subscriber_id, days FROM reader_frequency") == [(1, 1, 30)]
    assert _rows(engine, "SELECT language FROM subscriber WHERE id = 1") == [("en",)]


def test_the_language_that_was_chosen_is_the_language_of_every_page_of_theirs(
    client: Client, tokens: Tokens, sent: Sent, path: str
) -> None:
    assert "Saved, and in force now" in _save(client, path, ("list", "1"), ("list", "2"), ("language", "en")).text
    leave = client.get(f"/u/{tokens.sign(Purpose.UNSUBSCRIBE, sent.delivery_ids[0])}")
    assert '<html lang="en">' in leave.text
    assert '<html lang="zh-CN">' in client.get(f"/u/{tokens.sign(Purpose.UNSUBSCRIBE, sent.delivery_ids[1])}").text


@pytest.mark.parametrize(
    "fields",
    [
        (("list", "99"), ("shown", "99")),
        (("list", "-1"), ("list", "1e9"), ("list", "٣"), ("list", "")),
        (("tracking", "everything"), ("language", "fr"), ("days-1", "31"), ("days-2", "30")),
    ],
)
def test_what_was_not_offered_cannot_be_had(
    client: Client, engine: Engine, path: str, fields: tuple[tuple[str, str], ...]
) -> None:
    assert _save(client, path, ("list", "1"), ("list", "2"), *fields).status == 200
    assert _rows(engine, STATES) == [(1, "confirmed"), (2, "confirmed")]
    assert _rows(engine, "SELECT FROM reader_tracking") == _rows(engine, "SELECT FROM reader_frequency") == []


def test_a_list_that_came_after_the_page_was_shown_is_not_left(client: Client, engine: Engine, path: str) -> None:
    _post(client, path, ("act", "save"), ("shown", "1"), ("list", "1"))
    assert _rows(engine, STATES) == [(1, "confirmed"), (2, "confirmed")]


def test_being_counted_by_person_is_offered_only_where_a_list_does_it(client: Client, engine: Engine, path: str) -> None:
    assert 'value="individual"' in client.get(path).text
    with transaction(engine) as connection:
        set_reading(connection, 1, tracking=TrackingMode.AGGREGATE)
    assert 'value="individual"' not in client.get(path).text
    _save(client, path, ("list", "1"), ("tracking", "individual"))
    assert _rows(engine, "SELECT FROM reader_tracking") == []


def test_a_hundred_gets_change_nothing_and_an_unknown_act_neither(client: Client, engine: Engine, path: str) -> None:
    before = _rows(engine, STATES)
    assert {answer.status for answer in client.together(*[("GET", f"{path}?act=save&shown=1")] * 100)} == {200}
    assert _post(client, path, ("act", "erase"), ("shown", "1")).status == 400
    assert client.post(path, b"\xff\xfe").status == 400
    assert client.post(path, b"&".join([b"act=save"] * 5000)).status == 400
    assert _rows(engine, STATES) == before


def test_contact_data_waits_for_staff_and_is_in_force_when_accepted(client: Client, engine: Engine, path: str) -> None:
    answer = _post(client, path, ("act", "contact"), ("name", "张 三\n\u202e"), ("phone", "010-12345678"), ("role", ""))
    assert "核对后更新" in answer.text
    assert _rows(engine, "SELECT name, phone FROM subscriber WHERE id = 1") == [("王老师", None)]
    with transaction(engine) as connection:
        (found,) = proposals.proposals(connection)
        (task,) = task_list(connection)
        assert found.fields == {"name": "张 三", "phone": "010-12345678"}
        assert f"proposal {found.id}" in task.about
        proposals.accept(connection, found.id, by="staff", now=NOW)
        assert task_list(connection) == []
    assert _rows(engine, "SELECT name, phone FROM subscriber WHERE id = 1") == [("张 三", "010-12345678")]


def test_a_successor_takes_the_place_of_the_contact_when_accepted(client: Client, engine: Engine, path: str) -> None:
    _post(client, path, ("act", "successor"), ("name", "李四"), ("address", "LiSi@cas.example.org"))
    with transaction(engine) as connection:
        (found,) = proposals.proposals(connection)
        proposals.accept(connection, found.id, by="staff", now=NOW)
    confirmed = """SELECT address, list_id FROM subscription JOIN subscriber ON subscriber.id = subscriber_id
                   WHERE subscription.state = 'confirmed' ORDER BY 1, 2"""
    assert sorted((str(address).lower(), number) for address, number in _rows(engine, confirmed)) == [
        ("li@cas.example.org", 1),
        ("lisi@cas.example.org", 1),
        ("lisi@cas.example.org", 2),
    ]
    assert _rows(engine, "SELECT institute_id FROM subscriber WHERE name = '李四'") == _rows(
        engine, "SELECT institute_id FROM subscriber WHERE id = 1"
    )


def test_a_later_proposal_takes_the_place_of_an_open_one_and_each_is_settled_once(
    client: Client, engine: Engine, path: str
) -> None:
    for name in ("甲", "乙"):
        _post(client, path, ("act", "contact"), ("name", name))
    with transaction(engine) as connection:
        assert [one.fields["name"] for one in proposals.proposals(connection)] == ["乙"]
        assert len(task_list(connection)) == 1
        assert proposals.decline(connection, 2, by="staff", now=NOW).state is ProposalState.DECLINED
        with pytest.raises(InputError, match="declined already"):
            proposals.accept(connection, 2, by="staff", now=NOW)
        with pytest.raises(InputError, match="jianbao proposal list"):
            proposals.find_proposal(connection, 9)


def test_a_button_that_is_pressed_twice_proposes_twice_and_the_later_stays_open(engine: Engine, sent: Sent) -> None:
    def press() -> None:
        with transaction(engine) as other:
            proposals.propose(other, 1, ProposalKind.CONTACT, {"name": "乙"}, NOW)

    with ThreadPoolExecutor(1) as threads, engine.connect().execution_options(isolation_level="AUTOCOMMIT") as observer:
        with transaction(engine) as connection:
            proposals.propose(connection, 1, ProposalKind.CONTACT, {"name": "甲"}, NOW)
            pressed = threads.submit(press)
            while not observer.execute(factories.WAITING_FOR_LOCKS).scalar_one():
                assert not pressed.done()
        pressed.result()
    with transaction(engine) as connection:
        assert [one.fields["name"] for one in proposals.proposals(connection)] == ["乙"]
        assert len(task_list(connection)) == 1


@pytest.mark.parametrize(
    "fields",
    [(("act", "successor"), ("address", "nobody")), (("act", "successor"),), (("act", "contact"), ("name", " \u200b "))],
)
def test_what_cannot_be_right_is_marked_where_it_stands_and_nothing_is_kept(
    client: Client, engine: Engine, path: str, fields: tuple[tuple[str, str], ...]
) -> None:
    answer = _post(client, path, *fields)
    assert answer.status == 422
    assert 'aria-invalid="true"' in answer.text
    assert 'role="alert"' in answer.text
    assert _rows(engine, "SELECT FROM proposal") == []


def test_what_a_reader_types_comes_back_as_text(client: Client, path: str) -> None:
    answer = _post(client, path, ("act", "successor"), ("name", "<script>alert(1)</script>\"'>"), ("address", "{{7*7}}<b>"))
    assert "<script" not in answer.text
    assert "<b>" not in answer.text
    assert "&lt;script&gt;" in answer.text


def test_a_token_for_leaving_is_none_for_preferences_and_the_other_way_round(
    client: Client, tokens: Tokens, sent: Sent
) -> None:
    delivery = sent.delivery_ids[0]
    assert client.get(f"/p/{tokens.sign(Purpose.UNSUBSCRIBE, delivery)}").status == 404
    assert client.post(f"/u/{tokens.sign(Purpose.PREFERENCES, delivery)}").status == 404
    assert client.get(f"/p/{tokens.sign(Purpose.PREFERENCES, 777_777)}").status == 404


def test_the_fields_of_one_reader_cannot_name_another(
    client: Client, engine: Engine, tokens: Tokens, sent: Sent, path: str
) -> None:
    other = tokens.sign(Purpose.PREFERENCES, sent.delivery_ids[1])
    _save(client, f"{path}?token={other}", ("token", other), ("subscriber_id", "2"), ("delivery", "2"))
    assert _rows(engine, "SELECT state FROM subscription WHERE subscriber_id = 2") == [("confirmed",)]


def test_somebody_whose_record_is_gone_has_no_preferences(client: Client, engine: Engine, path: str) -> None:
    with transaction(engine) as connection:
        connection.execute(text("UPDATE delivery SET subscriber_id = 999 WHERE id = 1"))
    assert client.get(path).status == 404


def test_whose_record_was_merged_chooses_for_the_one_that_remains(client: Client, engine: Engine, path: str) -> None:
    with transaction(engine) as connection:
        connection.execute(text("UPDATE subscriber SET merged_into_id = 2, state = 'merged' WHERE id = 1"))
    _save(client, path, ("language", "en"))
    assert _rows(engine, "SELECT id FROM subscriber WHERE language = 'en'") == [(2,)]
    assert _rows(engine, "SELECT state FROM subscription WHERE subscriber_id = 2") == [("unsubscribed",)]


@given(typed=st.text(max_size=300))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_line_is_one_line_whatever_was_typed(typed: str) -> None:
    line = one_line(typed)
    assert len(line) <= 120
    assert not [letter for letter in line if unicodedata.category(letter) in ("Cc", "Cf", "Cs", "Zl", "Zp")]
    assert one_line(line) == line


@given(body=st.binary(max_size=300))
def test_any_body_is_a_form_or_an_empty_one(body: bytes) -> None:
    form = Form.read(body)
    assert isinstance(form.line("a"), str)
    assert all(number >= 0 for number in form.numbers("list"))


def test_all_that_a_reader_does_by_a_page_is_in_the_audit(
    client: Client, engine: Engine, path: str, tokens: Tokens, sent: Sent
) -> None:
    """On the list stays who was there; the notices are left; the rest is changed."""
    _save(client, path, ("list", "1"), ("days-1", "30"), ("language", "en"), ("tracking", "individual"))
    client.post(f"/v/{tokens.sign(Purpose.VIEW, sent.delivery_ids[0])}/receipt")
    _post(client, path, ("act", "contact"), ("name", "张三丰"), ("phone", ""))
    leave = f"/u/{tokens.sign(Purpose.UNSUBSCRIBE, sent.delivery_ids[1])}"
    client.post(leave, b"List-Unsubscribe=One-Click")
    client.post(f"{leave}/undo")
    done = _rows(engine, "SELECT action, subject, subject_id, actor FROM audit WHERE actor = 'reader' ORDER BY id")
    assert [row[0] for row in done] == ["unsubscribe", "update", "acknowledge", "propose", "unsubscribe", "subscribe"]
    assert {row[1:] for row in done} == {
        ("subscription", 1, "reader"),
        ("subscriber", 1, "reader"),
        ("subscription", 2, "reader"),
    }
    changed = _rows(engine, "SELECT before, after FROM audit WHERE action = 'update' AND actor = 'reader'")
    assert changed[0][1] == {"days of members": 30, "language": "en", "counting": "individual"}
