"""Messages that come back, as servers write them, for tests to send."""

from __future__ import annotations

from email.message import EmailMessage

from sqlalchemy import Engine, text

from mailer.tokens import Purpose, Tokens

SECRET = b"a secret key of the tests, long enough"
TOKENS = Tokens(SECRET)
ZHANG, LI = "zhang@institute.example", "li@institute.example"
BOUNCE_DOMAIN = "bounce.sender.example"
LETTER = b"From: li@institute.example\r\nTo: news@sender.example\r\nSubject: thank you\r\n\r\nGood issue.\r\n"
# What a report says of a full mailbox.
FULL = {"status": "5.2.2", "diagnostic": "552 5.2.2 Mailbox full"}


def return_path(delivery_id: int) -> str:
    """The envelope sender of a delivery, to which its bounce is written."""
    return f"b-{TOKENS.sign(Purpose.BOUNCE, delivery_id)}@{BOUNCE_DOMAIN}"


def message_id(delivery_id: int) -> str:
    """The Message-ID of a delivery's mail."""
    return f"<m-{TOKENS.sign(Purpose.BOUNCE, delivery_id)}@sender.example>"


def report(
    recipient: str,
    *,
    diagnostic: str = "550 5.1.1 User unknown",
    status: str = "5.1.1",
    action: str = "failed",
    arrived_for: str | None = None,
    returned_id: str | None = None,
    note: str = "",
) -> bytes:
    """A DSN (RFC 3464) about one recipient, written to `arrived_for`, with the header of the returned message."""
    returned = (
        f"From: news@sender.example\nTo: {recipient}\nMessage-ID: {returned_id or '<x@elsewhere.example>'}\nSubject: issue\n"
    )
    boundary = "=_report"
    return (
        f"Return-Path: <>\nFrom: MAILER-DAEMON@mx.example\nTo: {arrived_for or 'news@sender.example'}\n"
        f"Subject: Undelivered Mail Returned to Sender\nMIME-Version: 1.0\n"
        f'Content-Type: multipart/report; report-type=delivery-status; boundary="{boundary}"\n\n'
        f"--{boundary}\nContent-Type: text/plain\n\nIt could not be delivered. {note}\n\n"
        f"--{boundary}\nContent-Type: message/delivery-status\n\n"
        f"Reporting-MTA: dns; mx.example\n\n"
        f"Final-Recipient: rfc822; {recipient}\nAction: {action}\nStatus: {status}\n"
        f"Diagnostic-Code: smtp; {diagnostic}\n\n"
        f"--{boundary}\nContent-Type: text/rfc822-headers\n\n{returned}\n--{boundary}--\n"
    ).encode()


def complaint(arrived_for: str, returned_id: str) -> bytes:
    """A complaint in the Abuse Reporting Format (RFC 5965), in which the provider has left out who complains."""
    boundary = "=_arf"
    return (
        f"From: feedback@provider.example\nTo: {arrived_for}\nSubject: complaint\nMIME-Version: 1.0\n"
        f'Content-Type: multipart/report; report-type=feedback-report; boundary="{boundary}"\n\n'
        f"--{boundary}\nContent-Type: text/plain\n\nA user has complained.\n\n"
        f"--{boundary}\nContent-Type: message/feedback-report\n\n"
        f"Feedback-Type: abuse\nUser-Agent: Provider/1.0\nVersion: 1\n\n"
        f"--{boundary}\nContent-Type: message/rfc822\n\n"
        f"From: news@sender.example\nMessage-ID: {returned_id}\nSubject: issue\n\ntext\n\n--{boundary}--\n"
    ).encode()


def complaints_table(address: str) -> bytes:
    """A service's table that tells of one complaint."""
    return f"email,event\n{address},complaint\n".encode()


def autoreply(sender: str, arrived_for: str, words: str = "我正在出差。") -> bytes:
    """What somebody's mailbox answers by itself: that its owner is away, or other words."""
    message = EmailMessage()
    message["From"], message["To"] = sender, arrived_for
    message["Subject"], message["Auto-Submitted"] = "自动回复：简报", "auto-replied"
    message.set_content(words)
    return message.as_bytes()


def deliveries(engine: Engine) -> dict[str, int]:
    """The id of each delivery, by address."""
    with engine.connect() as connection:
        return {row.address: row.id for row in connection.execute(text("SELECT address, id FROM delivery"))}


def settle_all(engine: Engine, state: str = "accepted", reply: str = "250 2.0.0 Ok: queued as 4XyZ123456") -> None:
    """Let every delivery have ended in a state, as a sender would have written it."""
    with engine.begin() as connection:
        connection.execute(
            text("UPDATE delivery SET state = :state, reply = :reply, relay = 'relay:25', attempts = 1, settled_at = now()"),
            {"state": state, "reply": reply},
        )
        connection.execute(text("UPDATE batch SET due_at = NULL"))
