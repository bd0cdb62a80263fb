"""Which policy a list has for bounces: its own, or the one of the settings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sqlalchemy import Connection, text

from mailer.judgement import Policy
from mailer.settings import Settings
from subscribers import audit
from subscribers.audit import Change, Subject


@dataclass(frozen=True, slots=True)
class Policies:
    """The policy in general, and those of lists that have one of their own."""

    general: Policy = field(default_factory=Policy)
    of_list: Mapping[int, Policy] = field(default_factory=dict)

    def of_lists(self, list_ids: Iterable[int]) -> Policy:
        """The policy for mail to these lists: of the first that has its own."""
        return next((self.of_list[list_id] for list_id in list_ids if list_id in self.of_list), self.general)


def load_policies(connection: Connection, settings: Settings) -> Policies:
    """The policies in force."""
    rows = connection.execute(text("SELECT id, bounce_policy FROM mailing_list WHERE bounce_policy IS NOT NULL"))
    return Policies(Policy.parse(settings["BOUNCE_POLICY"]), {row.id: Policy.parse(row.bounce_policy) for row in rows})


def set_policy(connection: Connection, list_id: int, rules: str | None, *, by: str) -> None:
    """Give a list its own policy, or with None the general one again. InputError where the rules cannot be understood."""
    if rules is not None:
        Policy.parse(rules)
    before = connection.execute(text("SELECT bounce_policy FROM mailing_list WHERE id = :id"), {"id": list_id}).scalar_one()
    connection.execute(text("UPDATE mailing_list SET bounce_policy = :rules WHERE id = :id"), {"id": list_id, "rules": rules})
    values = ({"bounce_policy": before}, {"bounce_policy": rules})
    audit.record(connection, Change(by, "update", Subject.LIST, list_id, *values))
