"""What a service takes for a page or `$metadata`, and what it does not."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import pytest
from tap_ifs_cloud.odata.errors import BrokenBody, ForeignLink, NotJson
from tap_ifs_cloud.odata.query import Query
from tap_ifs_cloud.odata.rows import RowType
from tap_ifs_cloud.odata.service import Service

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_ifs_cloud.odata.session import Session

    Rows = Callable[[], list[Any]]

HTML = b"<html><head><script>var x=1</script></head><body>Sign in</body></html>"


@pytest.fixture
def service(ifs: Any, session: Session) -> Service:
    """The double's service."""
    return Service(session, f"{ifs.url}/main/Test.svc/")


@pytest.fixture
def rows(service: Service) -> Rows:
    """Reads the order numbers of one page."""
    names = ["OrderNo", "Amount"]
    row_type = RowType.compile("OrderSet", service.metadata(), names=names, key=("OrderNo",))
    number = row_type.values(["OrderNo"])
    query = Query(orderby=("OrderNo",))
    return lambda: [*map(number, service.page("OrderSet", query, row_type).rows)]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b'{"value":[{"OrderNo":"9"}', id="half-a-json"),
        pytest.param(
            b'{"value":[{"OrderNo":"9"}],"error":{"code":"X","message":"ORA-1"}}',
            id="error-in-a-200",
        ),
        pytest.param(b'{"value":[{"Amount":NaN}]}', id="nan"),
    ],
)
def test_a_page_that_is_spoilt_is_read_again(
    ifs: Any, rows: Rows, orders: Any, answer: Any, body: bytes
) -> None:
    """It is never taken for a short one."""
    ifs.sets["OrderSet"] = orders(3)
    ifs.plan(answer(200, body, part="OrderSet"))

    assert rows() == [("0000",), ("0001",), ("0002",)]


def test_a_page_that_stays_spoilt_is_named(ifs: Any, rows: Rows, answer: Any) -> None:
    """After the last try it is IFS_BROKEN_BODY, not an empty set."""
    ifs.plan(*[answer(200, b'{"value":[', part="OrderSet")] * 4)

    with pytest.raises(BrokenBody, match=r"^IFS_BROKEN_BODY"):
        rows()


@pytest.mark.parametrize("body", [HTML, b'{"rows":[]}'])
def test_what_is_no_page_is_not_an_empty_one(
    ifs: Any, rows: Rows, answer: Any, body: bytes
) -> None:
    """HTML or other JSON with status 200 is IFS_NOT_JSON."""
    ifs.plan(answer(200, body, {"Content-Type": "text/html"}, part="OrderSet"))

    with pytest.raises(NotJson):
        rows()


def test_a_gzipped_page_with_a_bom_is_read(ifs: Any, rows: Rows, answer: Any) -> None:
    """Both are allowed."""
    body = gzip.compress(b'\xef\xbb\xbf{"value":[{"OrderNo":"1"}]}')
    ifs.plan(answer(200, body, {"Content-Encoding": "gzip"}, part="OrderSet"))

    assert rows() == [("1",)]


@pytest.mark.parametrize(
    "link",
    [
        "{evil}/main/Test.svc/OrderSet?token=c4n4ry&$skiptoken=c4n4ry",
        "{evil}/main/Test.svc/OrderSet#access_token=c4n4ry",
        "//{evil_host}/x",
        "http://{host}@{evil_host}/x",
    ],
)
def test_a_link_that_leads_away_is_not_followed(
    serve: Callable[[], Any], ifs: Any, rows: Rows, answer: Any, link: str
) -> None:
    """The token is not sent anywhere else: the evil server sees no request at all."""
    evil = serve()
    names = {"evil": evil.url, "evil_host": evil.url[7:], "host": ifs.url[7:]}
    body = {"value": [{"OrderNo": "1"}], "@odata.nextLink": link.format(**names)}
    ifs.plan(answer(200, json.dumps(body).encode(), part="OrderSet"))

    with pytest.raises(ForeignLink, match=r"^SECURITY_NEXTLINK") as caught:
        rows()

    assert "c4n4ry" not in str(caught.value)  # neither of a query, nor of a fragment

    assert evil.seen == []
    assert len(ifs.gets("OrderSet")) == 1


@pytest.mark.parametrize(
    ("body", "media"),
    [(HTML, "text/html"), (b"<!DOCTYPE html><html>Sign in</html>", "text/xml")],
)
def test_a_web_page_instead_of_metadata_is_told(
    ifs: Any, service: Service, answer: Any, body: bytes, media: str
) -> None:
    """As it is for rows."""
    ifs.plan(answer(200, body, {"Content-Type": media}, part="$metadata"))

    with pytest.raises(NotJson, match=r"a web page instead of \$metadata"):
        service.metadata()
