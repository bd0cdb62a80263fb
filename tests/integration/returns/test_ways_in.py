"""The ways in other than a mailbox, each against the real thing: a door over LMTP and SMTP, files, a pipe."""

from __future__ import annotations

import json
import smtplib
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine, text

from mailer.cli import cli
from mailer.returns.door import Door
from mailer.returns.files import messages_at
from mailer.returns.intake import Reader
from subscribers.errors import InputError
from tests import factories
from tests.bounced import BOUNCE_DOMAIN, LETTER, LI, SECRET, ZHANG, report, return_path
from tests.integration.returns.conftest import bounced, listening, suppressions


@pytest.mark.parametrize("protocol", ["lmtp", "smtp"])
def test_the_door_lets_in_return_paths_of_ours_and_refuses_all_others_at_rcpt(
    engine: Engine, reader: Reader, sent: dict[str, int], protocol: str
) -> None:
    true = return_path(sent[ZHANG])
    with listening(engine, reader, protocol) as door:
        speak = smtplib.LMTP if protocol == "lmtp" else smtplib.SMTP
        with speak("127.0.0.1", door.port, timeout=20) as client:
            client.ehlo_or_helo_if_needed()
            client.mail("<>")
            forged = f"b-{'a' * 32}@{BOUNCE_DOMAIN}"
            elsewhere = f"{true.partition('@')[0]}@elsewhere.example"
            assert [client.rcpt(address)[0] for address in (forged, elsewhere, f"chen@{BOUNCE_DOMAIN}")] == [550, 550, 550]
            assert client.rcpt(true.upper())[0] == 250
            assert client.rcpt(f"postmaster@{BOUNCE_DOMAIN}")[0] == 250
            client.putcmd("data")
            assert client.getreply()[0] == 354
            client.send(report(ZHANG, note="long " * 1000).replace(b"\n", b"\r\n") + b".\r\n")
            answers = 2 if protocol == "lmtp" else 1
            assert [client.getreply()[0] for _ in range(answers)] == [250] * answers
        with engine.connect() as connection:
            assert connection.execute(text("SELECT count(*) FROM feedback_raw")).scalar_one() == 2
    assert bounced(engine)


def test_a_place_to_listen_at_that_is_written_wrongly_is_refused() -> None:
    assert Door.parse("smtp://[::1]:2525") == Door("smtp", "::1", 2525)
    for wrong in ("127.0.0.1:25", "http://h:1", "lmtp://h:99999", "lmtp://h"):
        with pytest.raises(InputError, match="lmtp://127"):
            Door.parse(wrong)


@pytest.fixture
def jianbao(engine: Engine, database_url: str, redis_url: str, tmp_path: Path) -> Callable[..., Result]:
    """The command line on the tests' database."""
    settings = {
        "DATABASE_URL": database_url, "REDIS_URL": redis_url, "DATA_DIR": str(tmp_path), "SECRET_KEY": SECRET.decode(),
        "BOUNCE_DOMAIN": BOUNCE_DOMAIN,
    }  # fmt: skip

    def run(*words: object, input: bytes | None = None) -> Result:
        environment = {f"JIANBAO_{name}": value for name, value in settings.items()}
        return CliRunner().invoke(cli, [str(word) for word in words], env=environment, input=input)

    return run


def test_a_pipe_brings_one_message_or_a_whole_mbox(
    jianbao: Callable[..., Result], engine: Engine, sent: dict[str, int]
) -> None:
    one, two = (report(address, arrived_for=return_path(sent[address])) for address in (ZHANG, LI))
    mbox = b"From a Thu Jan  1 00:00:00 2026\n" + one + b"\n>From the start\n\nFrom b Thu Jan  1 00:00:00 2026\n" + two
    result = jianbao("bounce", "ingest", "--json", input=mbox)
    assert json.loads(result.stdout) == {"messages": 2, "new": 2}
    assert set(factories.states(engine).values()) == {"bounced"}


