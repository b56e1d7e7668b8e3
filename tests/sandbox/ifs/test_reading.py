"""Entity sets: selection, order, pages, keys, counts, and how rows look on the wire."""

from __future__ import annotations

import base64
import json
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from ifs_monday_sandbox.ifs.settings import IfsSettings

if TYPE_CHECKING:
    from collections.abc import Callable

    from ifs_monday_sandbox.business import Business

ORDERS = "PurchaseOrderHandling.svc/PurchaseOrderSet"
SUPPLIERS = "SupplierHandling.svc/SupplierSet"
ROWS = "VoucherRowsAnalysis.svc/VoucherRowSet"
PROPOSALS = "PostingProposalHandling.svc/PostingProposalHeadSet"
ACCOUNTS = "AccountsHandling.svc/AccountSet"


def exact(text: str) -> Any:
    """JSON with all digits of its numbers."""
    return json.loads(text, parse_float=Decimal)


def test_keys_are_added_to_a_selection(twin: Any) -> None:
    """Key columns come at their declared place, with an address; plumbing is dropped."""
    answer = twin.get(ROWS, select="VoucherNo,RowNo,VoucherDate,Company,luname", top=1).json()

    columns = ["Company", "VoucherType", "AccountingYear", "VoucherNo", "RowNo", "VoucherDate"]
    assert answer["@odata.context"].endswith(f"#VoucherRowSet({','.join(columns)})")
    assert list(answer["value"][0]) == ["@odata.etag", "@odata.id", *columns]


def test_without_a_selection_all_columns_come(twin: Any) -> None:
    """Plumbing too, with the logical unit and its database keys."""
    row = twin.rows(PROPOSALS, top=1)[0]

    assert list(row)[:4] == ["@odata.etag", "luname", "keyref", "Objgrants"]
    assert row["keyref"] == f"COMPANY={row['Company']}^PROPOSAL_ID={row['ProposalId']}^"


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"select": "Nope"}, "400 The property 'Nope', used in a query expression, is not defined"),
        ({"select": "ContractRef"}, "400 The navigation property 'ContractRef'"),
        ({"select": "OrderNo,"}, "400 'OrderNo,' has an empty part"),
        ({"orderby": "Nope"}, "400 The property 'Nope'"),
        ({"orderby": "OrderNo upwards"}, "400 'OrderNo upwards' cannot be ordered by"),
        ({"top": "-1"}, "400 The value of '$top'"),
        ({"skip": "x"}, "400 The value of '$skip'"),
        ({"skiptoken": "eA=="}, "400 The value of '$skiptoken'"),
        ({"expand": "PurchaseOrderLinesArray"}, "501 $expand of the collection"),
        ({"expand": "Nope"}, "400 The navigation property 'Nope'"),
        ({"search": "steel"}, "501 The system query option '$search'"),
        ({"tap": "1"}, "400 The system query option '$tap'"),
    ],
)
def test_what_cannot_be_asked_is_refused(twin: Any, options: dict[str, str], why: str) -> None:
    """The detail of the envelope names what is wrong."""
    assert twin.why_not(ORDERS, **options).startswith(why)


@pytest.mark.parametrize("query", ["%24top=1", "$filter=OrderNo+eq+'1'", "$top=1&$top=2"])
def test_form_encoding_breaks(twin: Any, query: str) -> None:
    """An encoded dollar sign, a plus for a blank and an option given twice are refused."""
    url = f"{twin.url}/main/ifsapplications/projection/v1/{ORDERS}?{query}"

    assert twin.session.get(url, timeout=30).status_code == 400


def test_order_is_by_several_columns(twin: Any) -> None:
    """Each column orders what the ones before it leave equal."""
    rows = twin.rows(ORDERS, orderby="Company desc,NetAmountCurr", select="Company,NetAmountCurr")

    pairs = [(row["Company"], row["NetAmountCurr"]) for row in rows]
    assert pairs == sorted(
        sorted(pairs, key=lambda pair: pair[1]), key=lambda p: p[0], reverse=True
    )


