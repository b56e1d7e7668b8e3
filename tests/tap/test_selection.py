"""Records hold the columns and rows that were asked for, exactly and without plumbing."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tap_ifs_cloud.tap import TapIfsCloud

from tests.tap.messages import full, records, stamp

if TYPE_CHECKING:
    import pytest

    from tests.tap.messages import Run


def test_records_are_exact_and_clean(run: Run, ifs: Any, orders: Any) -> None:
    """Decimals keep their digits, plumbing stays away, etag and row version are there."""
    ifs.sets["OrderSet"] = orders(1, stamp)
    ifs.sets["OrderSet"][0]["Amount"] = Decimal("12345678901234567890.120")

    (record,) = records(run())

    assert str(record["Amount"]) == "12345678901234567890.120"
    assert record["_ifs_row_version"] == "20260102030405"
    assert set(record) == {
        "OrderNo",
        "Objstate",
        "Amount",
        "DateEntered",
        "Cf_Last_Modified",
        "_ifs_etag",
        "_ifs_row_version",
    }


def test_only_selected_columns_are_asked_for(
    run: Run, config: dict[str, Any], ifs: Any, orders: Any
) -> None:
    """Key and replication key always are."""
    ifs.sets["OrderSet"] = orders(1, stamp)
    catalog = TapIfsCloud(config=config).catalog_dict
    for entry in catalog["streams"][0]["metadata"]:
        if entry["breadcrumb"]:
            entry["metadata"]["selected"] = entry["breadcrumb"][-1] == "Amount"

    (record,) = records(run(catalog=catalog))

    assert set(record) == {"OrderNo", "Amount", "Cf_Last_Modified"}
    assert ifs.gets("OrderSet?")[-1].options["$select"] == "OrderNo,Amount,Cf_Last_Modified"


def test_a_column_that_is_gone_is_not_asked_for(
    run: Run, config: dict[str, Any], ifs: Any, orders: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """A catalog may be older than the tenant: the column is told and left out."""
    catalog = TapIfsCloud(config=config).catalog_dict
    ifs.metadata = ifs.metadata.replace(
        b'<Property Name="DateEntered" Type="Edm.DateTimeOffset"/>', b""
    )
    ifs.sets["OrderSet"] = [
        {name: value for name, value in row.items() if name != "DateEntered"}
        for row in orders(1, stamp)
    ]

    (record,) = records(run(catalog=catalog))

    assert "DateEntered" not in record
    assert "column.gone stream=order columns=['DateEntered']" in caplog.text


def test_select_can_be_left_out(run: Run, ifs: Any, orders: Any) -> None:
    """Some projections fail on it; columns that are not selected are dropped here."""
    ifs.sets["OrderSet"] = orders(2)

    messages = run(config=full(send_select=False))

    assert all("$select" not in seen.options for seen in ifs.gets("OrderSet"))
    assert all("luname" not in record for record in records(messages))
    assert len(records(messages)) == 2


def test_a_users_filter_holds_on_every_page(run: Run, ifs: Any, orders: Any) -> None:
    """Also if it is an `or`."""
    ifs.sets["OrderSet"] = orders(9)

    messages = run(config=full(page_size=1, filter="OrderNo lt '0002' or OrderNo gt '0006'"))

    assert [r["OrderNo"] for r in records(messages)] == ["0000", "0001", "0007", "0008"]
