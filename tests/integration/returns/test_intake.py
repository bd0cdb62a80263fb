"""What comes back, from octets to final states, in a real database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, text

from mailer.feedback_models import Way
from mailer.returns.deciding import settle_waiting
from mailer.returns.policies import Policies
from tests import factories
from tests.bounced import LI, ZHANG, complaint, message_id, report, return_path, settle_all
from tests.integration.returns.conftest import Arrive, facts, send, suppressions, tasks


def test_a_late_bounce_to_the_return_path_ends_the_address_and_the_delivery(
    engine: Engine, arrive: Arrive, sent: dict[str, int]
) -> None:
    arrive(report(ZHANG), to=return_path(sent[ZHANG]))
    assert factories.states(engine) == {ZHANG: "bounced", LI: "accepted"}
    assert facts(engine) == [("scored", "verp", "gone")]
    assert suppressions(engine) == {ZHANG: "hard_bounce"}
    assert tasks(engine) == ["contact_lost"]
    with engine.connect() as connection:
        assert connection.execute(text("SELECT because FROM feedback")).scalar_one() == (
            "gone counts 1/1: score 0 → 1, the address ends"
        )


def test_without_a_return_path_the_returned_message_id_names_the_delivery(
    engine: Engine, arrive: Arrive, sent: dict[str, int]
) -> None:
    arrive(report(ZHANG, returned_id=message_id(sent[ZHANG])), way=Way.MAILBOX)
    assert facts(engine) == [("scored", "returned", "gone")]
    assert factories.states(engine)[ZHANG] == "bounced"


def test_the_name_that_the_relay_gave_the_message_will_do_too(engine: Engine, arrive: Arrive, sent: dict[str, int]) -> None:
    arrive(report(ZHANG, returned_id="<4XyZ123456@relay.example>"), way=Way.MAILBOX)
    assert facts(engine) == [("scored", "service_id", "gone")]


SENDMAIL = "250 2.0.0 u7ABCDEF012345 Message accepted for delivery"


NETEASE = "250 Mail OK queued as zwqz-smtp-mta-g0-0,_____wDXP8v3abc,1764300000"


EXCHANGE = (
    "250 2.6.0 <1@x.example> [InternalId=51234567890123456, Hostname=TY2PR01MB1234.apcprd01.prod.outlook.com] Queued mail"
)


BREVO = "250 2.0.0 OK: queued as <202611281000.77345678901@smtp-relay.mailin.fr>"


@pytest.mark.parametrize(
    ("reply", "name", "standing"),
    [
        (SENDMAIL, "u7ABCDEF012345@relay.example", "scored"),
        (SENDMAIL, "accepted@x.example", "unmatched"),
        (SENDMAIL, "ABCDEF012345@x.example", "unmatched"),
        (NETEASE, "_____wDXP8v3abc@smtp.163.com", "scored"),
        (NETEASE, "zwqz-smtp-mta-g0-0@x.example", "unmatched"),
        (NETEASE, "1764300000@x.example", "unmatched"),
        (EXCHANGE, "51234567890123456@x.example", "scored"),
        (EXCHANGE, "TY2PR01MB1234.apcprd01.prod.outlook.com", "unmatched"),
        (EXCHANGE, "apcprd01@x.example", "unmatched"),
        (BREVO, "202611281000.77345678901@smtp-relay.mailin.fr", "scored"),
    ],
)
def test_no_stranger_guesses_the_name_that_the_relay_gave_the_message(
    engine: Engine, arrive: Arrive, reply: str, name: str, standing: str
) -> None:
    send(engine)
    settle_all(engine, reply=reply)
    arrive(report(ZHANG, returned_id=f"<{name}>"), way=Way.MAILBOX)
    assert [fact[0] for fact in facts(engine)] == [standing]


def test_a_report_that_shows_nothing_of_ours_is_kept_and_never_scored(
    engine: Engine, arrive: Arrive, sent: dict[str, int]
) -> None:
    arrive(report(ZHANG), way=Way.MAILBOX)
    assert facts(engine) == [("unmatched", "none", None)]
    assert (factories.states(engine)[ZHANG], suppressions(engine)) == ("accepted", {})


def test_a_forged_return_path_is_logged_and_never_scored(engine: Engine, arrive: Arrive, sent: dict[str, int]) -> None:
    true = return_path(sent[ZHANG])
    forged = f"b-{'a' if true[2] != 'a' else 'b'}{true[3:]}"
    arrive(report(ZHANG), to=forged)
    assert facts(engine) == [("forged", "none", None)]
    assert suppressions(engine) == {}


def test_the_same_bounce_by_every_way_counts_once(engine: Engine, arrive: Arrive, sent: dict[str, int]) -> None:
    arrive(report(ZHANG), to=return_path(sent[ZHANG]))
    arrive(report(ZHANG), to=return_path(sent[ZHANG]))
    arrive(report(ZHANG, note="again", returned_id=message_id(sent[ZHANG])), way=Way.MAILBOX)
    arrive(report(ZHANG, note="and again", arrived_for=return_path(sent[ZHANG])), way=Way.FILE)
    assert len(facts(engine)) == 1
    with engine.connect() as connection:
        assert (
            connection.execute(text("SELECT times_told FROM feedback")).scalar_one() == 3
        )  # Of octets that came twice one is kept.
        assert connection.execute(text("SELECT count(*) FROM feedback_raw")).scalar_one() == 3
    assert tasks(engine) == ["contact_lost"]


def test_a_report_of_an_old_issue_is_logged_and_never_scored(engine: Engine, arrive: Arrive, sent: dict[str, int]) -> None:
    arrive(report(ZHANG), to=return_path(sent[ZHANG]), at=datetime.now(UTC) + timedelta(days=31))
    assert facts(engine) == [("old", "verp", None)]
    assert factories.states(engine)[ZHANG] == "accepted"


def test_a_complaint_about_an_old_issue_is_a_complaint(engine: Engine, arrive: Arrive, sent: dict[str, int]) -> None:
    late = datetime.now(UTC) + timedelta(days=50)
    arrive(complaint("abuse@sender.example", message_id(sent[LI])), way=Way.MAILBOX, at=late)
    assert suppressions(engine) == {LI: "complaint"}


def test_a_report_of_what_went_out_lately_counts_however_long_ago_its_mailing_began(
    engine: Engine, arrive: Arrive, sent: dict[str, int]
) -> None:
    with engine.begin() as connection:
        connection.execute(text("UPDATE mailing SET started_at = started_at - interval '40 days'"))
    arrive(report(ZHANG), to=return_path(sent[ZHANG]))
    arrive(report(LI, returned_id="<4XyZ123456@relay.example>"))
    assert facts(engine) == [("scored", "verp", "gone"), ("scored", "service_id", "gone")]


def test_a_report_that_names_somebody_else_does_not_end_the_address_alone(
    engine: Engine, arrive: Arrive, sent: dict[str, int]
) -> None:
    arrive(report("other@elsewhere.example"), to=return_path(sent[ZHANG]))
    assert facts(engine) == [("scored", "verp", "doubtful")]
    assert (factories.states(engine)[ZHANG], suppressions(engine)) == ("bounced", {})


@pytest.mark.parametrize(
    ("fields", "finding"),
    [
        (f"Original-Recipient: rfc822;{ZHANG}\nFinal-Recipient: rfc822; gone@institute.example", "doubtful"),
        (f"Original-Recipient: rfc822;{ZHANG}\nFinal-Recipient: rfc822; {ZHANG.replace('@', '@mail2.')}", "gone"),
        (f"Final-Recipient: rfc822; {ZHANG}\nX-Actual-Recipient: rfc822; gone@institute.example", "doubtful"),
        (f"Final-Recipient: rfc822; {ZHANG}\nX-Actual-Recipient: X-Unix; |/usr/bin/filter", "gone"),
    ],
)
def test_a_mailbox_behind_the_address_that_is_gone_does_not_end_the_address_alone(
    engine: Engine, arrive: Arrive, sent: dict[str, int], fields: str, finding: str
) -> None:
    arrive(report(ZHANG).replace(f"Final-Recipient: rfc822; {ZHANG}".encode(), fields.encode()), to=return_path(sent[ZHANG]))
    assert facts(engine) == [("scored", "verp", finding)]
    assert (ZHANG in suppressions(engine)) == (finding == "gone")


def test_a_token_for_a_delivery_that_is_not_there_is_foreign(engine: Engine, arrive: Arrive, sent: dict[str, int]) -> None:
    arrive(report(ZHANG), to=return_path(123456))
    assert facts(engine) == [("foreign", "none", None)]


def test_a_bounce_that_is_quicker_than_our_own_record_of_the_250_waits_for_it(engine: Engine, arrive: Arrive) -> None:
    sent = send(engine, accepted=False)
    arrive(report(ZHANG), to=return_path(sent[ZHANG]))
    assert facts(engine) == [("waiting", "verp", "gone")]
    assert (factories.states(engine)[ZHANG], suppressions(engine)) == ("pending", {})
    settle_all(engine)
    with engine.begin() as connection:
        settle_waiting(connection, Policies(), datetime.now(UTC), 100)
    assert facts(engine) == [("scored", "verp", "gone")]
    assert (factories.states(engine)[ZHANG], suppressions(engine)) == ("bounced", {ZHANG: "hard_bounce"})


def test_what_is_in_doubt_and_held_becomes_what_the_report_says(engine: Engine, arrive: Arrive) -> None:
    sent = send(engine, accepted=False)
    settle_all(engine, "in_doubt", "connection lost")
    arrive(report(ZHANG), to=return_path(sent[ZHANG]))
    arrive(report(LI, action="delivered", status="2.0.0", diagnostic="250 ok"), to=return_path(sent[LI]))
    assert factories.states(engine) == {ZHANG: "bounced", LI: "accepted"}


def test_a_delay_changes_nothing(engine: Engine, arrive: Arrive, sent: dict[str, int]) -> None:
    delayed = report(ZHANG, action="delayed", status="4.4.1", diagnostic="connection timed out")
    arrive(delayed, to=return_path(sent[ZHANG]))
    assert facts(engine) == [("noted", "verp", None)]
    assert factories.states(engine)[ZHANG] == "accepted"


def test_content_that_was_refused_later_is_our_failure_and_harms_nobody(
    engine: Engine, arrive: Arrive, sent: dict[str, int]
) -> None:
    refused = report(ZHANG, status="5.7.1", diagnostic="550 5.7.1 Message rejected as spam by content filter")
    arrive(refused, to=return_path(sent[ZHANG]))
    assert facts(engine) == [("scored", "verp", "ours")]
    assert (factories.states(engine)[ZHANG], suppressions(engine)) == ("failed", {})


def test_facts_out_of_order_come_to_the_same(engine: Engine, arrive: Arrive, sent: dict[str, int]) -> None:
    delivered = report(ZHANG, action="delivered", status="2.0.0", diagnostic="250 ok")
    bounced = report(ZHANG)
    for first, second, address in ((delivered, bounced, ZHANG), (bounced, delivered, LI)):
        path = return_path(sent[address])
        arrive(first.replace(ZHANG.encode(), address.encode()), to=path)
        arrive(second.replace(ZHANG.encode(), address.encode()), to=path)
    assert factories.states(engine) == {ZHANG: "bounced", LI: "bounced"}
    assert suppressions(engine) == {ZHANG: "hard_bounce", LI: "hard_bounce"}


def test_a_table_from_a_providers_page_needs_two_issues_to_end_an_address(
    engine: Engine, arrive: Arrive, sent: dict[str, int]
) -> None:
    table = f"收件人,类型,原因\n{ZHANG},硬退信,550 5.1.1 User unknown\nnobody@elsewhere.example,硬退信,550\n".encode("gb18030")
    arrive(table, way=Way.LIST)
    assert ("scored", "address", "doubtful") in facts(engine)
    assert ("unmatched", "none", None) in facts(engine)
    assert (factories.states(engine)[ZHANG], suppressions(engine)) == ("bounced", {})


@pytest.mark.parametrize("form", ["%Y-%m-%d", "%Y/%m/%d %H:%M", "%Y-%m-%d %H:%M:%S"])
def test_a_table_that_names_the_day_or_the_minute_of_a_mailing_is_about_it(
    engine: Engine, arrive: Arrive, sent: dict[str, int], form: str
) -> None:
    with engine.begin() as connection:
        began_at = connection.execute(text("SELECT started_at FROM mailing")).scalar_one()
    arrive(f"email,reason,time\n{ZHANG},550 5.1.1 User unknown,{began_at:{form}}\n".encode(), way=Way.LIST)
    assert facts(engine) == [("scored", "address", "doubtful")]


def test_a_list_may_have_a_policy_of_its_own(engine: Engine, arrive: Arrive, sent: dict[str, int]) -> None:
    with engine.begin() as connection:
        connection.execute(text("UPDATE mailing_list SET bounce_policy = 'gone=2'"))
    arrive(report(ZHANG), to=return_path(sent[ZHANG]))
    assert (factories.states(engine)[ZHANG], suppressions(engine)) == ("bounced", {})