def test_nulls_come_last(twin: Any) -> None:
    """In ascending order; in descending order they come first."""
    up = [row["LatestReceipt"] for row in twin.rows(ORDERS, orderby="LatestReceipt")]
    down = [row["LatestReceipt"] for row in twin.rows(ORDERS, orderby="LatestReceipt desc")]

    assert up[-1] is None
    assert up[0] is not None
    assert down[0] is None
    assert down[-1] == up[0]


def test_text_is_ordered_by_code_point(twin: Any) -> None:
    """As a binary sort does, and as comparisons do: capitals before small letters."""
    ids = [row["SupplierId"] for row in twin.rows(SUPPLIERS, orderby="SupplierId")]

    assert ids == sorted(ids)
    assert {"007", "0007", "AB-1", "ab-1"} <= set(ids)


def test_a_database_may_order_text_otherwise(
    start_twin: Callable[..., Any], business: Business
) -> None:
    """With linguistic order a list is not in the order in which its values compare."""
    twin = start_twin(business, IfsSettings(linguistic_order=True))

    ids = [row["SupplierId"] for row in twin.rows(SUPPLIERS, orderby="SupplierId")]

    assert ids != sorted(ids)
    assert len(twin.rows(SUPPLIERS, filter="SupplierId gt 'a'", orderby="SupplierId")) == len(
        [each for each in ids if each > "a"]
    )


def test_numbers_may_be_rounded_unless_texts_are_asked_for(
    start_twin: Callable[..., Any], business: Business
) -> None:
    """As a server does that writes them through a binary float."""
    business.rows(PROPOSALS.rpartition("/")[2])[0]["GrossDomAmount"] = Decimal(
        "9007199254740993.25"
    )
    twin = start_twin(business, IfsSettings(rounded_numbers=True))

    plain = exact(twin.get(PROPOSALS, top=1).text)["value"][0]["GrossDomAmount"]
    texts = exact(
        twin.get(PROPOSALS, top=1, accept="application/json;IEEE754Compatible=true").text
    )["value"][0]["GrossDomAmount"]

    assert Decimal(plain) == Decimal(9007199254740994)
    assert texts == "9007199254740993.25"


def test_a_count_may_be_wrong(start_twin: Callable[..., Any], business: Business) -> None:
    """By a number that is set."""
    twin = start_twin(business, IfsSettings(count_offset=7))

    assert int(twin.get(f"{ORDERS}/$count").text) == len(business.rows("PurchaseOrderSet")) + 7


def test_comparisons_may_be_refused(start_twin: Callable[..., Any], business: Business) -> None:
    """Those of equality are not."""
    twin = start_twin(business, IfsSettings(comparison_refused=True))

    assert twin.get(ORDERS, filter="OrderNo gt 'P'").status_code == 501
    assert twin.get(ORDERS, filter="OrderNo eq 'P'").status_code == 200


def test_pages_by_top_and_skip_have_no_link(twin: Any, business: Business) -> None:
    """The pages hold every row once, the last one fewer; no link leads on."""
    pages = [
        twin.get(ORDERS, top=180, skip=skip, orderby="OrderNo").json() for skip in (0, 180, 360)
    ]

    assert [len(page["value"]) for page in pages] == [180, 180, 140]
    assert not any("@odata.nextLink" in page for page in pages)
    found = {row["OrderNo"] for page in pages for row in page["value"]}
    assert found == {row["OrderNo"] for row in business.rows("PurchaseOrderSet")}


def test_a_top_above_the_cap_is_silently_capped(
    start_twin: Callable[..., Any], business: Business
) -> None:
    """A short page is not the end, and nothing says so."""
    twin = start_twin(business, IfsSettings(page_cap=60))

    page = twin.get(ORDERS, top=200).json()

    assert (len(page["value"]), "@odata.nextLink" in page) == (60, False)


