"""The recorded answers of a real tenant, replayed over sockets."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from tap_ifs_cloud.odata.errors import BadRequest, NotFound
from tap_ifs_cloud.odata.metadata import Metadata, parse_metadata
from tap_ifs_cloud.odata.origin import Origin
from tap_ifs_cloud.odata.query import Query
from tap_ifs_cloud.odata.rows import RowType
from tap_ifs_cloud.odata.service import Service
from tap_ifs_cloud.odata.session import Session

if TYPE_CHECKING:
    from pathlib import Path

KEY = ("Company", "VoucherType", "AccountingYear", "VoucherNo", "RowNo")


@pytest.fixture
def exchanges(real_ifs: Path) -> list[dict[str, Any]]:
    return list(json.loads((real_ifs / "exchanges.json").read_text()))


@pytest.fixture
def service(ifs: Any) -> Service:
    return Service(Session(Origin.of(ifs.url)), f"{ifs.url}/Test.svc/")


def replay(ifs: Any, answer: Any, exchange: dict[str, Any], body: bytes | None = None) -> None:
    """Let the double answer as the tenant did."""
    sent = exchange["response"]
    media = {"Content-Type": sent["headers"]["Content-Type"][0]}
    ifs.plan(answer(sent["status"], body or sent["body"].encode(), media))


def with_values(page: dict[str, Any]) -> bytes:
    """The page with values where the source has put REDACTED."""
    for n, row in enumerate(page["value"]):
        row.update({"VoucherType": "M", "AccountingYear": 2026, "VoucherNo": 7, "RowNo": n})
        row.update({name: 12.5 for name in ("Amount",) if name in row})
    return json.dumps(page).encode()


def voucher_rows(metadata: Metadata, *names: str) -> RowType:
    """What reads the key of voucher rows and some more columns."""
    return RowType.compile("VoucherRowSet", metadata, names=(*KEY, *names), key=KEY)


def test_the_recorded_metadata_is_read_over_http(
    ifs: Any, answer: Any, service: Service, real_ifs: Path
) -> None:
    """The whole document, as the tenant sends it."""
    document = (real_ifs / "voucher-rows-analysis.metadata.xml").read_bytes()
    ifs.plan(answer(200, document, {"Content-Type": "application/xml"}))

    assert service.metadata().entity_sets["VoucherRowSet"].key == KEY


def test_recorded_pages_become_records(
    ifs: Any, answer: Any, service: Service, exchanges: list[dict[str, Any]], real_ifs: Path
) -> None:
    """Keys, order and types are those of the metadata, and no page has a link."""
    document = (real_ifs / "voucher-rows-analysis.metadata.xml").read_bytes()
    ifs.plan(answer(200, document, {"Content-Type": "application/xml"}))
    metadata = service.metadata()
    pages = [e for e in exchanges if e.get("rows_trimmed") or "adds @odata.id" in e["what"]]
    assert len(pages) == 8

    for exchange in pages:
        replay(ifs, answer, exchange, with_values(json.loads(exchange["response"]["body"])))
        row_type = voucher_rows(metadata, "VoucherDate", "Amount")
        page = service.page("VoucherRowSet", Query(), row_type)
        record = row_type.record(page.rows[0])
        assert (record["Company"], record["AccountingYear"]) == ("100", 2026)
        assert record.get("Amount", Decimal("12.5")) == Decimal("12.5")
        assert not any(name.startswith("@") for name in record)
        assert page.next_link is None


def test_redacted_numbers_are_no_numbers(
    ifs: Any, answer: Any, service: Service, exchanges: list[dict[str, Any]], real_ifs: Path
) -> None:
    """A strict reader finds the recording as it is at fault, row by row and column by column."""
    document = (real_ifs / "voucher-rows-analysis.metadata.xml").read_bytes()
    ifs.plan(answer(200, document, {"Content-Type": "application/xml"}))
    metadata = service.metadata()
    replay(ifs, answer, next(e for e in exchanges if e.get("rows_trimmed")))

    row_type = voucher_rows(metadata)
    page = service.page("VoucherRowSet", Query(), row_type)

    faults = row_type.finish(page.rows)
    assert len(faults) == len(page.rows) > 0
    assert {fault.problem for fault in faults[0] if fault.column == "AccountingYear"} == {
        "holds text that no record can hold as Edm.Decimal"
    }


def test_the_recorded_400_tells_the_property(
    ifs: Any, answer: Any, service: Service, exchanges: list[dict[str, Any]], real_ifs: Path
) -> None:
    """Its details say what is wrong."""
    document = (real_ifs / "voucher-rows-analysis.metadata.xml").read_bytes()
    row_type = voucher_rows(parse_metadata(document, "recorded"))
    replay(ifs, answer, next(e for e in exchanges if e["response"]["status"] == 400))

    with pytest.raises(BadRequest, match="The property 'NotAColumn', used in a query expression"):
        service.page("VoucherRowSet", Query(), row_type)


def test_the_recorded_404_is_json_though_xml_was_asked_for(
    ifs: Any, answer: Any, service: Service, exchanges: list[dict[str, Any]]
) -> None:
    """An unknown service is told with all that it can mean."""
    replay(ifs, answer, next(e for e in exchanges if e["response"]["status"] == 404))

    with pytest.raises(NotFound, match="Metadata not found"):
        service.metadata()


def test_queries_are_encoded_as_the_tenant_took_them(exchanges: list[dict[str, Any]]) -> None:
    """The recorded addresses are what this client would send, parentheses aside."""
    urls = [e["request"]["url"] for e in exchanges]
    window = next(url for url in urls if "lt%202027" in url)
    query = Query(
        select=(*KEY, "VoucherDate", "Account", "Amount", "CurrencyCode"),
        filter="(AccountingYear eq 2026) and (VoucherDate ge 2020-01-01) "
        "and (VoucherDate lt 2027-01-01)",
        top=1000,
    )

    sent = urlsplit(window).query.replace("%28", "(").replace("%29", ")")
    assert query.encoded() == sent
