"""What each mail service's file says of it: how to tell its requests from others', and how to read them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

from mailer.feedback.fact import Facts, Refusal
from mailer.feedback.judging import Judge
from mailer.feedback.webhooks.request import WebhookRequest, WebhookSecrets


class Proof(Enum):
    """What a service's requests carry beside a password: nothing, a signature by a key that is agreed on, or one by the
    service's own key, for a topic that must be ours."""

    NONE = auto()
    KEY = auto()
    TOPIC = auto()


@dataclass(frozen=True, slots=True)
class Service:
    """One mail service. `verify` gives the refusal of a request that is not proven to be the service's, None where it is;
    it is asked before anything of the body is believed. `read` may raise MalformedError."""

    name: str
    title: str
    proof: Proof
    verify: Callable[[WebhookRequest], Refusal | None]
    read: Callable[[WebhookRequest, Judge], Facts]

    def unproven_by(self, secrets: WebhookSecrets) -> str:
        """Why requests cannot be proven by these secrets; "" where they can. A secret that proves nothing here is a mistake."""
        if secrets.keys and self.proof is not Proof.KEY:
            return f"{self.title} signs by no key of ours"
        if secrets.topics and self.proof is not Proof.TOPIC:
            return f"{self.title} has no topics"
        return (
            "" if secrets.keys or secrets.topics or secrets.basic or secrets.parameters else f"{self.title}: no secret is set"
        )


def by_password(_: WebhookRequest) -> Refusal | None:
    """For services that sign nothing: the password has been checked already, and there is no more to check."""
    return None
