"""What can go wrong, by who can mend it. The command line turns each into its exit code."""

from __future__ import annotations


class JianbaoError(Exception):
    """Any failure that is explained to the person who caused or can mend it; the text says what, why and what to do."""


class InputError(JianbaoError):
    """Bad input or wrong use: nothing was changed (exit code 2)."""


class ServiceError(JianbaoError):
    """A service cannot be reached: the text says which, and how to start it (exit code 3)."""


def first_line(error: BaseException) -> str:
    """The first line of what an error says, for logs and sentences; its kind where it says nothing, as a timeout does."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
