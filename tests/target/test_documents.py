"""Every GraphQL document that can be sent is valid against monday's own schema."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

import pytest
from graphql import GraphQLSchema, build_schema, parse, validate
from hypothesis import given
from hypothesis import strategies as st
from target_monday.labels import status_colours
from target_monday.mapping import default_columns
from target_monday.monday import operations
from target_monday.monday.operations import (
    ArchiveItem,
    CreateColumn,
    CreateGroup,
    CreateItem,
    GetTag,
    StartUpload,
    UpdateItem,
    job_statuses,
    write_batch,
)

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def schema(monday_schema: Path) -> GraphQLSchema:
    """Monday's published schema."""
    return build_schema((monday_schema / "schema-2026-10.graphql").read_text("utf-8"))


DOCUMENTS = sorted(
    name
    for name, value in vars(operations).items()
    if name.isupper() and not name.startswith("_") and isinstance(value, str)
)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_fixed_documents_are_valid(schema: GraphQLSchema, name: str) -> None:
    """Each document by its name."""
    assert validate(schema, parse(getattr(operations, name))) == []


TEXTS = st.text(max_size=5)
VALUES = st.dictionaries(TEXTS, TEXTS, max_size=2)
LABELS = st.lists(st.sampled_from("abc"), unique=True).map(status_colours)


def made(kind: Any, *parts: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Of a kind whose hints Hypothesis cannot resolve."""
    return st.tuples(*parts).map(lambda values: kind(*values))


MUTATIONS = st.one_of(
    made(CreateItem, TEXTS, TEXTS, VALUES, st.one_of(st.none(), TEXTS), st.booleans()),
    made(UpdateItem, TEXTS, TEXTS, VALUES, st.booleans(), st.one_of(st.none(), TEXTS)),
    st.builds(ArchiveItem, TEXTS, st.booleans()),
    st.builds(CreateColumn, TEXTS, TEXTS, st.sampled_from(["text", "status", "dropdown"]), LABELS),
    st.builds(CreateGroup, TEXTS, TEXTS),
    st.builds(GetTag, TEXTS),
    st.builds(StartUpload, TEXTS, TEXTS, st.one_of(st.none(), TEXTS), st.booleans()),
)
DRAWN = {ArchiveItem, CreateColumn, CreateGroup, CreateItem, GetTag, StartUpload, UpdateItem}


def test_every_mutation_is_among_those_that_are_drawn() -> None:
    """Whoever adds one adds it here."""
    assert set(get_args(operations.Mutation)) == DRAWN


@given(st.lists(MUTATIONS, min_size=1, max_size=8))
def test_generated_batches_are_valid(schema: GraphQLSchema, mutations: list[Any]) -> None:
    """Any mix of mutations, each value a variable and never part of the document."""
    document, variables = write_batch(mutations)

    assert validate(schema, parse(document)) == []
    assert all(f"${name}:" in document for name in variables)


@given(st.lists(TEXTS, min_size=1, max_size=5))
def test_questions_about_jobs_are_valid(schema: GraphQLSchema, job_ids: list[str]) -> None:
    """One question for all of them."""
    document, variables = job_statuses(job_ids)

    assert validate(schema, parse(document)) == []
    assert set(variables.values()) == set(job_ids)


def test_default_column_types_exist(schema: GraphQLSchema) -> None:
    """The types that default columns are made of are types of monday."""
    kinds: list[dict[str, Any]] = [
        {"type": "boolean"},
        {"type": ["integer", "null"]},
        {"type": "string", "format": "date"},
        {"type": "string", "enum": ["A"]},
        {"type": "string", "maxLength": 256},
        {"type": "object"},
        {},
    ]
    made = default_columns({"properties": {str(at): kind for at, kind in enumerate(kinds)}})
    known = schema.type_map["ColumnType"]

    types = [column.column_type for column in made]
    assert types == ["checkbox", "numbers", "date", "status", "long_text", "long_text", "text"]
    assert set(types) <= set(known.values)  # type: ignore[attr-defined] # an enum's members
