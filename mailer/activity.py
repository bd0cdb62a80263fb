"""What a segment may ask of a subscriber's mail: received, opened, clicked, bounced, complained; any issue, or the last of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, exists, func, select, union_all
from sqlalchemy.orm import aliased

from mailer.issue import ref_of
from mailer.issues import LAST_NUMBER, bears
from mailer.models import Delivery, DeliveryState, Event, EventKind, IssueRow, Mailing, Origin
from subscribers.models import Subscriber
from subscribers.segments.expanding import understand
from subscribers.segments.printing import print_expression
from subscribers.segments.saved import load_words
from subscribers.segments.selecting import select_ids
from subscribers.segments.tree import Argument, LastIssues, Named
from subscribers.segments.vocabulary import Moment, Parameter, Predicate, Span, Vocabulary
from subscribers.segments.words import in_span

_SPANS = (Span.LAST_ISSUES, Span.LAST_DAYS, Span.SINCE, Span.BEFORE)


def load_vocabulary(connection: Connection) -> Vocabulary:
    """Everything that a segment may speak of, with the lists, saved segments and issues that there are now."""
    issues = select(IssueRow.id, IssueRow.year, IssueRow.number, LAST_NUMBER)
    known = connection.execute(issues.order_by(IssueRow.year.desc(), IssueRow.number.desc())).all()
    refs = dict.fromkeys(ref_of(row.year, row.number) for row in known)
    also = {f"#{row.id}" for row in known}
    also |= {ref_of(row.year, number) for row in known for number in range(row.number, row.last + 1)}
    which = Parameter("an issue or a time", tuple(refs), _SPANS, also=frozenset(also))
    return load_words(connection) | Vocabulary(
        {},
        {
            "received": _predicate(
                which, "a server took an issue for them", _state_in(DeliveryState.ACCEPTED, DeliveryState.COMPLAINED)
            ),
            "bounced": _predicate(which, "an issue came back", _state_in(DeliveryState.BOUNCED), of_the_mailbox=True),
            "complained": _predicate(which, "they called an issue spam", _state_in(DeliveryState.COMPLAINED)),
            "opened": _predicate(
                which,
                "they agreed to be counted, and opened an issue; machines in front of them are left out",
                *_did(EventKind.OPEN),
            ),
            "clicked": _predicate(which, "they agreed to be counted, and followed a link in an issue", *_did(EventKind.CLICK)),
        },
    )


def select_segment(connection: Connection, segment: str, moment: Moment) -> Select[int]:
    """A statement for the ids of those in a segment, an expression or the name of a saved one. InputError says what is wrong with it."""
    vocabulary = load_vocabulary(connection)
    return select_ids(understand(segment, vocabulary), vocabulary, moment)


def freeze_segment(connection: Connection, segment: str) -> str:
    """The expression of a segment with the saved ones in it written out, so that a change of those is none of this."""
    return print_expression(understand(segment, load_vocabulary(connection)))


def _predicate(which: Parameter, about: str, *holds: ColumnElement[bool], of_the_mailbox: bool = False) -> Predicate:
    """A question about somebody's deliveries: also about those to records that were merged into theirs, unless it is one of the mailbox."""

    def whose(arguments: Sequence[Argument], moment: Moment) -> list[Select[Any]]:
        meant = [*holds, *(_which(argument, moment) for argument in arguments)]
        merged = aliased(Subscriber)
        to_merged = merged.merged_into_id.is_not(None), merged.id == Delivery.subscriber_id
        found = [select(Delivery.subscriber_id.label("id")), select(merged.merged_into_id.label("id")).where(*to_merged)]
        return [each.where(*meant) for each in found[: 1 if of_the_mailbox else 2]]

    def some(arguments: Sequence[Argument], moment: Moment) -> ColumnElement[bool]:
        # Of all of them in one: two questions with `or` between them would be asked anew of each subscriber.
        found = union_all(*whose(arguments, moment)).subquery()
        return exists().where(found.c.id == Subscriber.id)

    def none(arguments: Sequence[Argument], moment: Moment) -> ColumnElement[bool]:
        # Each by itself, so that of few subscribers no more than their own deliveries are read.
        found = [each.subquery() for each in whose(arguments, moment)]
        return and_(*(~exists().where(each.c.id == Subscriber.id) for each in found))

    return Predicate((which,), some, about, none)


def _state_in(*states: DeliveryState) -> ColumnElement[bool]:
    return Delivery.state.in_([state.value for state in states])


def _did(kind: EventKind) -> tuple[ColumnElement[bool], ...]:
    return (Event.delivery_id == Delivery.id, Event.kind == kind.value, Event.origin.is_distinct_from(Origin.MACHINE.value))


def _which(argument: Argument, moment: Moment) -> ColumnElement[bool]:
    """Which deliveries are meant: those of some issues, or of the mailings that began at a time."""
    match argument:
        case Named(ref) if ref.startswith("#"):
            issues = select(IssueRow.id).where(IssueRow.id == int(ref.removeprefix("#")))
        case Named(ref):
            year, _, number = ref.partition("-")
            issues = select(IssueRow.id).where(bears(int(year), int(number)))
        case LastIssues(number):
            issues = _last_issues(number)
        case _:
            return Delivery.mailing_id.in_(select(Mailing.id).where(in_span(moment, Mailing.started_at, argument)))
    return Delivery.mailing_id.in_(select(Mailing.id).where(Mailing.issue_id.in_(issues)))


def _last_issues(number: int) -> Select[int]:
    began = select(Mailing.issue_id).where(Mailing.started_at.is_not(None)).group_by(Mailing.issue_id)
    return began.order_by(func.max(Mailing.started_at).desc()).limit(number)