def test_without_top_links_lead_through_all_rows(
    start_twin: Callable[..., Any], business: Business
) -> None:
    """Each page but the last bears a link that keeps the other options."""
    twin = start_twin(business, IfsSettings(page_cap=60))
    options = {
        "filter": "Company eq '10'",
        "orderby": "OrderNo desc",
        "select": "OrderNo",
        "skip": 1,
    }

    page, found = twin.get(ORDERS, **options).json(), []
    while True:
        found += [row["OrderNo"] for row in page["value"]]
        if "@odata.nextLink" not in page:
            break
        assert "$skiptoken=" in page["@odata.nextLink"]
        page = twin.session.get(page["@odata.nextLink"], timeout=30).json()

    mine = [row["OrderNo"] for row in business.rows("PurchaseOrderSet") if row["Company"] == "10"]
    assert found == sorted(mine, reverse=True)[1:]


def test_counts_come_inside_and_alone(twin: Any, business: Business) -> None:
    """Both ways of counting take the filter into account, and no page."""
    wanted = len([row for row in business.rows("PurchaseOrderSet") if row["Company"] == "20"])

    inside = twin.get(ORDERS, count="true", top=0, filter="Company eq '20'").json()
    alone = twin.get(f"{ORDERS}/$count", filter="Company eq '20'")

    assert (inside["@odata.count"], inside["value"]) == (wanted, [])
    assert (alone.text, alone.headers["Content-Type"][:10]) == (str(wanted), "text/plain")


@pytest.mark.parametrize(
    "key",
    ["007", "0007", "AB-1", "ab-1", "A/B 7", "O'NEIL", "50%-OFF", "ÖVK 12", "中文-1", "R&D#1+2"],
)
def test_odd_keys_lead_to_their_row(twin: Any, key: str) -> None:
    """A key is quoted, doubled and percent-encoded, and the row that comes back is its own."""
    doubled = key.replace("'", "''")
    literal = quote(f"'{doubled}'", safe="'")

    by_value = twin.get(f"{SUPPLIERS}({literal})")
    by_name = twin.get(f"{SUPPLIERS}(SupplierId={literal})", select="Name")

    assert by_value.json()["SupplierId"] == key
    assert by_name.json()["@odata.context"].endswith("#SupplierSet(SupplierId,Name)/$entity")
    assert twin.session.get(by_name.json()["@odata.id"], timeout=30).json() == by_value.json()


def test_composite_keys_name_their_parts(twin: Any) -> None:
    """The order of the parts is free; numbers stand bare."""
    row = twin.rows(PROPOSALS, top=1)[0]
    path = f"{PROPOSALS}(ProposalId={row['ProposalId']},Company='{row['Company']}')"

    assert twin.get(path).json()["keyref"] == row["keyref"]


@pytest.mark.parametrize(
    ("path", "why"),
    [
        (f"{SUPPLIERS}('nobody')", "404 There is no row"),
        (f"{ACCOUNTS}('1210')", "400 The key of 'AccountSet' is (Company, Account)"),
        (f"{ACCOUNTS}(Company='10',Company='10')", "400 The key predicate"),
        (f"{ACCOUNTS}(Company=10,Account='1210')", "400 The key 'Company' cannot have"),
        (f"{SUPPLIERS}('1'", "400 The key predicate"),
        ("SupplierHandling.svc/NopeSet", "404 The entity set 'NopeSet'"),
        (f"{SUPPLIERS}('007')/Name", "404 The path segment 'Name'"),
    ],
)
def test_wrong_addresses_are_told(twin: Any, path: str, why: str) -> None:
    """A missing row, a wrong key and an unknown set have different answers."""
    assert twin.why_not(path).startswith(why)


def test_a_reference_to_one_row_can_be_expanded(twin: Any) -> None:
    """The row referred to stands inside, with all its columns."""
    row = twin.rows(ORDERS, expand="ContractRef,VendorNoRef", select="Contract,VendorNo", top=1)[0]

    assert row["ContractRef"]["Contract"] == row["Contract"]
    assert row["VendorNoRef"]["SupplierId"] == row["VendorNo"]
    assert row["VendorNoRef"]["luname"] == "SupplierInfoGeneral"


