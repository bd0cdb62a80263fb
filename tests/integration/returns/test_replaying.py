"""What is decided anew after a rule was mended, and what a replay leaves alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Engine, text

from mailer.feedback import Judge
from mailer.feedback_models import Way
from mailer.provider import ProviderTable
from mailer.reply import ReplyTable
from mailer.returns import session, unclear
from mailer.returns.intake import Reader
from mailer.returns.policies import Policies
from mailer.returns.replay import replay
from mailer.tokens import Purpose
from subscribers import suppression
from subscribers.address import parse_address
from subscribers.models import SuppressionReason
from subscribers.suppression import NewSuppression
from tests import factories
from tests.bounced import FULL, LI, TOKENS, ZHANG, complaints_table, report, return_path, settle_all
from tests.integration.returns.conftest import Arrive, facts, send, suppressions, tasks

TABLE = ReplyTable.load()


def blue_light(folder: Path, meaning: str) -> ReplyTable:
    """The table with a rule of staff's, under the same name whatever it says."""
    rules = folder / f"{meaning}.toml"
    rules.write_text(
        f'[[reply]]\nid = "ours"\nmatch = ["Blaues Licht"]\nmeaning = "{meaning}"\nsource = "staff"\nsamples = ["550 Blaues Licht"]\n'
    )
    return ReplyTable.load(rules)


def test_a_replay_after_a_rule_was_mended_takes_back_what_the_old_rule_did(
    engine: Engine, reader: Reader, arrive: Arrive, sent: dict[str, int], tmp_path: Path
) -> None:
    arrive(report(ZHANG), report(LI, **FULL), to=None)
    arrive(report(ZHANG, diagnostic="550 Blaues Licht", status="5.0.0"), to=return_path(sent[ZHANG]))
    assert suppressions(engine) == {}
    mended = replace(reader, judge=Judge(blue_light(tmp_path, "unknown_user"), ProviderTable.load()))
    assert replay(engine, mended, TABLE).ended == 1
    assert suppressions(engine) == {ZHANG: "hard_bounce"}
    assert tasks(engine) == ["contact_lost"]
    back = replay(engine, reader, TABLE)
    assert (back.withdrawn, back.added, back.lifted) == (1, 1, 1)
    assert (suppressions(engine), tasks(engine), factories.states(engine)[ZHANG]) == ({}, [], "bounced")
    with engine.connect() as connection:
        assert (
            connection.execute(text("SELECT state FROM subscriber WHERE address = :zhang"), {"zhang": ZHANG}).scalar_one()
            == "active"
        )


def test_a_complaint_in_a_file_stays_when_the_report_that_repeats_it_is_taken_back(
    engine: Engine, reader: Reader, arrive: Arrive, sent: dict[str, int]
) -> None:
    made = "INSERT INTO import_batch (file_name, sha256, mode, actor) VALUES ('a.csv', '', 'new', 'chen') RETURNING id"
    with engine.begin() as connection:
        file = connection.execute(text(made)).scalar_one()
        zhang, now = parse_address(ZHANG).hash, datetime.now(UTC)
        said = NewSuppression(zhang, SuppressionReason.COMPLAINT, "a.csv:2", now, ZHANG, actor="chen", import_id=file)
        suppression.suppress(connection, [said])
    arrive(complaints_table(ZHANG), way=Way.LIST)
    with engine.begin() as connection:
        assert connection.execute(text("DELETE FROM suppression WHERE import_id = :file"), {"file": file}).rowcount == 0
        connection.execute(text("UPDATE feedback_raw SET content = convert_to('email,event\\n', 'UTF8')"))
    assert replay(engine, reader, TABLE).withdrawn == 1
    with engine.connect() as connection:
        (stays,) = suppression.of_address(connection, zhang)
    assert (stays.reason, stays.evidence, stays.actor) == ("complaint", "a.csv:2", "chen")


def test_a_replay_reads_again_what_servers_refused_to_our_face(engine: Engine, reader: Reader, tmp_path: Path) -> None:
    send(engine)
    settle_all(engine, "bounced", "550 Blaues Licht")
    session.hear(engine, TABLE, Policies())
    assert suppressions(engine) == {}
    assert replay(engine, reader, blue_light(tmp_path, "unknown_user")).ended == 2
    assert suppressions(engine) == dict.fromkeys([ZHANG, LI], "hard_bounce")
    assert replay(engine, reader, TABLE).lifted == 2
    assert suppressions(engine) == {}


def test_a_rule_that_is_mended_under_its_old_name_is_read_again_in_what_servers_refused_to_our_face(
    engine: Engine, reader: Reader, tmp_path: Path
) -> None:
    send(engine)
    settle_all(engine, "bounced", "550 Blaues Licht")
    with engine.begin() as connection:
        connection.execute(text("UPDATE delivery SET reason = 'unknown_user'"))
    session.hear(engine, blue_light(tmp_path, "unknown_user"), Policies())
    assert suppressions(engine) == dict.fromkeys([ZHANG, LI], "hard_bounce")
    assert replay(engine, reader, blue_light(tmp_path, "content")).lifted == 2
    assert (suppressions(engine), tasks(engine)) == ({}, [])
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT state, reason FROM delivery")).all()
    assert [tuple(row) for row in rows] == [("bounced", "content")] * 2


def test_a_replay_does_not_forget_that_the_words_followed_the_content(engine: Engine, reader: Reader, tmp_path: Path) -> None:
    send(engine)
    settle_all(engine, "bounced", "550 Blaues Licht")
    with engine.begin() as connection:
        connection.execute(text("UPDATE delivery SET reason = 'ambiguous'"))  # as the session read the words, after DATA
    table = blue_light(tmp_path, "unknown_user")
    session.hear(engine, table, Policies())
    assert replay(engine, reader, table).ended == 0
    assert suppressions(engine) == {}


def test_a_replay_that_changes_no_reading_changes_nothing(
    engine: Engine, reader: Reader, arrive: Arrive, sent: dict[str, int]
) -> None:
    arrive(report(ZHANG), to=return_path(sent[ZHANG]))
    before = (facts(engine), suppressions(engine), tasks(engine), factories.states(engine))
    done = replay(engine, reader, TABLE)
    assert (done.arrivals, done.withdrawn, done.added) == (1, 0, 0)
    assert (facts(engine), suppressions(engine), tasks(engine), factories.states(engine)) == before


def test_a_replay_leaves_the_letters_by_which_somebody_left_what_they_are(
    engine: Engine, reader: Reader, arrive: Arrive, sent: dict[str, int]
) -> None:
    token = TOKENS.sign(Purpose.UNSUBSCRIBE, sent[ZHANG])
    arrive(f"From: whoever@elsewhere.example\r\nSubject: u-{token}\r\n\r\n".encode(), way=Way.MAILBOX)
    replay(engine, reader, TABLE)
    with engine.connect() as connection:
        assert list(unclear.unmatched(connection, datetime.now(UTC) - timedelta(hours=1))) == []
