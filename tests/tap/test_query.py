"""Literals, filters and their encoding."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tap_ifs_cloud.odata.query import Query, after, both, literal


@pytest.mark.parametrize(
    ("type_name", "value", "written"),
    [
        pytest.param("Edm.String", "O'Brien", "'O''Brien'", id="quotes-are-doubled"),
        pytest.param("Edm.String", "007", "'007'", id="text-stays-text"),
        pytest.param("Edm.Decimal", Decimal("1E+5"), "100000", id="no-exponent"),
        pytest.param("Edm.Decimal", Decimal("0.10"), "0.10", id="digits-stay"),
        pytest.param("Edm.Decimal", "12.5", "12.5", id="ieee754-string"),
        pytest.param("Edm.Int64", 2**70, str(2**70), id="long-integer"),
        pytest.param("Edm.Date", "2026-01-31", "2026-01-31", id="date-is-bare"),
        pytest.param("Edm.DateTimeOffset", "2026-01-31T10:00:00Z", "2026-01-31T10:00:00Z", id="t"),
        pytest.param("Edm.Guid", "a-b", "a-b", id="guid-is-bare"),
        pytest.param("Edm.Duration", "PT5M", "duration'PT5M'", id="duration"),
        pytest.param("IfsApp.X.State", "Released", "IfsApp.X.State'Released'", id="qualified-enum"),
    ],
)
def test_literals_are_written_by_type(type_name: str, value: object, written: str) -> None:
    """A literal is what OData takes for the type."""
    assert literal(type_name, value) == written


@given(st.text())
def test_text_survives_its_literal(text: str) -> None:
    """What stands between the quotes is the text again."""
    written = literal("Edm.String", text)

    assert written[1:-1].replace("''", "'") == text
    assert "'" not in written[1:-1].replace("''", "")


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_numbers_survive_their_literal(number: Decimal) -> None:
    """No digit is lost, and no exponent is written."""
    written = literal("Edm.Decimal", number)

    assert Decimal(written) == number
    assert "E" not in written


@given(st.text(st.characters(codec="utf-8")))
def test_an_encoded_filter_is_decoded_to_itself(text: str) -> None:
    """No character of a filter means anything else in the address."""
    encoded = Query(filter=text, top=1).encoded()

    name, _, value = encoded.removesuffix("&$top=1").partition("=")
    assert (name, unquote(value)) == ("$filter", text)
    assert not set(" +#&") & set(value)


def test_options_are_written_as_ifs_takes_them() -> None:
    """`$` and commas stay as they are and a blank is %20."""
    query = Query(("A", "B"), "A eq 'x y'", ("A", "B"), 10, 20)

    assert query.encoded() == "$select=A,B&$filter=A%20eq%20'x%20y'&$orderby=A,B&$top=10&$skip=20"


def test_after_is_strict_and_lexicographic() -> None:
    """The rows behind a position of two columns are those of a later pair."""
    assert after(["a", "b"], ["1", "'x'"]) == "(a gt 1) or (a eq 1 and b gt 'x')"


@pytest.mark.parametrize(
    ("filters", "joined"),
    [
        pytest.param([None, None], None, id="none"),
        pytest.param(["a eq 1", None], "a eq 1", id="one-is-bare"),
        pytest.param(
            ["a eq 1 or b eq 2", " ", "c eq 3"], "(a eq 1 or b eq 2) and (c eq 3)", id="t"
        ),
    ],
)
def test_filters_are_joined_in_parentheses(filters: list[Any], joined: str | None) -> None:
    """An `or` of the user's filter does not reach beyond it."""
    assert both(*filters) == joined
