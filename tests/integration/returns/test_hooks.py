"""What mail services report by HTTP, to the real application, on its way into final states."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, text

from mailer import departures
from mailer.feedback import WebhookSecrets
from mailer.feedback.webhooks import LARGEST_BODY
from mailer.feedback_models import Way
from mailer.reply import ReplyTable
from mailer.returns import intake
from mailer.returns.arrivals import Arrival
from mailer.returns.confirming import confirm_due
from mailer.returns.intake import Reader
from mailer.returns.replay import replay
from mailer.returns.services import parse_services
from mailer.settings import read_settings
from mailer.web.app import create_app
from mailer.web.hooks import Hooks
from subscribers.errors import InputError, ServiceError
from subscribers.subscriptions import Wish, confirm
from tests import factories
from tests.bounced import LI, ZHANG, report, return_path
from tests.integration.returns.conftest import JUDGE, facts, suppressions
from tests.integration.web.client import Answer, Client, running
from tests.smtp_server import certificate

RIGHT = "Basic " + base64.b64encode(b"jianbao:a password").decode()
Report = Callable[..., Answer]


@pytest.fixture
def client(engine: Engine, redis_url: str, reader: Reader) -> Iterator[Client]:
    secrets = {"postmark": WebhookSecrets(basic=("jianbao:a password",))}
    hooks = Hooks(engine, JUDGE, secrets, lambda: datetime.now(UTC))
    with running(create_app(engine, redis_url, reader.tokens, more_routes=hooks.routes())) as speaking:
        yield speaking


@pytest.fixture
def tell(client: Client, engine: Engine, reader: Reader) -> Report:
    """Report something as the service does, and let it be read."""

    def post(document: object, *, authorization: str = RIGHT, service: str = "postmark") -> Answer:
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        headers = {"content-type": "application/json", "authorization": authorization}
        answer = client.request("POST", f"/hooks/{service}", headers, body)
        intake.read_waiting(engine, reader)
        return answer

    return post


CONFIRM = (
    "https://sns.cn-north-1.amazonaws.com.cn/?Action=ConfirmSubscription&TopicArn=arn:aws-cn:sns:cn-north-1:1:ses&Token=2336"
)


@pytest.fixture
def asked_to_confirm(engine: Engine, reader: Reader) -> None:
    """A request to confirm a topic, read and committed by a program that died before it fetched anything."""
    body = json.dumps(
        {"Type": "SubscriptionConfirmation", "SubscribeURL": CONFIRM, "TopicArn": "arn:aws-cn:sns:cn-north-1:1:ses"}
    )
    intake.keep(engine, [Arrival(Way.WEBHOOK, body.encode(), datetime.now(UTC), service="amazon_ses")])
    assert intake.read_lot(engine, reader) is not None


def later(engine: Engine, **past: int) -> None:
    """Let so much time have gone by for what is to be confirmed."""
    with engine.begin() as connection:
        moved = "confirm_at = confirm_at - make_interval(hours => :hours), received_at = received_at - make_interval(hours => :hours)"
        connection.execute(text(f"UPDATE feedback_raw SET {moved}"), past)


def away(url: str) -> None:
    raise ServiceError(f"{url} does not answer")


def test_a_subscription_is_confirmed_once_by_whoever_reads_next(engine: Engine, asked_to_confirm: None) -> None:
    fetched: list[str] = []
    assert confirm_due(engine, fetched.append) == 1
    assert confirm_due(engine, fetched.append) == 0
    assert fetched == [CONFIRM]


def test_a_subscription_that_could_not_be_confirmed_is_tried_again_for_three_days_and_not_at_once(
    engine: Engine, asked_to_confirm: None
) -> None:
    fetched: list[str] = []
    assert confirm_due(engine, away) == 0
    assert confirm_due(engine, fetched.append) == 0
    later(engine, hours=1)
    assert confirm_due(engine, away) == 0
    later(engine, hours=72)
    assert confirm_due(engine, fetched.append) == 0
    assert fetched == []


def test_a_replay_asks_to_confirm_again(engine: Engine, reader: Reader, asked_to_confirm: None) -> None:
    fetched: list[str] = []
    assert confirm_due(engine, fetched.append) == 1
    replay(engine, reader, ReplyTable.load())
    assert confirm_due(engine, fetched.append) == 1


def bounce(address: str, message_id: str = "4XyZ123456", **more: object) -> dict[str, object]:
    """A hard bounce as Postmark reports it; the name is the one in the relay's 250."""
    fixed: dict[str, object] = {
        "RecordType": "Bounce",
        "Type": "HardBounce",
        "MessageID": message_id,
        "Email": address,
        "Details": "smtp;550 5.1.1 User unknown",
        "BouncedAt": datetime.now(UTC).isoformat(),
        "ID": 42,
    }
    return fixed | more


