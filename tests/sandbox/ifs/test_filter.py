"""`$filter`: its grammar, its types, its nulls, and the index behind keyset paging."""

from __future__ import annotations

from contextlib import suppress
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ifs_monday_sandbox.ifs.errors import ODataError
from ifs_monday_sandbox.ifs.filter_syntax import (
    Comparison,
    Literal,
    Logic,
    Member,
    Not,
    parse_filter,
    parse_key,
)
from ifs_monday_sandbox.ifs.keyset import ranked, start_of
from ifs_monday_sandbox.ifs.model import Kind

if TYPE_CHECKING:
    from collections.abc import Callable

    from ifs_monday_sandbox.business import Business

ORDERS = "PurchaseOrderHandling.svc/PurchaseOrderSet"
STATE = "IfsApp.PurchaseOrderHandling.PurchaseOrderState"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Company eq '20'", lambda row: row["Company"] == "20"),
        ("Company ne '20'", lambda row: row["Company"] != "20"),
        ("NetAmountCurr gt 1000.5", lambda row: row["NetAmountCurr"] > Decimal("1000.5")),
        ("NetAmountCurr le -1", lambda _: False),
        ("OrderDate ge 2026-06-01", lambda row: str(row["OrderDate"]) >= "2026-06-01"),
        (
            "Cf_Last_Modified ge 2026-10-01T06:30:00Z",
            lambda row: row["Cf_Last_Modified"].isoformat() >= "2026-10-01T06:30:00",
        ),
        (
            "Cf_Last_Modified lt 2026-10-01T08:30:00+02:00",
            lambda row: row["Cf_Last_Modified"].isoformat() < "2026-10-01T06:30:00",
        ),
        (f"Objstate eq {STATE}'Closed'", lambda row: row["Objstate"] == "Closed"),
        (
            f"Objstate in ({STATE}'Closed',{STATE}'Planned')",
            lambda row: row["Objstate"] in {"Closed", "Planned"},
        ),
        ("Company in ('10','30')", lambda row: row["Company"] in {"10", "30"}),
        ("Consignment eq true", lambda row: row["Consignment"]),
        ("not Consignment", lambda row: not row["Consignment"]),
        ("LatestReceipt eq null", lambda row: row["LatestReceipt"] is None),
        ("LatestReceipt ne null", lambda row: row["LatestReceipt"] is not None),
        ("contains(VendorName,'ö')", lambda row: "ö" in row["VendorName"]),
        ("startswith(OrderNo,'P1002')", lambda row: row["OrderNo"].startswith("P1002")),
        ("endswith(VendorName,' AB')", lambda row: row["VendorName"].endswith(" AB")),
        ("tolower(CurrencyCode) eq 'sek'", lambda row: row["CurrencyCode"] == "SEK"),
        ("toupper(trim(CurrencyCode)) eq 'SEK'", lambda row: row["CurrencyCode"] == "SEK"),
        ("length(VendorName) gt 30", lambda row: len(row["VendorName"]) > 30),
        ("substring(OrderNo,6) eq '7'", lambda row: row["OrderNo"][6:] == "7"),
        ("substring(OrderNo,1,3) eq '100'", lambda row: row["OrderNo"][1:4] == "100"),
        ("indexof(OrderNo,'0') eq 2", lambda row: row["OrderNo"].find("0") == 2),
        ("concat(Company,Contract) eq '10SE1'", lambda row: row["Company"] == "10"),
        ("year(OrderDate) eq 2025", lambda row: row["OrderDate"].year == 2025),
        (
            "month(DateEntered) eq 3 and day(DateEntered) le 10",
            lambda row: row["DateEntered"].month == 3 and row["DateEntered"].day <= 10,
        ),
        (
            "NumberOfLines mul 2 add 1 gt 30",
            lambda row: row["NumberOfLines"] * 2 + 1 > 30,
        ),
        ("-NumberOfLines lt -20", lambda row: row["NumberOfLines"] > 20),
        (
            "Company eq '10' or Company eq '20' and NumberOfLines gt 10",
            lambda row: (
                row["Company"] == "10" or (row["Company"] == "20" and row["NumberOfLines"] > 10)
            ),
        ),
        (
            "(Company eq '10' or Company eq '20') and NumberOfLines gt 10",
            lambda row: row["Company"] in {"10", "20"} and row["NumberOfLines"] > 10,
        ),
    ],
)
def test_filters_mean_what_they_say(
    twin: Any, business: Business, text: str, wanted: Callable[[Any], bool]
) -> None:
    """The rows over the socket are those that Python finds in the business."""
    rows = twin.rows(ORDERS, filter=text, select="OrderNo")

    expected = [row["OrderNo"] for row in business.rows("PurchaseOrderSet") if wanted(row)]
    assert [row["OrderNo"] for row in rows] == expected


@pytest.mark.parametrize("text", ["CancelReason eq 'PRICE'", "not (CancelReason eq 'PRICE')"])
def test_null_fits_neither_a_comparison_nor_its_negation(twin: Any, text: str) -> None:
    """A row without a value is not found by what is said about the value."""
    assert None not in {row["CancelReason"] for row in twin.rows(ORDERS, filter=text)}


