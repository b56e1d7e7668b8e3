"""A tap as the SDK's template makes it: `python -m benchmarks.stock_stream --config FILE`.

One RESTStream with the SDK's defaults, which follows the server's links as the SDK documents it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final
from urllib.parse import ParseResult

from singer_sdk import RESTStream, Tap
from singer_sdk import typing as th
from singer_sdk.pagination import BaseHATEOASPaginator
from typing_extensions import override

from benchmarks.order_lines import COLUMNS, ETAG, KEY

if TYPE_CHECKING:
    from collections.abc import Sequence

    import requests
    from singer_sdk.helpers.types import Context

__all__ = ["StockTap"]

_TYPES: Final[dict[str, th.JSONTypeHelper[Any]]] = {
    "Edm.Decimal": th.NumberType(),
    "Edm.Boolean": th.BooleanType(),
    "Edm.Date": th.DateType(),
    "Edm.DateTimeOffset": th.DateTimeType(),
}


class NextLink(BaseHATEOASPaginator):
    """The server's link to the next page."""

    @override
    def get_next_url(self, response: requests.Response) -> str | None:
        link: str | None = response.json().get("@odata.nextLink")
        return link


class Lines(RESTStream[ParseResult]):
    """The order lines."""

    name = "lines"
    path = ""
    primary_keys = KEY
    records_jsonpath = "$.value[*]"
    schema = th.PropertiesList(
        th.Property(ETAG, th.StringType),
        *(th.Property(name, _TYPES.get(kind, th.StringType())) for name, kind in COLUMNS.items()),
    ).to_dict()

    @property
    @override
    def url_base(self) -> str:
        return str(self.config["url"])

    @override
    def get_new_paginator(self) -> NextLink:
        return NextLink()

    @override
    def get_url_params(
        self, context: Context | None, next_page_token: ParseResult | None
    ) -> dict[str, Any] | str:
        return f"$select={','.join(COLUMNS)}"

    @override
    def get_http_request(self, *, page: Any) -> Any:
        request = super().get_http_request(page=page)
        if page.next_page_token:
            request.url = page.next_page_token.geturl()
            request.params = {}
        return request


class StockTap(Tap):
    """Reads the set at `url`."""

    name = "tap-stock"
    config_jsonschema: ClassVar[dict[str, Any]] = th.PropertiesList(
        th.Property("url", th.StringType, required=True)
    ).to_dict()

    @override
    def discover_streams(self) -> Sequence[Lines]:
        return [Lines(self)]


if __name__ == "__main__":
    StockTap.cli()
