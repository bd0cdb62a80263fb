"""A notice that a mail server writes, for tests that have it read."""

from __future__ import annotations

from dataclasses import dataclass

from mailer.feedback import FactClass, Judge
from mailer.provider import ProviderTable
from mailer.reply import ReplyTable

JUDGE = Judge(ReplyTable.load(), ProviderTable.load())
HARD, SOFT = FactClass.HARD, FactClass.SOFT


@dataclass(frozen=True)
class Notice:
    """A server's notice, and what it says of whom."""

    server: str
    subject: str
    text: str
    recipients: dict[str, FactClass]
    author: str = "Mail Delivery Subsystem <MAILER-DAEMON@mx.example.net>"
    field: str = ""

    def message(self, charset: str) -> bytes:
        """It as a message in that charset."""
        head = f"Return-Path: <>\nFrom: {self.author}\nTo: news@association.example\nSubject: {self.subject}\n"
        head += f"{self.field}\n" if self.field else ""
        return f"{head}Content-Type: text/plain; charset={charset}\n\n{self.text}".encode(charset, "replace")
