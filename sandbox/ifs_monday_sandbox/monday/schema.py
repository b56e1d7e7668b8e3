"""The executable schema: the shipped SDL with the resolvers attached."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from graphql import GraphQLInterfaceType, GraphQLObjectType, GraphQLSchema, build_schema
from graphql.type import GraphQLUnionType

from ifs_monday_sandbox.monday import resolve_bulk, resolve_mutations, resolve_queries

if TYPE_CHECKING:
    from ifs_monday_sandbox.monday.cell_view import CellView

__all__ = ["executable_schema", "sdl"]


def sdl() -> str:
    """The text of the shipped schema."""
    return files("ifs_monday_sandbox.monday").joinpath("schema.graphql").read_text("utf-8")


@cache
def executable_schema() -> GraphQLSchema:
    """Ours, ready to answer; a resolver for a field that is not in the SDL is a KeyError."""
    schema = build_schema(sdl())
    resolvers = {**resolve_queries.FIELDS, **resolve_mutations.FIELDS, **resolve_bulk.FIELDS}
    for path, resolver in resolvers.items():
        type_name, _, field_name = path.partition(".")
        owner = schema.type_map[type_name]
        assert isinstance(owner, GraphQLObjectType)  # noqa: S101  (for the type checker)
        owner.fields[field_name].resolve = resolver
    column_value, job_status = schema.type_map["ColumnValue"], schema.type_map["JobStatus"]
    assert isinstance(column_value, GraphQLInterfaceType)  # noqa: S101  (for the type checker)
    assert isinstance(job_status, GraphQLUnionType)  # noqa: S101  (for the type checker)
    known = frozenset(schema.type_map)
    column_value.resolve_type = lambda cell, *_: _value_type(cell, known)
    job_status.resolve_type = lambda *_: "ItemsJobStatus"
    return schema


def _value_type(cell: CellView, known: frozenset[str]) -> str:
    name = "".join(part.capitalize() for part in cell.column.type.split("_")) + "Value"
    return name if name in known else "UnsupportedValue"
