"""The shipped schema against monday's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    build_schema,
    is_specified_scalar_type,
    parse,
    print_ast,
    validate,
)
from ifs_monday_sandbox.monday.schema import executable_schema, sdl

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from graphql import GraphQLNamedType


@pytest.fixture(scope="module")
def theirs(monday_schema: Path) -> GraphQLSchema:
    return build_schema((monday_schema / "schema-2026-10.graphql").read_text("utf-8"))


def arguments(fields: object) -> Iterator[tuple[str, str, str, bool]]:
    """Name, type, default and whether it must be given, as the schema writes them."""
    for name, one in fields.items():  # type: ignore[attr-defined]
        node = one.ast_node
        default = "" if node.default_value is None else print_ast(node.default_value)
        yield name, str(one.type), default, node.type.kind == "non_null_type" and not default


def shape(owner: GraphQLNamedType) -> set[tuple[object, ...]]:
    """Everything that a client can tell about a type, one tuple for each fact."""
    match owner:
        case GraphQLObjectType() | GraphQLInterfaceType():
            facts: set[tuple[object, ...]] = {("implements", one.name) for one in owner.interfaces}
            for name, one in owner.fields.items():
                facts.add((name, str(one.type)))
                facts |= {(name, *argument) for argument in arguments(one.args)}
            return facts
        case GraphQLInputObjectType():
            return {("input", *one) for one in arguments(owner.fields)}
        case GraphQLEnumType():
            return {("value", one) for one in owner.values}
        case GraphQLUnionType():
            return {("member", one.name) for one in owner.types}
        case _:
            return set()


def ours() -> list[GraphQLNamedType]:
    """The types of the shipped schema, without GraphQL's own."""
    return [
        one
        for name, one in build_schema(sdl()).type_map.items()
        if not name.startswith("__") and not is_specified_scalar_type(one)
    ]


@pytest.mark.parametrize("owner", ours(), ids=lambda one: one.name)
def test_everything_we_declare_is_declared_alike_by_monday(
    owner: GraphQLNamedType, theirs: GraphQLSchema
) -> None:
    """Each type, field, argument, default and nullability of ours is monday's."""
    official = theirs.type_map[owner.name]

    assert type(owner).__name__ == type(official).__name__
    assert shape(owner) <= shape(official)


@pytest.mark.parametrize(
    "owner",
    [one for one in ours() if isinstance(one, GraphQLEnumType | GraphQLInputObjectType)],
    ids=lambda one: one.name,
)
def test_enums_and_inputs_are_whole(owner: GraphQLNamedType, theirs: GraphQLSchema) -> None:
    """What a client may send to monday, it may send to the twin."""
    assert shape(owner) == shape(theirs.type_map[owner.name])


def test_no_required_argument_of_monday_is_missing(theirs: GraphQLSchema) -> None:
    """A call that the twin accepts has all that monday wants."""
    for owner in ours():
        if not isinstance(owner, GraphQLObjectType):
            continue
        official = theirs.type_map[owner.name]
        assert isinstance(official, GraphQLObjectType)
        for name, one in owner.fields.items():
            needed = {fact[0] for fact in arguments(official.fields[name].args) if fact[3]}
            assert needed <= one.args.keys(), f"{owner.name}.{name}"


def test_the_operations_of_a_writer_are_valid(monday_schema: Path) -> None:
    """Every operation that was checked against monday's schema is valid against ours."""
    operations = parse((monday_schema / "operations.graphql").read_text("utf-8"))

    assert validate(executable_schema(), operations) == []


def test_every_root_field_is_answered() -> None:
    """No root field that the schema promises is left without a resolver."""
    schema = executable_schema()
    for root in (schema.query_type, schema.mutation_type):
        assert root is not None
        assert [name for name, one in root.fields.items() if one.resolve is None] == []
