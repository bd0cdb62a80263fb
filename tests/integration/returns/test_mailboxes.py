"""A mailbox that is read over IMAP and POP3, of a real server."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from imapclient import IMAPClient
from imapclient.exceptions import IMAPClientError
from sqlalchemy import Engine, text

from mailer.returns import polling
from mailer.returns.arrivals import OCTETS_AT_ONCE
from mailer.returns.imap import imap_box
from mailer.returns.intake import Reader
from mailer.returns.mailbox import Cursor, Mailbox
from subscribers.errors import InputError, ServiceError
from tests.bounced import LETTER, LI, ZHANG, report, return_path
from tests.chaos.proxy import Proxy
from tests.debian_mail import PASSWORD, USER, Dovecot, dovecot, free_port
from tests.integration.returns.conftest import bounced, facts, mailbox_url


@pytest.fixture(scope="module")
def server() -> Iterator[Dovecot]:
    with dovecot() as running:
        yield running


@pytest.fixture
def mailboxes(server: Dovecot) -> Dovecot:
    """The server, its mailbox empty."""
    with _client(server) as client:
        for folder in ("INBOX", "Read"):
            if client.folder_exists(folder) and client.select_folder(folder)[b"EXISTS"]:
                client.delete_messages(client.search())
                client.expunge()
    return server


def _client(server: Dovecot) -> IMAPClient:
    client = IMAPClient("127.0.0.1", port=server.imap, ssl=False)
    client.login(USER, PASSWORD)
    return client


def subjects(server: Dovecot, folder: str) -> list[str]:
    """The subjects in a folder."""
    with _client(server) as client:
        if not client.folder_exists(folder):
            return []
        client.select_folder(folder, readonly=True)
        return sorted(answer[b"ENVELOPE"].subject.decode() for answer in client.fetch(client.search(), ["ENVELOPE"]).values())


@pytest.mark.debian("dovecot")
def test_reports_are_moved_once_their_facts_are_committed_and_letters_stay(
    engine: Engine, reader: Reader, sent: dict[str, int], mailboxes: Dovecot
) -> None:
    mailbox = Mailbox.parse(mailbox_url("imap", mailboxes.imap, "INBOX?then=Read"))
    mailboxes.deliver(report(ZHANG, arrived_for=return_path(sent[ZHANG])))
    mailboxes.deliver(LETTER)
    polled = polling.poll(engine, reader, mailbox)
    assert (polled.messages, polled.new, polled.reports) == (2, 2, 1)
    assert bounced(engine)
    assert subjects(mailboxes, "INBOX") == ["thank you"]
    assert subjects(mailboxes, "Read") == ["Undelivered Mail Returned to Sender"]
    assert polling.poll(engine, reader, mailbox).messages == 0


@pytest.mark.debian("dovecot")
def test_a_mailbox_that_was_interrupted_before_the_filing_is_read_again_and_nothing_counts_twice(
    engine: Engine, reader: Reader, sent: dict[str, int], mailboxes: Dovecot
) -> None:
    mailboxes.deliver(report(ZHANG, arrived_for=return_path(sent[ZHANG])))
    polling.poll(engine, reader, Mailbox.parse(mailbox_url("imap", mailboxes.imap, "INBOX")))
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM mailbox_cursor"))
    again = polling.poll(engine, reader, Mailbox.parse(mailbox_url("imap", mailboxes.imap, "INBOX?then=delete")))
    assert (again.messages, again.new, again.reports) == (1, 0, 1)
    assert subjects(mailboxes, "INBOX") == []
    assert len(facts(engine)) == 1


@pytest.mark.debian("dovecot")
def test_a_folder_that_was_made_anew_is_read_from_its_beginning(
    engine: Engine, reader: Reader, sent: dict[str, int], mailboxes: Dovecot
) -> None:
    mailboxes.deliver(report(ZHANG, arrived_for=return_path(sent[ZHANG])))
    mailbox = Mailbox.parse(mailbox_url("imap", mailboxes.imap))
    polling.poll(engine, reader, mailbox)
    with engine.begin() as connection:
        connection.execute(text("UPDATE mailbox_cursor SET uid_validity = 7, last_uid = 1000000"))
    assert polling.poll(engine, reader, mailbox).messages == 1


@pytest.mark.debian("dovecot")
def test_a_report_is_read_as_it_comes_by_idle(engine: Engine, reader: Reader, sent: dict[str, int], mailboxes: Dovecot) -> None:
    stop, waits = threading.Event(), threading.Event()
    mailbox = Mailbox.parse(mailbox_url("imap", mailboxes.imap))
    with polling.open_box(mailbox) as box:
        polling.drain(engine, reader, mailbox, box)
        thread = threading.Thread(target=lambda: (waits.set(), box.wait(stop)))
        thread.start()
        waits.wait()
        mailboxes.deliver(report(ZHANG, arrived_for=return_path(sent[ZHANG])))
        thread.join(timeout=30)
        assert not thread.is_alive()
        assert polling.drain(engine, reader, mailbox, box).reports == 1
    assert bounced(engine)


class Impatience(threading.Event):
    """Breaks a wire when somebody looks whether to stop for the second time, and says so at the hundredth."""

    def __init__(self, wire: Proxy) -> None:
        super().__init__()
        self._wire = wire
        self.looks = 0

    def is_set(self) -> bool:
        """Whether it has been looked at that often."""
        self.looks += 1
        if self.looks == 2:
            self._wire.drop()
        return self.looks >= 100


@pytest.mark.debian("dovecot")
def test_a_connection_that_ends_while_one_waits_is_noticed_and_nobody_goes_round_in_circles(mailboxes: Dovecot) -> None:
    with Proxy(("127.0.0.1", mailboxes.imap)).running() as wire:
        impatience = Impatience(wire)
        with pytest.raises(ServiceError), polling.open_box(Mailbox.parse(mailbox_url("imap", wire.port))) as box:
            box.wait(impatience)
    assert impatience.looks < 10


@pytest.mark.debian("dovecot")
@pytest.mark.parametrize("protocol", ["imap", "pop3"])
def test_a_message_that_is_one_long_line_keeps_nobody_from_those_behind_it(
    engine: Engine, reader: Reader, sent: dict[str, int], mailboxes: Dovecot, protocol: str
) -> None:
    mailboxes.deliver(LETTER + b"x" * 1_500_000)
    mailboxes.deliver(report(ZHANG, arrived_for=return_path(sent[ZHANG])))
    polling.poll(engine, reader, Mailbox.parse(mailbox_url(protocol, getattr(mailboxes, protocol))))
    assert bounced(engine)


@pytest.mark.debian("dovecot")
@pytest.mark.parametrize("protocol", ["imap", "pop3"])
def test_large_messages_are_fetched_a_few_at_a_time_and_small_ones_together(mailboxes: Dovecot, protocol: str) -> None:
    mailbox = Mailbox.parse(mailbox_url(protocol, getattr(mailboxes, protocol)))
    for _ in range(25):
        mailboxes.deliver(LETTER)
    with polling.open_box(mailbox) as box:
        assert [len(lot) for lot in box.new(Cursor())] == [25]
    for _ in range(2):
        mailboxes.deliver(LETTER + b"long line\r\n" * (OCTETS_AT_ONCE // 20))
    with polling.open_box(mailbox) as box:
        assert [len(lot) for lot in box.new(Cursor())] == [26, 1]


class Patience(threading.Event):
    """Waits for nothing: the first time that somebody waits the database is well again, the second time it is enough."""

    def __init__(self, mend: Callable[[], None]) -> None:
        super().__init__()
        self._mend: Callable[[], None] | None = mend

    def wait(self, timeout: float | None = None) -> bool:
        """Once more, or no more."""
        if self._mend is None:
            self.set()
        else:
            self._mend()
            self._mend = None
        return self.is_set()


@pytest.mark.debian("dovecot")
def test_a_database_that_gives_up_in_the_middle_ends_nobody_who_follows_a_mailbox(
    engine: Engine, reader: Reader, sent: dict[str, int], mailboxes: Dovecot
) -> None:
    def do(statement: str) -> None:
        with engine.begin() as connection:
            connection.execute(text(statement))

    do("""CREATE FUNCTION give_up() RETURNS trigger LANGUAGE plpgsql
          AS 'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NEW; END'""")
    do("CREATE TRIGGER give_up BEFORE INSERT ON feedback_raw FOR EACH ROW EXECUTE FUNCTION give_up()")
    mailboxes.deliver(report(ZHANG, arrived_for=return_path(sent[ZHANG])))
    mailbox = Mailbox.parse(mailbox_url("pop3", mailboxes.pop3))
    try:
        polling.follow(engine, reader, mailbox, Patience(lambda: do("DROP TRIGGER give_up ON feedback_raw")))
    finally:
        do("DROP FUNCTION give_up CASCADE")
    assert bounced(engine)


@pytest.mark.debian("dovecot")
@pytest.mark.parametrize("ill", [1, 2])
def test_a_message_that_the_imap_server_cannot_give_keeps_nobody_from_the_others(
    engine: Engine, reader: Reader, sent: dict[str, int], mailboxes: Dovecot, ill: int
) -> None:
    messages = [report(address, arrived_for=return_path(sent[address]), note=f"note {address}") for address in (ZHANG, LI)]
    messages.insert(ill, LETTER)
    for message in messages:
        mailboxes.deliver(message)
    mailbox = Mailbox.parse(mailbox_url("imap", mailboxes.imap))
    (file,) = (file for file in mailboxes.maildir.glob("new/*") if b"Good issue" in file.read_bytes())
    whole = file.read_bytes()
    file.write_bytes(b"")
    assert polling.poll(engine, reader, mailbox).messages == 2
    assert len(facts(engine)) == 2
    (file,) = (file for file in mailboxes.maildir.glob("cur/*") if not file.stat().st_size)
    file.write_bytes(whole)
    # One that is passed by has been given up; the last one, behind which nothing could be read, is asked for once more.
    assert polling.poll(engine, reader, mailbox).messages == (ill == 2)


@pytest.mark.debian("dovecot")
def test_a_message_that_the_imap_server_can_give_again_is_read_by_the_same_connection(
    engine: Engine, reader: Reader, sent: dict[str, int], mailboxes: Dovecot
) -> None:
    mailboxes.deliver(report(ZHANG, arrived_for=return_path(sent[ZHANG])))
    (file,) = mailboxes.maildir.glob("new/*")
    whole = file.read_bytes()
    file.write_bytes(b"")
    mailbox = Mailbox.parse(mailbox_url("imap", mailboxes.imap))
    with polling.open_box(mailbox) as box:
        assert polling.drain(engine, reader, mailbox, box).messages == 0
        (file,) = (file for file in mailboxes.maildir.glob("cur/*") if not file.stat().st_size)
        file.write_bytes(whole)
        mailboxes.deliver(report(LI, arrived_for=return_path(sent[LI])))
        assert polling.drain(engine, reader, mailbox, box).messages == 2


@pytest.mark.debian("dovecot")
def test_a_message_that_the_imap_server_cannot_give_for_a_moment_is_not_passed_by(
    engine: Engine, reader: Reader, sent: dict[str, int], mailboxes: Dovecot, monkeypatch: pytest.MonkeyPatch
) -> None:
    for address in (ZHANG, LI):
        mailboxes.deliver(report(address, arrived_for=return_path(sent[address])))
    fetch, refusals = IMAPClient.fetch, ["both together", "the first"]

    def fetch_soon(client: IMAPClient, *arguments: Any) -> Any:
        if refusals:
            raise IMAPClientError(f"not now: {refusals.pop(0)}")
        return fetch(client, *arguments)

    monkeypatch.setattr(IMAPClient, "fetch", fetch_soon)
    assert polling.poll(engine, reader, Mailbox.parse(mailbox_url("imap", mailboxes.imap))).messages == 2


@pytest.mark.debian("dovecot")
def test_a_message_that_somebody_removed_meanwhile_is_none_and_not_too_large(
    mailboxes: Dovecot, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):
        mailboxes.deliver(LETTER)
    with imap_box(Mailbox.parse(mailbox_url("imap", mailboxes.imap))) as box, _client(mailboxes) as other:
        found = box._client.search()
        monkeypatch.setattr(box._client, "search", lambda _: found)
        other.select_folder("INBOX")
        other.delete_messages(found[:1])
        other.expunge()
        assert [one.name for lot in box.new(Cursor()) for one in lot] == [str(uid) for uid in found[1:]]


@pytest.mark.debian("dovecot")
def test_reports_that_the_server_will_not_move_are_read_and_so_is_what_is_behind_them(
    engine: Engine, reader: Reader, sent: dict[str, int], mailboxes: Dovecot
) -> None:
    mailbox = Mailbox.parse(mailbox_url("imap", mailboxes.imap, "?then=two..dots"))
    mailboxes.deliver(report(ZHANG, arrived_for=return_path(sent[ZHANG])))
    assert [polling.poll(engine, reader, mailbox).messages for _ in range(2)] == [1, 0]
    assert subjects(mailboxes, "INBOX") == ["Undelivered Mail Returned to Sender"]


@pytest.mark.debian("dovecot")
def test_over_pop3_each_message_is_read_once_and_reports_go_after_their_facts(
    engine: Engine, reader: Reader, sent: dict[str, int], mailboxes: Dovecot
) -> None:
    kept = Mailbox.parse(mailbox_url("pop3", mailboxes.pop3))
    mailboxes.deliver(report(ZHANG, arrived_for=return_path(sent[ZHANG]), note="long " * 1000))
    mailboxes.deliver(LETTER)
    assert polling.poll(engine, reader, kept).messages == 2
    assert polling.poll(engine, reader, kept).messages == 0
    assert bounced(engine)
    mailboxes.deliver(report(LI, arrived_for=return_path(sent[LI])))
    polled = polling.poll(engine, reader, Mailbox.parse(mailbox_url("pop3", mailboxes.pop3, "?then=delete")))
    assert (polled.messages, polled.reports) == (1, 1)
    assert subjects(mailboxes, "INBOX") == ["Undelivered Mail Returned to Sender", "thank you"]


@pytest.mark.debian("dovecot")
def test_over_pop3_reports_go_with_the_next_connection_where_theirs_broke_off(
    engine: Engine, reader: Reader, sent: dict[str, int], mailboxes: Dovecot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mailer.returns.pop3._AT_ONCE", 1)
    mailbox = Mailbox.parse(mailbox_url("pop3", mailboxes.pop3, "?then=delete"))
    mailboxes.deliver(report(ZHANG, arrived_for=return_path(sent[ZHANG])))
    mailboxes.deliver(LETTER)
    mailboxes.deliver(report(LI, arrived_for=return_path(sent[LI])))

    def break_off() -> None:
        with polling.open_box(mailbox) as box:
            polling.drain(engine, reader, mailbox, box)
            raise ConnectionError

    for _ in range(2):
        with pytest.raises(ServiceError):
            break_off()
        assert len(subjects(mailboxes, "INBOX")) == 3
    mailboxes.deliver(LETTER.replace(b"thank you", b"the next"))
    assert [polling.poll(engine, reader, mailbox).messages for _ in range(2)] == [1, 0]
    assert subjects(mailboxes, "INBOX") == ["thank you", "the next"]
    assert len(facts(engine)) == 2


@pytest.mark.debian("dovecot")
def test_a_mailbox_that_cannot_be_had_is_a_service_and_tells_no_password(
    engine: Engine, reader: Reader, mailboxes: Dovecot
) -> None:
    wrong = [mailbox_url("imap", free_port()), mailbox_url("pop3", free_port())]
    wrong.append(mailbox_url("imap", mailboxes.imap, "NoSuchFolder"))
    wrong += [
        f"{protocol}://chen:secret-word@127.0.0.1:{port}"
        for protocol, port in (("imap", mailboxes.imap), ("pop3", mailboxes.pop3))
    ]
    for url in wrong:
        with pytest.raises(ServiceError) as error:
            polling.poll(engine, reader, Mailbox.parse(url))
        assert "secret-word" not in str(error.value)
        assert PASSWORD not in str(error.value)


@pytest.mark.parametrize(
    ("url", "word"),
    [
        ("imap.example.org", "imaps"),
        ("imaps://imap.example.org/INBOX", "a user"),
        ("imaps://a:hunter2@h/INBOX?colour=red", "colour"),
        ("pop3s://a:hunter2@h?then=Read", "POP3"),
        ("imap://a:hunter2@h?starttls=perhaps", "starttls"),
        ("imaps://a:hunter2@h:port", "cannot be read"),
    ],
)
def test_a_mailbox_that_is_written_wrongly_is_refused_with_the_cure_and_without_the_password(url: str, word: str) -> None:
    with pytest.raises(InputError, match=word) as error:
        Mailbox.parse(url)
    assert "hunter2" not in str(error.value)
