"""What every segment may speak of: subscribers, their institutes, lists, consent and suppression."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Date, cast, exists, func, literal, select
from sqlalchemy.orm import InstrumentedAttribute

from subscribers.models import (
    Consent,
    Institute,
    InstituteStatus,
    MailingList,
    Role,
    Subscriber,
    SubscriberState,
    Subscription,
    SubscriptionState,
    Suppression,
    SuppressionReason,
)
from subscribers.segments.tree import Argument, Before, LastDays, Named, Since
from subscribers.segments.vocabulary import Field, FieldKind, Moment, Parameter, Predicate, Span, Vocabulary

_TIMES = (Span.LAST_DAYS, Span.SINCE, Span.BEFORE)


def vocabulary(lists: Iterable[str], saved: Mapping[str, str]) -> Vocabulary:
    """The words that there are beside the lists of those slugs and the saved segments."""
    return with_saved(Vocabulary(_FIELDS, _predicates(tuple(lists)), _OWN), saved)


def with_saved(known: Vocabulary, saved: Mapping[str, str]) -> Vocabulary:
    """The same words with these saved segments instead."""
    name = Parameter("a saved segment", tuple(saved), required=True)
    segment = Predicate((name,), _not_expanded, "is in a saved segment")
    return replace(known, predicates={**known.predicates, "segment": segment}, saved=saved)


def in_span(
    moment: Moment, at: InstrumentedAttribute[datetime] | InstrumentedAttribute[datetime | None], argument: Argument
) -> ColumnElement[bool]:
    """Whether a time lies where LastDays, Since or Before say."""
    match argument:
        case LastDays(number):
            return at >= moment.now - timedelta(days=number)
        case Since(day):
            return at >= datetime(day.year, day.month, day.day, tzinfo=moment.zone)
        case Before(day):
            return at < datetime(day.year, day.month, day.day, tzinfo=moment.zone)
        case _:
            raise AssertionError(f"{argument} is no time")


# --- Fields ----------------------------------------------------------------------------------------------------------------------


def _plain(kind: FieldKind, column: InstrumentedAttribute[Any], about: str) -> Field:
    return Field(kind, lambda moment: column, about)  # type: ignore[arg-type,return-value]


def _closed(words: Iterable[StrEnum], column: InstrumentedAttribute[Any], about: str) -> Field:
    return Field(FieldKind.CHOICE, lambda moment: column, about, tuple(word.value for word in words))  # type: ignore[arg-type,return-value]


def _day(column: InstrumentedAttribute[datetime], about: str) -> Field:
    """A moment as the day that it was where the segment is asked for."""
    return Field(FieldKind.DATE, lambda moment: cast(func.timezone(moment.zone.key, column), Date), about)


def _own(column: InstrumentedAttribute[dict[str, object]]) -> Callable[[str], Field]:
    return lambda name: Field(FieldKind.TEXT, lambda moment: column[name].astext, "a field of your own")


_STATES = (SubscriberState.ACTIVE, SubscriberState.DISABLED)  # Who was merged into another is in no segment.
_FIELDS = {
    "subscriber.address": _plain(FieldKind.TEXT, Subscriber.canonical, "the address in its one form, in small letters"),
    "subscriber.domain": _plain(FieldKind.TEXT, Subscriber.domain, "what stands behind the @, in small letters"),
    "subscriber.name": _plain(FieldKind.TEXT, Subscriber.name, "the name of the person or the office"),
    "subscriber.role": _closed(Role, Subscriber.role, "what the subscriber is at the institute"),
    "subscriber.rank": _plain(FieldKind.NUMBER, Subscriber.rank, "the place among the contacts of the institute, 1 the first"),
    "subscriber.language": _plain(FieldKind.TEXT, Subscriber.language, "like zh or en"),
    "subscriber.phone": _plain(FieldKind.TEXT, Subscriber.phone, "the telephone number"),
    "subscriber.state": _closed(_STATES, Subscriber.state, "whether the address works"),
    "subscriber.needs_smtputf8": _plain(FieldKind.FLAG, Subscriber.needs_smtputf8, "whether the address is not in ASCII"),
    "subscriber.since": _day(Subscriber.created_at, "when the subscriber was entered"),
    "institute.name": _plain(FieldKind.TEXT, Institute.name, "the present name"),
    "institute.short_name": _plain(FieldKind.TEXT, Institute.short_name, "the first of the short names"),
    "institute.province": _plain(FieldKind.TEXT, Institute.province, "as it is written in the record"),
    "institute.city": _plain(FieldKind.TEXT, Institute.city, "as it is written in the record"),
    "institute.kind": _plain(FieldKind.TEXT, Institute.kind, "what kind of institute it is"),
    "institute.status": _closed(InstituteStatus, Institute.status, "whether it belongs to the association"),
    "institute.membership_number": _plain(FieldKind.TEXT, Institute.membership_number, "the number of its membership"),
    "institute.since": _plain(FieldKind.DATE, Institute.since, "when its membership began"),
    "institute.until": _plain(FieldKind.DATE, Institute.until, "when its membership ended or ends"),
}
_OWN = {"subscriber.fields.": _own(Subscriber.fields), "institute.fields.": _own(Institute.fields)}


# --- Questions -------------------------------------------------------------------------------------------------------------------


def _predicates(slugs: tuple[str, ...]) -> dict[str, Predicate]:
    list_ = Parameter("a list", slugs, required=True)
    states = Parameter("a state of subscription", tuple(state.value for state in SubscriptionState))
    reasons = Parameter("a reason", tuple(reason.value for reason in SuppressionReason))
    return {
        "list": Predicate((list_, states), _on_list, "is on the list and has not left it, or is on it in that state"),
        "consent": Predicate(
            (list_, Parameter("a time", spans=_TIMES)),
            _consented,
            "the consent ledger has a consent for the list, in that time",
        ),
        "suppressed": Predicate((reasons,), _suppressed, "is never written to, for that reason or for any"),
    }


def _on_list(arguments: Sequence[Argument], moment: Moment) -> ColumnElement[bool]:
    state = Subscription.state != SubscriptionState.UNSUBSCRIBED.value
    if len(arguments) > 1:
        state = Subscription.state == _name(arguments[1])
    return exists().where(Subscription.subscriber_id == Subscriber.id, Subscription.list_id == _list_id(arguments[0]), state)


def _consented(arguments: Sequence[Argument], moment: Moment) -> ColumnElement[bool]:
    times = [in_span(moment, Consent.at, argument) for argument in arguments[1:]]
    given = Consent.state == SubscriptionState.CONFIRMED.value
    return exists().where(Consent.subscriber_id == Subscriber.id, Consent.list_id == _list_id(arguments[0]), given, *times)


def _suppressed(arguments: Sequence[Argument], moment: Moment) -> ColumnElement[bool]:
    reasons = [Suppression.reason == _name(argument) for argument in arguments]
    holds = Suppression.until.is_(None) | (Suppression.until > literal(moment.now))
    everywhere = Suppression.list_id.is_(None)
    return exists().where(Suppression.address_hash == Subscriber.address_hash, everywhere, holds, *reasons)


def _not_expanded(arguments: Sequence[Argument], moment: Moment) -> ColumnElement[bool]:
    raise AssertionError("saved segments are put in before anything is asked of the database")


def _list_id(argument: Argument) -> ColumnElement[int]:
    return select(MailingList.id).where(MailingList.slug == _name(argument)).scalar_subquery()


def _name(argument: Argument) -> str:
    assert isinstance(argument, Named)
    return argument.name