def test_a_proven_report_of_our_message_ends_the_address(tell: Report, engine: Engine, sent: dict[str, int]) -> None:
    assert tell(bounce(ZHANG)).status == 204
    assert facts(engine) == [("scored", "signed", "gone")]
    assert factories.states(engine) == {ZHANG: "bounced", LI: "accepted"}
    assert suppressions(engine) == {ZHANG: "hard_bounce"}


def test_a_proven_report_of_an_unknown_message_ends_nobody_at_once(tell: Report, engine: Engine, sent: dict[str, int]) -> None:
    tell(bounce(ZHANG, "00000000-somebody-elses"))
    assert facts(engine) == [("scored", "address", "doubtful")]
    assert suppressions(engine) == {}


def test_a_report_about_somebody_to_whom_we_never_wrote_is_unmatched(
    tell: Report, engine: Engine, sent: dict[str, int]
) -> None:
    tell(bounce("stranger@elsewhere.example"))
    assert facts(engine) == [("unmatched", "none", None)]


def test_reports_out_of_order_and_twice_come_to_the_same(tell: Report, engine: Engine, sent: dict[str, int]) -> None:
    delivered = {"RecordType": "Delivery", "MessageID": "4XyZ123456", "DeliveredAt": datetime.now(UTC).isoformat()}
    tell(bounce(ZHANG))
    tell(delivered | {"Recipient": ZHANG})
    tell(delivered | {"Recipient": LI})
    tell(bounce(LI))
    tell(bounce(LI, ID=43))
    assert factories.states(engine) == {ZHANG: "bounced", LI: "bounced"}
    assert len(facts(engine)) == 4


def test_a_bounce_by_webhook_and_by_message_is_one_fact(
    tell: Report, engine: Engine, sent: dict[str, int], arrive: Callable[..., None]
) -> None:
    tell(bounce(ZHANG))
    arrive(report(ZHANG), to=return_path(sent[ZHANG]))
    assert len(facts(engine)) == 1


def test_who_leaves_at_the_service_has_left_the_list(tell: Report, engine: Engine, sent: dict[str, int]) -> None:
    left = {"RecordType": "SubscriptionChange", "MessageID": "4XyZ123456", "Recipient": ZHANG, "SuppressSending": True}
    tell(left)
    tell(left | {"MessageID": "of-somebody-else", "Recipient": LI})
    with engine.connect() as connection:
        methods = connection.execute(text("SELECT method FROM consent WHERE state = 'unsubscribed'")).scalars().all()
    assert methods == ["service"]


def test_who_left_at_the_service_and_is_back_does_not_leave_where_it_tells_so_once_more(
    tell: Report, engine: Engine, sent: dict[str, int]
) -> None:
    now = datetime.now(UTC)

    def stays_where_told(minutes: int, tag: str) -> bool:
        left = {"RecordType": "SubscriptionChange", "MessageID": "4XyZ123456", "Recipient": ZHANG, "SuppressSending": True}
        tell(left | {"ChangedAt": (now + timedelta(minutes=minutes)).isoformat(), "Tag": tag})
        with engine.begin() as connection:
            return not confirm(connection, Wish(1, ZHANG, [1], "form", "sign-up 1", now))

    assert [stays_where_told(-60, "a"), stays_where_told(-60, "b"), stays_where_told(1, "c")] == [False, True, False]