def test_files_a_maildir_and_a_table_are_taken_in_and_once(
    jianbao: Callable[..., Result], engine: Engine, sent: dict[str, int], tmp_path: Path
) -> None:
    maildir = tmp_path / "maildir"
    for name in ("new", "cur", "tmp"):
        (maildir / name).mkdir(parents=True)
    (maildir / "new" / "1.host").write_bytes(report(ZHANG, arrived_for=return_path(sent[ZHANG])))
    table = tmp_path / "bounces.csv"
    table.write_text(f"email,event,reason\n{LI},bounce,550 5.1.1 User unknown\n")
    assert [name for name, _ in messages_at(maildir)] == [str(maildir / "new" / "1.host")]
    for new in (2, 0):
        result = jianbao("bounce", "ingest", maildir, table, "--json")
        assert json.loads(result.stdout) == {"messages": 2, "new": new}
    assert suppressions(engine) == {ZHANG: "hard_bounce"}
    tasks = [json.loads(line) for line in jianbao("task", "list", "--json").stdout.splitlines()]
    assert [(task["kind"], task["address"]) for task in tasks] == [("contact_lost", ZHANG)]
    assert jianbao("task", "done", tasks[0]["id"], "--note", "written by post").exit_code == 0
    assert jianbao("task", "list", "--json").stdout == ""
    assert jianbao("bounce", "reactivate", ZHANG, "--why", "it works").exit_code == 0
    assert suppressions(engine) == {}


def test_a_large_table_is_read_in_several_transactions_and_taken_in_once(
    jianbao: Callable[..., Result], engine: Engine, sent: dict[str, int], tmp_path: Path
) -> None:
    table = tmp_path / "bounces.csv"
    strangers = "".join(f"stranger{number}@elsewhere.example,550 5.1.1 User unknown\n" for number in range(1500))
    table.write_text(f"email,reason\n{ZHANG},550 5.1.1 User unknown\n{strangers}{LI},550 5.1.1 User unknown\n")
    for new in (3, 0):
        result = jianbao("bounce", "ingest", table, "--json")
        assert json.loads(result.stdout) == {"messages": 3, "new": new}
    assert set(factories.states(engine).values()) == {"bounced"}
    with engine.connect() as connection:
        assert len(set(connection.execute(text("SELECT read_at FROM feedback_raw")).scalars())) == 3


def test_a_table_that_cannot_be_read_is_not_taken_in_and_its_giver_is_told_why(
    jianbao: Callable[..., Result], engine: Engine, tmp_path: Path
) -> None:
    table = tmp_path / "bounces.csv"
    table.write_text("institute,reason\nYunnan,550\n")
    refused = jianbao("bounce", "ingest", table)
    assert isinstance(refused.exception, InputError)
    assert f"{table}: none of the columns holds addresses" in str(refused.exception)
    assert jianbao("feedback", "unmatched", "--json").stdout == ""


def test_what_belongs_to_nobody_is_listed(jianbao: Callable[..., Result], engine: Engine, sent: dict[str, int]) -> None:
    jianbao("bounce", "ingest", input=report("stranger@elsewhere.example"))
    jianbao("bounce", "ingest", input=LETTER)
    listed = [json.loads(line) for line in jianbao("feedback", "unmatched", "--json").stdout.splitlines()]
    assert {(one["why"], one["address"], one["said"]) for one in listed} == {
        ("unmatched", "stranger@elsewhere.example", "550 5.1.1 User unknown"),
        ("unmatched", None, "thank you"),
    }
    assert "stranger" in jianbao("feedback", "unmatched").stdout


def test_words_that_no_rule_knows_are_listed_once_for_all_who_got_them(
    jianbao: Callable[..., Result], engine: Engine, sent: dict[str, int]
) -> None:
    for address in (ZHANG, LI):
        words = f"550 Blaues Licht 4711{sent[address]}0 <{address}>"
        jianbao(
            "bounce", "ingest", input=report(address, status="5.0.0", diagnostic=words, arrived_for=return_path(sent[address]))
        )
    (only,) = [json.loads(line) for line in jianbao("bounce", "unknown", "--json").stdout.splitlines()]
    assert (only["times"], only["meaning"]) == (2, "ambiguous")


def test_a_replay_by_command_says_what_it_did(jianbao: Callable[..., Result], engine: Engine, sent: dict[str, int]) -> None:
    jianbao("bounce", "ingest", input=report(ZHANG, arrived_for=return_path(sent[ZHANG])))
    done = json.loads(jianbao("feedback", "replay", "--json").stdout)
    assert done == {"arrivals": 1, "withdrawn": 0, "added": 0, "ended": 0, "lifted": 0}


def test_a_list_is_given_a_policy_of_its_own_and_back(
    jianbao: Callable[..., Result], engine: Engine, sent: dict[str, int]
) -> None:
    del sent

    def gone(*words: str) -> int:
        found: int = json.loads(jianbao("bounce", "policy", "members", *words, "--json").stdout)["policy"]["gone"]
        return found

    assert (gone(), gone("gone=2"), gone(), gone("--general")) == (1, 2, 2, 1)
    assert jianbao("bounce", "policy", "members", "gone=0").exception is not None
    assert jianbao("bounce", "policy", "nobody").exception is not None
