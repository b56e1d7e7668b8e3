"""The grammar of `$filter`, `$orderby` and key predicates: text to tree. Knows no types.

OData 4.01 Part 2 (URL Conventions), 5.1.1, as far as IFS supports it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from ifs_monday_sandbox.ifs.errors import malformed, not_implemented
from ifs_monday_sandbox.ifs.model import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = [
    "Call",
    "Comparison",
    "EnumLiteral",
    "Expression",
    "In",
    "Literal",
    "Logic",
    "Member",
    "Negation",
    "Not",
    "Sum",
    "parse_filter",
    "parse_key",
]


@dataclass(frozen=True, slots=True)
class Literal:
    """A constant; the value of a text that is empty is None, as Oracle knows no empty text."""

    kind: Kind
    value: object


@dataclass(frozen=True, slots=True)
class EnumLiteral:
    """`IfsApp.Projection.Type'Member'`."""

    type: str
    member: str


@dataclass(frozen=True, slots=True)
class Member:
    """A property by name."""

    name: str


@dataclass(frozen=True, slots=True)
class Call:
    """A function with its arguments."""

    function: str
    arguments: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """`left operator right`, the operator one of eq ne gt ge lt le."""

    operator: str
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class In:
    """`item in (choices)`."""

    item: Expression
    choices: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Sum:
    """`left operator right`, the operator one of add sub mul div."""

    operator: str
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class Negation:
    """Minus."""

    operand: Expression


@dataclass(frozen=True, slots=True)
class Logic:
    """`left and right`, or `left or right`."""

    operator: str
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class Not:
    """`not operand`."""

    operand: Expression


Expression = Literal | EnumLiteral | Member | Call | Comparison | In | Sum | Negation | Logic | Not


_TOKEN: Final = re.compile(
    r"""
    (?P<space>[ ]+)
  | (?P<enum>[A-Za-z_][\w.]*\.[A-Za-z_]\w*'(?:[^']|'')*')
  | (?P<text>'(?:[^']|'')*')
  | (?P<timestamp>\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d))
  | (?P<date>\d{4}-\d\d-\d\d)
  | (?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)
  | (?P<word>[A-Za-z_]\w*(?:/[A-Za-z_$]\w*)*)
  | (?P<sign>[(),=]|-)
    """,
    re.VERBOSE | re.ASCII,
)

_COMPARISONS: Final = frozenset({"eq", "ne", "gt", "ge", "lt", "le"})
_ADDING: Final = frozenset({"add", "sub"})
_MULTIPLYING: Final = frozenset({"mul", "div"})
_WORDS: Final[Mapping[str, Literal]] = {
    "null": Literal(Kind.NULL, None),
    "true": Literal(Kind.FLAG, value=True),
    "false": Literal(Kind.FLAG, value=False),
}


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    at: int


def parse_filter(text: str) -> Expression:
    """The tree of a `$filter`. Raises ODataError (400) where the grammar is broken."""
    parser = _Parser(text)
    tree = parser.disjunction()
    parser.expect_end()
    return tree


def parse_key(text: str) -> Mapping[str, Literal]:
    """The key predicate between the parentheses of `Set(...)`; a lone value has the name ""."""
    parser = _Parser(text)
    key = parser.key()
    parser.expect_end()
    return key


def _tokens(text: str) -> list[_Token]:
    tokens, at = [], 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise malformed(f"Unexpected character '{text[at]}' at position {at + 1} in '{text}'.")
        if match.lastgroup != "space":
            tokens.append(_Token(str(match.lastgroup), match.group(), at))
        at = match.end()
    return [*tokens, _Token("end", "", at)]


class _Parser:
    """Recursive descent; each method reads one level of precedence, loosest first."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = _tokens(text)
        self._next = 0

    def expect_end(self) -> None:
        if self._peek().kind != "end":
            raise self._unexpected()

    def disjunction(self) -> Expression:
        return self._chain(self._conjunction, frozenset({"or"}), Logic)

    def key(self) -> Mapping[str, Literal]:
        first = self._key_part()
        parts = [first]
        while self._take_sign(","):
            parts.append(self._key_part())
        key = dict(parts)
        if len(key) < len(parts) or ("" in key and len(parts) > 1):
            raise malformed(f"The key predicate ({self._text}) names a key twice or not at all.")
        return key

    def _key_part(self) -> tuple[str, Literal]:
        name = ""
        if self._peek().kind == "word" and self._tokens[self._next + 1].text == "=":
            name = self._take().text
            self._take()
        value = self._operand()
        if not isinstance(value, Literal):
            raise malformed(f"The key predicate ({self._text}) may hold literals only.")
        return name, value

    def _conjunction(self) -> Expression:
        return self._chain(self._condition, frozenset({"and"}), Logic)

    def _condition(self) -> Expression:
        if self._take_word("not"):
            return Not(self._condition())
        left = self._sum()
        if self._take_word("in"):
            return In(left, self._list(self._sum))
        if self._peek().kind == "word" and self._peek().text in _COMPARISONS:
            return Comparison(self._take().text, left, self._sum())
        return left

    def _sum(self) -> Expression:
        return self._chain(self._product, _ADDING, Sum)

    def _product(self) -> Expression:
        return self._chain(self._operand, _MULTIPLYING, Sum)

    def _chain(
        self,
        operand: Callable[[], Expression],
        operators: frozenset[str],
        node: Callable[[str, Expression, Expression], Expression],
    ) -> Expression:
        left = operand()
        while self._peek().kind == "word" and self._peek().text in operators:
            left = node(self._take().text, left, operand())
        return left

    def _operand(self) -> Expression:
        if self._take_sign("("):
            inner = self.disjunction()
            self._expect_sign(")")
            return inner
        if self._take_sign("-"):
            return Negation(self._operand())
        token = self._peek()
        if token.kind == "word":
            return self._named(self._take())
        if token.kind in _LITERALS:
            return _LITERALS[token.kind](self._take().text)
        raise self._unexpected()

    def _named(self, token: _Token) -> Expression:
        if token.text in _WORDS:
            return _WORDS[token.text]
        if "/" in token.text:
            raise not_implemented(f"The path '{token.text}' cannot be used in an expression.")
        if self._peek().text == "(":
            return Call(token.text, self._list(self.disjunction))
        return Member(token.text)

    def _list(self, item: Callable[[], Expression]) -> tuple[Expression, ...]:
        self._expect_sign("(")
        items = [item()]
        while self._take_sign(","):
            items.append(item())
        self._expect_sign(")")
        return tuple(items)

    def _peek(self) -> _Token:
        return self._tokens[self._next]

    def _take(self) -> _Token:
        self._next += 1
        return self._tokens[self._next - 1]

    def _take_word(self, word: str) -> bool:
        token = self._peek()
        return (token.kind, token.text) == ("word", word) and bool(self._take())

    def _take_sign(self, sign: str) -> bool:
        token = self._peek()
        return (token.kind, token.text) == ("sign", sign) and bool(self._take())

    def _expect_sign(self, sign: str) -> None:
        if not self._take_sign(sign):
            raise self._unexpected()

    def _unexpected(self) -> Exception:
        token = self._peek()
        found = f"'{token.text}'" if token.text else "end"
        return malformed(f"Unexpected {found} at position {token.at + 1} in '{self._text}'.")


def _text(token: str) -> Literal:
    return Literal(Kind.TEXT, token[1:-1].replace("''", "'") or None)


def _date(token: str) -> Literal:
    try:
        return Literal(Kind.DATE, date.fromisoformat(token))
    except ValueError as error:
        raise malformed(f"'{token}' is not a date.") from error


def _timestamp(token: str) -> Literal:
    try:
        return Literal(Kind.TIMESTAMP, datetime.fromisoformat(token).astimezone(UTC))
    except (ValueError, OverflowError) as error:
        raise malformed(f"'{token}' is not a timestamp.") from error


def _enum(token: str) -> EnumLiteral:
    name, member = token[:-1].split("'", 1)
    return EnumLiteral(name, member.replace("''", "'"))


_LITERALS: Final[Mapping[str, Callable[[str], Expression]]] = {
    "text": _text,
    "number": lambda token: Literal(Kind.NUMBER, Decimal(token)),
    "date": _date,
    "timestamp": _timestamp,
    "enum": _enum,
}
