"""How long we wait for a server, for each kind of silence."""

from __future__ import annotations

from dataclasses import dataclass, fields

from mailer.reply import Command


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Seconds, all above 0. The defaults of commands are RFC 5321 §4.5.3.2's minima; after the final dot it is ten minutes,
    because a server that is cut off while it queues the message delivers it, and we would deliver it again (RFC 1047).

    `connect` is for one address of the relay, `tls` for the handshake, `write` for the time in which not one byte could be
    written, `idle` for a connection that nobody needs.
    """

    connect: float = 30.0
    greeting: float = 300.0
    tls: float = 60.0
    command: float = 300.0
    data: float = 120.0
    write: float = 180.0
    dot: float = 600.0
    quit: float = 5.0
    idle: float = 30.0

    def awaiting(self, command: Command) -> float:
        """The seconds a server has for its reply to `command`."""
        match command:
            case Command.DOT:
                return self.dot
            case Command.DATA:
                return self.data
            case Command.CONNECT:
                return self.greeting
            case Command.QUIT:
                return self.quit
            case _:
                return self.command

    @property
    def shortest(self) -> float:
        """The shortest of all: a timer that looks this often comes late for none."""
        return min(float(getattr(self, each.name)) for each in fields(self))
