"""What each mail service's file says of it: how to tell its requests from others', and how to read them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mailer.feedback.fact import Facts, Refusal
from mailer.feedback.judging import Judge
from mailer.feedback.webhooks.request import WebhookRequest


@dataclass(frozen=True, slots=True)
class Service:
    """One mail service. `verify` gives the refusal of a request that is not proven to be the service's, None where it is;
    it is asked before anything of the body is believed. `read` may raise MalformedError. `signs` tells whether requests
    carry a signature; those of the others are known by a password alone."""

    name: str
    title: str
    signs: bool
    verify: Callable[[WebhookRequest], Refusal | None]
    read: Callable[[WebhookRequest, Judge], Facts]


def by_password(_: WebhookRequest) -> Refusal | None:
    """For services that sign nothing: the password has been checked already, and there is no more to check."""
    return None
