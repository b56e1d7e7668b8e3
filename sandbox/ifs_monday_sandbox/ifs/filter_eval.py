"""From the tree of a `$filter` to a test of rows: types are checked first, then it is compiled.

Nulls follow the database: a comparison with null is neither true nor false, `not` leaves it so,
and only rows for which the whole is true are kept. `eq null` and `ne null` ask for null itself.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Context, Decimal
from typing import TYPE_CHECKING, Any, Final, assert_never

from ifs_monday_sandbox.ifs import filter_syntax as syntax
from ifs_monday_sandbox.ifs.errors import ODataError, malformed, not_implemented
from ifs_monday_sandbox.ifs.functions import FUNCTIONS
from ifs_monday_sandbox.ifs.model import EntityType, Kind, Projection

if TYPE_CHECKING:
    from ifs_monday_sandbox.business import Row

__all__ = ["Scope", "Typed", "compile_filter", "literal_for"]

Value = Callable[["Row"], Any]

_COMPARE: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "gt": operator.gt,
    "ge": operator.ge,
    "lt": operator.lt,
    "le": operator.le,
}
_EXACT: Final = Context(prec=130)
_ARITHMETIC: Final[Mapping[str, Callable[[Decimal, Decimal], Decimal]]] = {
    "add": _EXACT.add,
    "sub": _EXACT.subtract,
    "mul": _EXACT.multiply,
    "div": _EXACT.divide,
}


@dataclass(frozen=True, slots=True)
class Typed:
    """A compiled expression: its value for a row, and of which kind that is."""

    kind: Kind
    value: Value
    enum: str = ""


@dataclass(frozen=True, slots=True)
class Scope:
    """What names in an expression stand for: the properties of `entity` in `projection`."""

    projection: Projection
    entity: EntityType
    value: Callable[[str], Value]

    def member(self, name: str) -> Typed:
        """The property `name`. Raises ODataError (400) with the words of the real server."""
        found = self.entity.property(name)
        if found is None:
            raise malformed(
                f"The property '{name}', used in a query expression, is not defined in type "
                f"'{self.projection.namespace}.{self.entity.name}'."
            )
        return Typed(found.kind, self.value(name), found.enum)


def compile_filter(tree: syntax.Expression, scope: Scope) -> Callable[[Row], bool]:
    """A test of rows. Raises ODataError (400) for unknown properties and wrong types."""
    typed = _typed(tree, scope)
    if typed.kind is not Kind.FLAG:
        raise malformed(f"A filter must be a condition, not {_named(typed)}.")
    value = typed.value
    return lambda row: value(row) is True


def literal_for(literal: syntax.Literal, kind: Kind) -> bool:
    """Whether `literal` can be compared with a property of `kind`."""
    return literal.kind in (kind, Kind.NULL)


def _typed(  # noqa: C901, PLR0911  (one closed table of the kinds of nodes)
    tree: syntax.Expression, scope: Scope
) -> Typed:
    match tree:
        case syntax.Literal(kind, value):
            return Typed(kind, lambda _: value)
        case syntax.EnumLiteral():
            return _enum(tree, scope)
        case syntax.Member(name):
            return scope.member(name)
        case syntax.Call():
            return _call(tree, scope)
        case syntax.Comparison(name, left, right):
            return _comparison(name, _typed(left, scope), _typed(right, scope))
        case syntax.In(item, choices):
            return _in(_typed(item, scope), [_typed(choice, scope) for choice in choices])
        case syntax.Sum(name, left, right):
            return _sum(name, _typed(left, scope), _typed(right, scope))
        case syntax.Negation(operand):
            zero = Typed(Kind.NUMBER, lambda _: Decimal(0))
            return _sum("sub", zero, _typed(operand, scope))
        case syntax.Logic("and", left, right):
            return _and(_condition(left, scope), _condition(right, scope))
        case syntax.Logic(_, left, right):
            return _or(_condition(left, scope), _condition(right, scope))
        case syntax.Not(operand):
            return _not(_condition(operand, scope))
    assert_never(tree)


def _enum(literal: syntax.EnumLiteral, scope: Scope) -> Typed:
    namespace, _, name = literal.type.rpartition(".")
    enum = scope.projection.enums.get(name)
    if namespace != scope.projection.namespace or enum is None:
        raise malformed(f"The type '{literal.type}' is not defined in this service.")
    if literal.member not in enum.members:
        raise malformed(f"'{literal.member}' is not a member of '{literal.type}'.")
    return Typed(Kind.CHOICE, lambda _: literal.member, name)


def _call(call: syntax.Call, scope: Scope) -> Typed:
    function = FUNCTIONS.get(call.function)
    if function is None:
        raise not_implemented(f"The function '{call.function}' is not supported.")
    arguments = [_typed(argument, scope) for argument in call.arguments]
    kinds = tuple(argument.kind for argument in arguments)
    if not any(
        len(kinds) == len(wanted)
        and all(a in (b, Kind.NULL) for a, b in zip(kinds, wanted, strict=True))
        for wanted in function.signatures
    ):
        given = ", ".join(map(_named, arguments))
        raise malformed(f"The function '{call.function}' cannot be applied to ({given}).")
    values = [argument.value for argument in arguments]
    apply = function.apply

    def value(row: Row) -> Any:
        found = [each(row) for each in values]
        return None if None in found else apply(*found)

    return Typed(function.result, value)


def _comparison(name: str, left: Typed, right: Typed) -> Typed:
    _must_compare(name, left, right)
    a, b, compare = left.value, right.value, _COMPARE[name]
    if Kind.NULL in (left.kind, right.kind):
        return _null_test(name, left if right.kind is Kind.NULL else right)

    def value(row: Row) -> bool | None:
        x, y = a(row), b(row)
        return None if x is None or y is None else compare(x, y)

    return Typed(Kind.FLAG, value)


def _null_test(name: str, operand: Typed) -> Typed:
    value = operand.value
    tests: Mapping[str, Value] = {
        "eq": lambda row: value(row) is None,
        "ne": lambda row: value(row) is not None,
    }
    return Typed(Kind.FLAG, tests.get(name, lambda _: None))


def _must_compare(name: str, left: Typed, right: Typed) -> None:
    if Kind.NULL in (left.kind, right.kind):
        return
    ordered = name not in {"eq", "ne"}
    same = (left.kind, left.enum) == (right.kind, right.enum)
    if not same or (ordered and left.kind in {Kind.FLAG, Kind.CHOICE}):
        raise malformed(
            f"The operator '{name}' cannot be applied to {_named(left)} and {_named(right)}."
        )


def _in(item: Typed, choices: list[Typed]) -> Typed:
    tests = [_comparison("eq", item, choice).value for choice in choices]

    def value(row: Row) -> bool | None:
        found = [test(row) for test in tests]
        return True if True in found else (None if None in found else False)

    return Typed(Kind.FLAG, value)


def _sum(name: str, left: Typed, right: Typed) -> Typed:
    if {left.kind, right.kind} - {Kind.NUMBER, Kind.NULL}:
        raise malformed(
            f"The operator '{name}' cannot be applied to {_named(left)} and {_named(right)}."
        )
    a, b, calculate = left.value, right.value, _ARITHMETIC[name]

    def value(row: Row) -> Decimal | None:
        x, y = a(row), b(row)
        if x is None or y is None:
            return None
        if name == "div" and y == 0:
            raise ODataError(500, "ODP_SERVER_ERROR", "ORA-01476: divisor is equal to zero")
        return calculate(Decimal(x), Decimal(y))

    return Typed(Kind.NUMBER, value)


def _condition(tree: syntax.Expression, scope: Scope) -> Value:
    typed = _typed(tree, scope)
    if typed.kind not in {Kind.FLAG, Kind.NULL}:
        raise malformed(f"A condition is needed, not {_named(typed)}.")
    return typed.value


def _and(left: Value, right: Value) -> Typed:
    def value(row: Row) -> bool | None:
        x = left(row)
        if x is False:
            return False
        y = right(row)
        return False if y is False else (None if x is None or y is None else True)

    return Typed(Kind.FLAG, value)


def _or(left: Value, right: Value) -> Typed:
    def value(row: Row) -> bool | None:
        x = left(row)
        if x is True:
            return True
        y = right(row)
        return True if y is True else (None if x is None or y is None else False)

    return Typed(Kind.FLAG, value)


def _not(operand: Value) -> Typed:
    def value(row: Row) -> bool | None:
        x = operand(row)
        return None if x is None else not x

    return Typed(Kind.FLAG, value)


def _named(typed: Typed) -> str:
    return f"the enumeration '{typed.enum}'" if typed.enum else f"'{typed.kind.value}'"