def test_the_twin_is_read_only(twin: Any) -> None:
    """Other verbs are refused in the usual envelope."""
    url = f"{twin.url}/main/ifsapplications/projection/v1/{ORDERS}"

    for method in ("POST", "PUT", "PATCH", "DELETE"):
        answer = twin.session.request(method, url, timeout=30)
        assert answer.status_code == 405
        assert answer.json()["error"]["message"] == "Method not allowed."


def version(etag: str) -> str:
    """The version inside an etag."""
    coded = re.fullmatch(r'W/"([A-Za-z0-9+/=]+)"', etag)
    assert coded
    inner = re.fullmatch(r'W/"([A-Za-z0-9+/]{18}):(\w+)"', base64.b64decode(coded[1]).decode())
    assert inner
    return inner[2]


def test_etags_hold_row_id_and_version(twin: Any) -> None:
    """A stamp of the last change, a counter for the chart of accounts, none for a lookup."""
    order = twin.rows(ORDERS, top=1)[0]
    stamp = re.sub(r"[-:TZ]", "", order["Cf_Last_Modified"])

    assert version(order["@odata.etag"]) == stamp
    assert version(twin.rows(ACCOUNTS, top=1)[0]["@odata.etag"]) == "1"
    assert "@odata.etag" not in twin.rows("PurchaseOrderHandling.svc/Reference_Site", top=1)[0]


def test_numbers_keep_all_their_digits(twin: Any, business: Business) -> None:
    """Plain JSON numbers, more digits than a binary float can hold."""
    by_id = {row["SupplierId"]: row for row in exact(twin.get(SUPPLIERS).text)["value"]}
    assert by_id["007"]["Cf_Annual_Spend"] == Decimal("90071992547409931.07")

    rows = exact(twin.get(ROWS, select="Quantity").text)["value"]
    wanted = [row["Quantity"] for row in business.rows("VoucherRowSet")]
    assert [row["Quantity"] for row in rows] == wanted
    assert any(isinstance(each, int) and each > 2**53 for each in wanted)


def test_numbers_can_be_asked_for_as_text(twin: Any) -> None:
    """IEEE754Compatible=true turns every number into a string, and nothing else."""
    accept = "application/json;IEEE754Compatible=true"
    plain = exact(twin.get(PROPOSALS, top=3).text)["value"]

    answer = twin.get(PROPOSALS, top=3, accept=accept)

    assert "IEEE754Compatible=true" in answer.headers["Content-Type"]
    for text, number in zip(answer.json()["value"], plain, strict=True):
        assert Decimal(text["Cf_Match_Score"]) == number["Cf_Match_Score"]
        assert text["ProposalId"] == str(number["ProposalId"])
        assert text["OnHold"] is number["OnHold"]


def test_dates_and_timestamps_have_their_form(twin: Any) -> None:
    """Days are days; moments are to the second and end in Z."""
    row = twin.rows(ORDERS, top=1)[0]

    assert re.fullmatch(r"\d{4}-\d\d-\d\d", row["OrderDate"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", row["DateEntered"])


def test_big_answers_are_compressed(twin: Any) -> None:
    """Where the client accepts gzip."""
    assert twin.get(ORDERS, top=50).headers["Content-Encoding"] == "gzip"


def test_big_pages_may_take_too_long(start_twin: Callable[..., Any], business: Business) -> None:
    """Where a page of that size ends in 504, a smaller one comes through."""
    twin = start_twin(business, IfsSettings(timeout_rows=100))

    assert twin.get(ORDERS, top=101).json()["error"]["code"] == "ODP_OPERATION_TIMEOUT"
    assert len(twin.rows(ORDERS, top=100)) == 100


def test_companies_that_are_not_granted_are_left_out(
    start_twin: Callable[..., Any], business: Business
) -> None:
    """Rows of other companies vanish without a word; sets without a company are whole."""
    twin = start_twin(business, IfsSettings(companies=frozenset()))

    assert twin.rows(ORDERS) == []
    assert len(twin.rows(SUPPLIERS)) == len(business.rows("SupplierSet"))
