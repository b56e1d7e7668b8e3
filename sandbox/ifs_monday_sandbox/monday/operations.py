"""A GraphQL request before it is executed: parsed, checked, priced, and which boards it writes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLSyntaxError,
    InlineFragmentNode,
    OperationType,
    get_operation_ast,
    parse,
    validate,
    value_from_ast_untyped,
)

from ifs_monday_sandbox.monday.schema import executable_schema

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from graphql import SelectionSetNode

    from ifs_monday_sandbox.monday.account import Account
    from ifs_monday_sandbox.monday.settings import MondaySettings

__all__ = ["InvalidRequestError", "Operation", "read_operation"]


class InvalidRequestError(Exception):
    """The request cannot be executed at all; `errors` are in GraphQL's form."""

    def __init__(self, code: str, errors: list[GraphQLError]) -> None:
        self.errors: list[dict[str, Any]] = []
        for error in errors:
            shown: dict[str, Any] = dict(error.formatted)
            shown["extensions"] = {"code": code, "status_code": 400, "error_data": {}}
            self.errors.append(shown)
        super().__init__(errors[0].message)


@dataclass(frozen=True, slots=True)
class Operation:
    """The operation of a request that will be executed."""

    document: DocumentNode
    is_mutation: bool
    fields: tuple[FieldNode, ...]

    @property
    def field_names(self) -> list[str]:
        """Names of the root fields, without aliases."""
        return [field.name.value for field in self.fields]

    @property
    def only_complexity(self) -> bool:
        """Whether nothing but the budget is asked."""
        return set(self.field_names) == {"complexity"}

    def price(self, settings: MondaySettings, variables: Mapping[str, Any]) -> int:
        """Points of the whole request."""
        each = settings.points_per_mutation if self.is_mutation else settings.points_per_query
        fields = sum(
            settings.prices.get(name, 1 if name == "complexity" else each)
            for name in self.field_names
        )
        cells = settings.points_per_cell
        return fields + (cells * self._cells(variables) if cells else 0)

    def _cells(self, variables: Mapping[str, Any]) -> int:
        """Column values in the request."""
        texts = [
            value_from_ast_untyped(argument.value, dict(variables))
            for field in self.fields
            for argument in field.arguments or ()
            if argument.name.value == "column_values"
        ]
        return sum(len(json.loads(text)) for text in texts if isinstance(text, str))

    def boards_written(self, account: Account, variables: Mapping[str, Any]) -> set[int]:
        """Ids of the boards that a mutation names, itself or by an item."""
        if not self.is_mutation:
            return set()
        found: set[int] = set()
        for field in self.fields:
            arguments = {
                one.name.value: value_from_ast_untyped(one.value, dict(variables))
                for one in field.arguments or ()
                if one.name.value in ("board_id", "item_id", "parent_item_id")
            }
            numbers = {name: int(str(one)) for name, one in arguments.items() if _is_id(one)}
            if "board_id" in numbers:
                found.add(numbers.pop("board_id"))
                continue
            found |= {account.board_of_item.get(one, 0) for one in numbers.values()}
        return found - {0}


def _is_id(value: object) -> bool:
    return str(value).isdecimal()


def read_operation(query: str, operation_name: str | None) -> Operation:
    """The operation to execute; raises InvalidRequestError."""
    document = _checked(query)
    operation = get_operation_ast(document, operation_name)
    if operation is None:
        raise InvalidRequestError(
            "OPERATION_RESOLUTION_FAILURE",
            [GraphQLError("operationName must name one of the operations of the request")],
        )
    fields = tuple(_root_fields(document, operation.selection_set))
    return Operation(document, operation.operation is OperationType.MUTATION, fields)


@lru_cache(maxsize=256)
def _checked(query: str) -> DocumentNode:
    try:
        document = parse(query)
    except GraphQLSyntaxError as error:
        raise InvalidRequestError("GRAPHQL_PARSE_FAILED", [error]) from error
    errors = validate(executable_schema(), document)
    if errors:
        raise InvalidRequestError("GRAPHQL_VALIDATION_FAILED", errors)
    return document


def _root_fields(document: DocumentNode, selections: SelectionSetNode) -> Iterator[FieldNode]:
    fragments = {
        one.name.value: one
        for one in document.definitions
        if isinstance(one, FragmentDefinitionNode)
    }
    for selection in selections.selections:
        if isinstance(selection, FieldNode):
            yield selection
        elif isinstance(selection, InlineFragmentNode):
            yield from _root_fields(document, selection.selection_set)
        elif isinstance(selection, FragmentSpreadNode):
            yield from _root_fields(document, fragments[selection.name.value].selection_set)
