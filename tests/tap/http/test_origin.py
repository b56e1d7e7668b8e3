"""The one origin that may see the token: links and redirects that lead away."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from tap_ifs_cloud.odata.errors import ForeignAddress, ForeignRedirect, Refused
from tap_ifs_cloud.odata.origin import Origin

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_ifs_cloud.odata.session import Session

    Read = Callable[[], list[str]]


@pytest.mark.parametrize(
    "link",
    [
        "http://evil.example/main/Test.svc/OrderSet",
        "//evil.example/main/Test.svc/OrderSet",
        "https://ifs:1234@evil.example/x",
        "https://user@ifs:1234/x",
        "https://ifs.evil.example:1234/x",
        "http://ifs:1234/main/Test.svc/OrderSet",
        "https://ifs:1/x",
        "https://ifs:1234\\@evil.example/x",
        "https:\\\\evil.example/x",
        "https://ⓘfs:1234/x",
        "ftp://ifs:1234/x",
        "https://ifs:notaport/x",
        "https://127.0.0.1:1234/x",
        "https://[::1/x",
    ],
)
def test_a_link_that_leads_away_means_nothing(link: str) -> None:
    """Other host, port or scheme, however a library might read it."""
    assert Origin.of("https://ifs:1234").resolve(link, "https://ifs:1234/main/a") is None


def test_a_link_out_of_the_path_prefix_is_not_followed() -> None:
    """A gateway's path is part of the origin, however the climb is written."""
    origin = Origin.of("https://gateway/ifs")

    climbs = ("..", "%2e%2e", ".%252e", "..;x=1", "..\\", "x%5c..%5c", "%2e%2e%2fy", "%2e")
    for link in ("/other/x", "/ifsx/y", "/ifs/..", *(f"/ifs/{each}/other" for each in climbs)):
        assert origin.resolve(link, "https://gateway/ifs/a") is None
    assert origin.resolve("/ifs/b?x=1", "https://gateway/ifs/a") == "https://gateway/ifs/b?x=1"


@pytest.mark.parametrize(
    ("link", "address"),
    [
        pytest.param("OrderSet?$skiptoken=2", "/T.svc/OrderSet?$skiptoken=2", id="relative"),
        pytest.param("?$skiptoken=2", "/T.svc/OrderSet?$skiptoken=2", id="query-only"),
        pytest.param("/T.svc/X?$skiptoken=2", "/T.svc/X?$skiptoken=2", id="from-the-root"),
        pytest.param("https://IFS/T.svc/X", "/T.svc/X", id="absolute"),
        pytest.param("https://ifs:443/T.svc/X?x=a b", "/T.svc/X?x=a%20b", id="with-a-blank"),
    ],
)
def test_the_servers_own_links_are_resolved(link: str, address: str) -> None:
    """Relative or absolute, against the page they stand on."""
    origin = Origin.of("https://ifs")

    assert origin.resolve(link, "https://ifs/T.svc/OrderSet?$top=2") == f"https://ifs{address}"


@pytest.mark.parametrize(
    "path", ["/tenantB/x", "/tenantA/../tenantB/x", "/tenantA/%2e%2e/tenantB/x", "/tenantA"]
)
def test_no_address_outside_the_prefix_gets_the_token(
    ifs: Any, new_session: Callable[..., Session], path: str
) -> None:
    """Whoever has put it together, and of which names."""
    session = new_session(f"{ifs.url}/tenantA")

    with pytest.raises(ForeignAddress, match=r"^SECURITY_ADDRESS"):
        session.get(
            f"{ifs.url}{path}"[: -1 if path == "/tenantA" else None], accept="*/*", read=str
        )

    assert ifs.seen == []


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ("https://127.0.0.1/x", "replace the client's secret. Set `token_url`"),
        ("/login?state=canary", "'/login': it was not followed. Set `token_url`"),
        ("", "it was not followed"),
    ],
)
def test_a_redirected_token_request_is_not_followed(
    ifs: Any, read: Read, answer: Any, target: str, told: str
) -> None:
    """The secret went to the first address only; what is wrong is the address, not the client."""
    ifs.plan(answer(302, headers={"Location": target}, part="token"))

    with pytest.raises(ForeignRedirect, match=re.escape(told)) as caught:
        read()

    assert "canary" not in str(caught.value)
    assert [seen.method for seen in ifs.seen] == ["POST"]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_to_another_origin_is_not_followed(
    serve: Callable[[], Any], ifs: Any, read: Read, answer: Any, status: int
) -> None:
    """The other server sees nothing."""
    evil = serve()
    ifs.plan(answer(status, headers={"Location": f"{evil.url}/x"}, part="OrderSet"))

    with pytest.raises(ForeignRedirect, match=r"^SECURITY_REDIRECT"):
        read()

    assert evil.seen == []


def test_a_redirect_within_the_origin_is_followed(
    ifs: Any, read: Read, orders: Any, answer: Any
) -> None:
    """With the token, as the first address had it."""
    ifs.sets["OrderSet"] = orders(1)
    ifs.plan(answer(307, headers={"Location": "/main/Test.svc/OrderSet?$top=1"}, part="OrderSet"))

    assert read() == ["0000"]
    assert {seen.headers["Authorization"] for seen in ifs.gets()} == {"Bearer t1"}


def test_redirects_end(ifs: Any, read: Read, answer: Any) -> None:
    """A circle is told after a few."""
    here = {"Location": "/main/Test.svc/OrderSet"}
    ifs.plan(*[answer(302, json.dumps({}).encode(), here, part="OrderSet")] * 9)

    with pytest.raises(Refused, match="redirects more than 5 times"):
        read()
