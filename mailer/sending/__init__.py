"""Batches sent: claimed, composed, paced, handed to a relay, and every outcome recorded. The only place where these meet.

All batches of a process run on one event loop, in a thread of its own, and share each relay's connections. The database and the
broker are spoken to in other threads, and no transaction is open while a socket of ours waits. Together the batches of a process
have at most WINDOW deliveries begun and not recorded: so many can be in doubt when the process is killed, and no more.
"""

from mailer.sending.sender import BATCHES_AT_ONCE, Equipment, Sender
from mailer.sending.window import WINDOW

__all__ = ["BATCHES_AT_ONCE", "WINDOW", "Equipment", "Sender"]
