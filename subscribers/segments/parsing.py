"""An expression read into a tree, by recursive descent over a closed vocabulary. Whatever is wrong is shown at its place."""

from __future__ import annotations

from subscribers.segments.cursor import Cursor, shown, some
from subscribers.segments.printing import RESERVED
from subscribers.segments.tokens import Kind
from subscribers.segments.tree import And, Argument, Call, Comparison, Expression, Named, Not, Operator, Or, Value
from subscribers.segments.values import read_span, read_value
from subscribers.segments.vocabulary import Field, Parameter, Vocabulary

DEEPEST = 50


def parse(expression: str, vocabulary: Vocabulary) -> Expression:
    """The tree of an expression. SegmentError points at what is wrong in it and says what would be allowed there."""
    parser = _Parser(Cursor(expression), vocabulary)
    tree = parser.disjunction()
    if parser.cursor.next.kind is not Kind.END:
        raise parser.cursor.fault(f"{shown(parser.cursor.next)} cannot follow here.", "and, or")
    return tree


class _Parser:
    """One method for each rule of the grammar."""

    def __init__(self, cursor: Cursor, vocabulary: Vocabulary) -> None:
        self.cursor = cursor
        self._vocabulary = vocabulary
        self._depth = 0

    def disjunction(self) -> Expression:
        """Conjunction { "or" conjunction }."""
        parts = [self._conjunction()]
        while self.cursor.take("or"):
            parts.append(self._conjunction())
        return Or(tuple(parts)) if len(parts) > 1 else parts[0]

    def _conjunction(self) -> Expression:
        parts = [self._negation()]
        while self.cursor.take("and"):
            parts.append(self._negation())
        return And(tuple(parts)) if len(parts) > 1 else parts[0]

    def _negation(self) -> Expression:
        """ "not" negation | "(" disjunction ")" | condition."""
        if self._depth == DEEPEST:
            raise self.cursor.fault(
                f"{DEEPEST} brackets and `not` are in each other here.", "a condition; parts can be saved by name"
            )
        self._depth += 1
        tree: Expression
        if self.cursor.take("not"):
            tree = Not(self._negation())
        elif self.cursor.take("("):
            tree = self.disjunction()
            self.cursor.expect(")", "and, or, )")
        else:
            tree = self._condition()
        self._depth -= 1
        return tree

    def _condition(self) -> Expression:
        """A field with what is asked of it, or a predicate with its arguments."""
        token = self.cursor.next
        if token.kind is not Kind.WORD or token.text in RESERVED:
            raise self.cursor.fault(f"{shown(token)} is no condition.", f"not, (, {self._beginnings()}")
        if self.cursor.sees_after_next("("):
            return self._call()
        name = self._field_name()
        field = self._vocabulary.field(name)
        if field is None:
            raise self.cursor.unknown("field", token, [*self._vocabulary.fields, *self._vocabulary.own])
        return self._comparison(name, field)

    def _field_name(self) -> str:
        """A word; the last part of an own field's name may stand in quotes."""
        token, following = self.cursor.advance(), self.cursor.next
        if token.text in self._vocabulary.own and following.kind is Kind.QUOTED and following.start == token.end:
            return token.text + self.cursor.advance().text
        return token.text

    def _comparison(self, name: str, field: Field) -> Expression:
        for words, operator, negated in _WRITTEN:
            if operator in field.kind.operators and self.cursor.take(*words):
                comparison = Comparison(name, operator, self._values(operator, name, field))
                return Not(comparison) if negated else comparison
        allowed = ", ".join(" ".join(words) for words, operator, _ in _WRITTEN if operator in field.kind.operators)
        raise self.cursor.fault(f"{name} holds {field.kind.holds}; {shown(self.cursor.next)} is not asked of it.", allowed)

    def _values(self, operator: Operator, name: str, field: Field) -> tuple[Value, ...]:
        match operator:
            case Operator.EMPTY:
                return ()
            case Operator.IN:
                self.cursor.expect("(", "( and values with commas between them")
                values = [read_value(self.cursor, name, field)]
                while self.cursor.take(","):
                    values.append(read_value(self.cursor, name, field))
                self.cursor.expect(")", "a comma, )")
                return tuple(values)
            case _:
                return (read_value(self.cursor, name, field),)

    def _call(self) -> Call:
        """Predicate "(" [ argument { "," argument } ] ")"."""
        token = self.cursor.advance()
        predicate = self._vocabulary.predicates.get(token.text)
        if predicate is None:
            raise self.cursor.unknown("question", token, self._vocabulary.predicates)
        self.cursor.expect("(", "(")
        arguments: list[Argument] = []
        left = list(predicate.parameters)
        while not self.cursor.sees(")"):
            if arguments:
                self.cursor.expect(",", "a comma, )" if left else ")")
            arguments.append(self._argument(left))
        if left and left[0].required:
            raise self.cursor.fault(f"`{token.text}` needs {left[0].about}.", _arguments(left))
        self.cursor.expect(")", ")")
        return Call(token.text, tuple(arguments))

    def _argument(self, left: list[Parameter]) -> Argument:
        """The next argument. Its parameter, and those before it that were left out, are taken off `left`."""
        token, allowed = self.cursor.next, _arguments(left) if left else ")"
        if token.kind in (Kind.END, Kind.SIGN) or not left:
            raise self.cursor.fault(f"{shown(token)} cannot stand here.", allowed)
        while left:
            parameter = left.pop(0)
            if (argument := read_span(self.cursor, parameter.spans)) is not None:
                return argument
            if token.text in parameter.choices or token.text in parameter.also:
                return Named(self.cursor.advance().text)
            if parameter.required:
                raise self.cursor.unknown(parameter.about.removeprefix("a "), token, parameter.choices)
        raise self.cursor.fault(f"{shown(token)} cannot stand here.", allowed)

    def _beginnings(self) -> str:
        return some([*(f"{name}(…)" for name in self._vocabulary.predicates), *self._vocabulary.fields])


# How operators are written, longer ones before those that they begin with.
_WRITTEN: tuple[tuple[tuple[str, ...], Operator, bool], ...] = (
    *(((str(operator),), operator, False) for operator in Operator if " " not in operator),
    (("not", "in"), Operator.IN, True),
    (("starts", "with"), Operator.STARTS, False),
    (("is", "not", "empty"), Operator.EMPTY, True),
    (("is", "empty"), Operator.EMPTY, False),
)


def _arguments(left: list[Parameter]) -> str:
    return some([allowed for one in left for allowed in (*one.choices, *(span.value for span in one.spans))])
