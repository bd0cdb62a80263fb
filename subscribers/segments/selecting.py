"""A tree as a condition of SQLAlchemy: every value a parameter, every word a column or a subquery of ours, no text of SQL.

The database knows a third truth, unknown, for what is empty. A segment knows two: whatever is not true is false, so that everybody is
either in a segment or in its negation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any, assert_never

from sqlalchemy import BigInteger, ColumnElement, Select, and_, literal, not_, or_, select, true
from sqlalchemy import Text as TextType

from subscribers.models import Institute, Subscriber, SubscriberState
from subscribers.segments.tree import And, Call, Comparison, DaysAgo, Expression, Not, Operator, Or, Value
from subscribers.segments.vocabulary import Moment, Vocabulary


def select_ids(tree: Expression, vocabulary: Vocabulary, moment: Moment) -> Select[int]:
    """A statement for the ids of the subscribers in a segment. Who was merged into another is in none."""
    return (
        select(Subscriber.id)
        .outerjoin(Institute, Institute.id == Subscriber.institute_id)
        .where(Subscriber.state != SubscriberState.MERGED.value, _condition(tree, vocabulary, moment, negated=False))
    )


def _condition(tree: Expression, vocabulary: Vocabulary, moment: Moment, *, negated: bool) -> ColumnElement[bool]:
    """The condition. Negations are pushed down to the leaves, where the database can make an anti-join of NOT EXISTS."""
    match tree:
        case Comparison():
            compared = _compared(tree, vocabulary, moment)
            return compared.is_not(true()) if negated else compared
        case Call(predicate, arguments):
            known = vocabulary.predicates[predicate]
            if negated and known.negation is not None:
                return known.negation(arguments, moment)
            asked = known.condition(arguments, moment)
            return not_(asked) if negated else asked
        case Not(part):
            return _condition(part, vocabulary, moment, negated=not negated)
        case And(parts):
            conditions = [_condition(part, vocabulary, moment, negated=negated) for part in parts]
            return or_(*conditions) if negated else and_(*conditions)
        case Or(parts):
            conditions = [_condition(part, vocabulary, moment, negated=negated) for part in parts]
            return and_(*conditions) if negated else or_(*conditions)
        case _:
            assert_never(tree)


_Asked = Callable[[ColumnElement[Any], Sequence[Any]], ColumnElement[bool]]
_ASKED: Mapping[Operator, _Asked] = {
    Operator.EQUAL: lambda column, values: column == values[0],
    Operator.UNEQUAL: lambda column, values: column.is_distinct_from(values[0]),
    Operator.LESS: lambda column, values: column < values[0],
    Operator.AT_MOST: lambda column, values: column <= values[0],
    Operator.MORE: lambda column, values: column > values[0],
    Operator.AT_LEAST: lambda column, values: column >= values[0],
    Operator.IN: lambda column, values: column.in_(values),
    Operator.CONTAINS: lambda column, values: column.contains(values[0], autoescape=True),
    Operator.STARTS: lambda column, values: column.startswith(values[0], autoescape=True),
    Operator.EMPTY: lambda column, values: column.is_(None) | (column == ""),
}


def _compared(comparison: Comparison, vocabulary: Vocabulary, moment: Moment) -> ColumnElement[bool]:
    field = vocabulary.field(comparison.field)
    assert field is not None, comparison.field
    column = field.column(moment)
    if comparison.operator is Operator.EMPTY and not isinstance(column.type, TextType):
        return column.is_(None)
    return _ASKED[comparison.operator](column, [_parameter(value, moment) for value in comparison.values])


def _parameter(value: Value, moment: Moment) -> Any:
    match value:
        case DaysAgo(days):
            return moment.now.astimezone(moment.zone).date() - timedelta(days=days)
        case bool() | str() | date():
            return value
        case int():
            return literal(value, BigInteger)  # The column may be a smaller one, and the value no less comparable.
        case _:
            assert_never(value)