@pytest.mark.parametrize(("hours", "alarms"), [(0, 1), (5, 0)])
def test_those_who_left_long_before_the_service_told_it_give_no_alarm(
    tell: Report, engine: Engine, sent: dict[str, int], hours: int, alarms: int
) -> None:
    with engine.begin() as connection:
        connection.execute(text("UPDATE delivery SET institute = '云南省科学技术院'"))
    at = (datetime.now(UTC) - timedelta(hours=hours)).isoformat()
    for address in (ZHANG, LI):
        left = {"RecordType": "SubscriptionChange", "MessageID": "4XyZ123456", "Recipient": address, "SuppressSending": True}
        tell(left | {"ChangedAt": at})
    with engine.begin() as connection:
        assert len(departures.raise_alarms(connection, datetime.now(UTC))) == alarms


@pytest.mark.parametrize(
    ("proof", "status"),
    [
        ({"authorization": "Basic " + base64.b64encode(b"jianbao:wrong").decode()}, 403),
        ({"authorization": ""}, 403),
        ({"service": "mailgun"}, 404),
        ({"service": "no-such-service"}, 404),
        ({"service": "..%2fhealthz"}, 404),
    ],
)
def test_what_is_not_proven_is_refused_and_not_kept(
    tell: Report, engine: Engine, sent: dict[str, int], proof: dict[str, str], status: int
) -> None:
    answer = tell(bounce(ZHANG), **proof)
    assert answer.status == status
    assert "password" not in answer.text
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM feedback_raw")).scalar_one() == 0


def test_the_certificate_of_a_topic_is_fetched_once_and_again_until_it_is_one(
    engine: Engine, redis_url: str, reader: Reader
) -> None:
    answers = iter([b"<html>busy", certificate().pem])
    document = {
        "Type": "Notification",
        "TopicArn": "arn:aws-cn:sns:cn-north-1:1:ses",
        "Signature": "QUJD",
        "SignatureVersion": "2",
        "SigningCertURL": "https://sns.cn-north-1.amazonaws.com.cn/SimpleNotificationService-0123456789abcdef.pem",
    }
    secrets = {"amazon_ses": WebhookSecrets(topics=(document["TopicArn"],))}
    hooks = Hooks(engine, JUDGE, secrets, lambda: datetime.now(UTC), lambda _: next(answers))
    with running(create_app(engine, redis_url, reader.tokens, more_routes=hooks.routes())) as client:
        statuses = [client.request("POST", "/hooks/amazon_ses", {}, json.dumps(document).encode()).status for _ in range(4)]
    assert statuses == [403] * 4
    assert list(answers) == []


def test_a_body_is_taken_up_to_its_limit_and_no_further(client: Client, tell: Report, engine: Engine) -> None:
    assert tell(bounce(ZHANG, Description="x" * 1_000_000)).status == 204
    chunk = b"x" * 100_000
    headers = {"content-type": "application/json", "authorization": RIGHT}
    assert client.request("POST", "/hooks/postmark", headers, *[chunk] * (LARGEST_BODY // len(chunk) + 2)).status == 413
    assert tell(b"{ not json").status == 400


def test_signs_that_no_database_takes_are_taken_all_the_same(tell: Report, engine: Engine, sent: dict[str, int]) -> None:
    tell(bounce(ZHANG, Details="550 5.1.1 User unknown \ud800\0", ID="\ud800\0"))
    assert factories.states(engine)[ZHANG] == "bounced"


def test_a_password_is_not_kept_with_the_request(tell: Report, engine: Engine) -> None:
    tell(bounce(ZHANG))
    with engine.connect() as connection:
        assert connection.execute(text("SELECT headers FROM feedback_raw")).scalar_one() == {"content-type": "application/json"}


def test_the_setting_names_services_with_what_proves_them() -> None:
    settings = read_settings({"JIANBAO_WEBHOOKS": "postmark?basic=a:b%20c&token=x+y/z=="})
    assert parse_services(settings) == {
        "postmark": WebhookSecrets(basic=("a:b c",), parameters=("x+y/z==",), url="http://127.0.0.1:8025/hooks/postmark")
    }
    for wrong in ("nobody?key=x", "postmark", "postmark?key=", "postmark?key=hunter2", "postmark?password=hunter2"):
        with pytest.raises(InputError, match="WEBHOOKS") as refused:
            parse_services(read_settings({"JIANBAO_WEBHOOKS": wrong}))
        assert "hunter2" not in str(refused.value)
