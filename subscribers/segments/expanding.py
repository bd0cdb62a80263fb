"""Saved segments put in where others name them: no circles, and no more in the end than anybody can have meant."""

from __future__ import annotations

from typing import assert_never

from subscribers.errors import InputError
from subscribers.segments.parsing import parse
from subscribers.segments.tree import And, Call, Comparison, Expression, Named, Not, Or, conditions
from subscribers.segments.vocabulary import Vocabulary

SEGMENT = "segment"
MOST_CONDITIONS = 500


def understand(expression: str, vocabulary: Vocabulary) -> Expression:
    """The tree of an expression, or of the saved segment of that name, with every saved one in it put in.

    InputError names what is wrong with it, or with one of them.
    """
    name = expression.strip()
    tree = Call(SEGMENT, (Named(name),)) if name in vocabulary.saved else parse(expression, vocabulary)
    return _expanded(tree, vocabulary, ())


def uses(expression: str, vocabulary: Vocabulary) -> frozenset[str]:
    """The saved segments that an expression names itself; none where it is not understood any more, as of an issue that was deleted."""
    try:
        tree = parse(expression, vocabulary)
    except InputError:
        return frozenset()
    return frozenset(name for leaf in conditions(tree) if (name := _named(leaf)))


def _expanded(tree: Expression, vocabulary: Vocabulary, inside: tuple[str, ...]) -> Expression:
    match tree:
        case Comparison() | Call():
            name = _named(tree)
            return tree if name is None else _saved(name, vocabulary, inside)
        case Not(part):
            return Not(_expanded(part, vocabulary, inside))
        case And(parts):
            return _bounded(And(tuple(_expanded(part, vocabulary, inside) for part in parts)))
        case Or(parts):
            return _bounded(Or(tuple(_expanded(part, vocabulary, inside) for part in parts)))
        case _:
            assert_never(tree)


def _saved(name: str, vocabulary: Vocabulary, inside: tuple[str, ...]) -> Expression:
    if name in inside:
        circle = " → ".join([*inside[inside.index(name) :], name])
        raise InputError(f"the segment {name!r} is made of itself: {circle}. Take `segment({name})` out of one of them.")
    try:
        tree = parse(vocabulary.saved[name], vocabulary)
    except InputError as error:
        raise InputError(f"in the saved segment {name!r}, {error}") from error
    return _expanded(tree, vocabulary, (*inside, name))


def _bounded(tree: Expression) -> Expression:
    number = sum(1 for _ in conditions(tree))
    if number > MOST_CONDITIONS:
        raise InputError(f"with its saved segments this one has {number} conditions, and {MOST_CONDITIONS} are the most.")
    return tree


def _named(leaf: Comparison | Call) -> str | None:
    match leaf:
        case Call("segment", (Named(name),)):
            return name
        case _:
            return None