def test_empty_text_equals_nothing(twin: Any) -> None:
    """Oracle knows no empty text: it is null, and no comparison with it is true."""
    assert twin.rows(ORDERS, filter="OrderNo ne ''") == []


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (
            "Nope eq 'x'",
            (
                "400 The property 'Nope', used in a query expression, is not defined in type "
                "'IfsApp.PurchaseOrderHandling.PurchaseOrder'."
            ),
        ),
        ("Objstate eq 'Released'", "400 The operator 'eq' cannot be applied to the enumeration"),
        ("Objstate eq IfsApp.Other.PurchaseOrderState'Released'", "400 The type 'IfsApp.Other."),
        (f"Objstate eq {STATE}'Sent'", "400 'Sent' is not a member of"),
        (f"Objstate gt {STATE}'Planned'", "400 The operator 'gt' cannot be applied"),
        ("OrderNo eq 1", "400 The operator 'eq' cannot be applied to 'Edm.String' and 'Edm.Dec"),
        ("Revision eq '1'", "400 The operator 'eq' cannot be applied to 'Edm.Decimal'"),
        ("OrderDate ge 2026-01-01T00:00:00Z", "400 The operator 'ge' cannot be applied"),
        ("DateEntered ge 2026-01-01", "400 The operator 'ge' cannot be applied"),
        ("Consignment gt false", "400 The operator 'gt' cannot be applied"),
        ("OrderNo", "400 A filter must be a condition"),
        ("OrderNo and Consignment", "400 A condition is needed"),
        ("OrderDate eq 2026-02-30", "400 '2026-02-30' is not a date"),
        ("length(Revision) eq 1", "400 The function 'length' cannot be applied to ('Edm.Decimal')"),
        ("OrderNo add 1 eq 2", "400 The operator 'add' cannot be applied"),
        ("round(Revision) eq 1", "501 The function 'round' is not supported"),
        ("ContractRef/Country eq 'SE'", "501 The path 'ContractRef/Country'"),
        ("OrderNo eq", "400 Unexpected end at position 11"),
        ("OrderNo eq 'x", "400 Unexpected character"),
        ("(OrderNo eq 'x'", "400 Unexpected end"),
        ("OrderNo eq 'x' 'y'", "400 Unexpected ''y''"),
        ("OrderNo == 'x'", "400 Unexpected '='"),
        ("(" * 5000, "400 The expression is nested too deeply"),
        ("Consignment or " * 2000 + "Consignment", "400 The expression is nested too deeply"),
    ],
)
def test_wrong_filters_are_refused(twin: Any, text: str, why: str) -> None:
    """400 with the reason in the details; what IFS does not implement is 501."""
    assert twin.why_not(ORDERS, filter=text).startswith(why)


def test_precedence_is_that_of_odata() -> None:
    """`not` binds before `and`, `and` before `or`."""

    def equals(name: str) -> Comparison:
        return Comparison("eq", Member(name), Literal(Kind.NUMBER, Decimal(1)))

    tree = parse_filter("A eq 1 or not (B eq 1) and C eq 1")

    assert tree == Logic("or", equals("A"), Logic("and", Not(equals("B")), equals("C")))


@given(st.text(min_size=1))
def test_any_text_survives_quoting(text: str) -> None:
    """A literal with its quotes doubled gives the text back."""
    doubled = text.replace("'", "''")

    assert parse_key(f"'{doubled}'") == {"": Literal(Kind.TEXT, text)}


@given(st.text(alphabet="ab'(),=.-1 eqandornot/$", max_size=30))
def test_any_input_is_parsed_or_refused(text: str) -> None:
    """The parser never fails otherwise than by a refusal."""
    with suppress(ODataError):
        parse_filter(text)


COLUMNS = ("A", "B", "C")
VALUES = st.integers(0, 3)
CONDITIONS = st.recursive(
    st.tuples(st.sampled_from(COLUMNS), st.sampled_from(["eq", "ge", "gt", "lt"]), VALUES).map(
        lambda each: f"{each[0]} {each[1]} {each[2]}"
    ),
    lambda inner: st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(
        lambda each: f"({each[0]} {each[1]} {each[2]})"
    ),
    max_leaves=8,
)


@given(CONDITIONS, st.lists(st.tuples(*[st.none() | VALUES] * 3)))
def test_the_index_never_skips_a_row_that_fits(
    text: str, values: list[tuple[int | None, ...]]
) -> None:
    """No row before the bound fits the filter, nulls included."""
    bound = start_of(parse_filter(text), COLUMNS)

    for row in values:
        if tuple(ranked(value) for value in row) < bound:
            assert not fits(text, row)


def fits(text: str, row: tuple[int | None, ...]) -> bool:
    """Whether a row fits, by Python's own reading; a comparison with null does not."""
    python = text.replace(" ge ", ">=").replace(" gt ", ">").replace(" lt ", "<")
    names = dict(zip(COLUMNS, (Never() if each is None else each for each in row), strict=True))
    return bool(eval(python.replace(" eq ", "=="), {}, names))  # noqa: S307  (made above)


class Never:
    """A null: it compares with nothing."""

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        return False

    def __ge__(self, other: object) -> bool:
        return False

    __gt__ = __lt__ = __le__ = __ge__


def test_keyset_pages_hold_every_row_once(twin: Any, business: Business) -> None:
    """Rows strictly after the last one seen, by stamp and key, until a page is empty."""
    found: list[str] = []
    options = {
        "top": 70,
        "orderby": "Cf_Last_Modified,OrderNo",
        "select": "OrderNo,Cf_Last_Modified",
    }

    page = twin.rows(ORDERS, **options)
    while page:
        found += [row["OrderNo"] for row in page]
        stamp, number = page[-1]["Cf_Last_Modified"], page[-1]["OrderNo"]
        after = (
            f"Cf_Last_Modified gt {stamp} or "
            f"(Cf_Last_Modified eq {stamp} and OrderNo gt '{number}')"
        )
        page = twin.rows(ORDERS, filter=after, **options)

    rows = business.rows("PurchaseOrderSet")
    ordered: Any = sorted(rows, key=lambda row: (str(row["Cf_Last_Modified"]), str(row["OrderNo"])))
    assert found == [row["OrderNo"] for row in ordered]
