"""Certificates: what is not trusted is not spoken to."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
import trustme
from tap_ifs_cloud.odata.errors import ConnectionFailed, TlsFailed

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tap_ifs_cloud.odata.session import Session

    NewSession = Callable[..., Session]


@pytest.fixture(scope="module")
def company() -> trustme.CA:
    """The company's own authority."""
    return trustme.CA()


@pytest.fixture
def ca_bundle(company: trustme.CA, tmp_path: Path) -> str:
    """A file with its certificate."""
    path = tmp_path / "company.pem"
    company.cert_pem.write_to_path(str(path))
    return str(path)


@pytest.fixture
def start(wire: Any, page: bytes) -> Callable[[trustme.LeafCert], Any]:
    """Starts a server with a certificate; it answers with one page."""

    def begin(certificate: trustme.LeafCert) -> Any:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(context)
        return wire(lambda connection, _: connection.sendall(page), context)

    return begin


def get(session: Session, url: str) -> bytes:
    return session.get(url, accept="*/*", read=lambda body: body.content)


def test_the_companys_bundle_lets_its_server_in(
    start: Any, company: trustme.CA, ca_bundle: str, new_session: NewSession
) -> None:
    """`ca_bundle` replaces the public authorities."""
    server = start(company.issue_cert("localhost"))

    assert get(new_session(server.url, ca_bundle=ca_bundle), server.url) == b'{"value":[]}'


def test_an_unknown_authority_is_refused(
    start: Any, company: trustme.CA, new_session: NewSession, waits: list[float]
) -> None:
    """Self-signed, as far as the public authorities can tell: named, and not tried again."""
    server = start(company.issue_cert("localhost"))

    with pytest.raises(TlsFailed, match=r"^IFS_TLS: .*not trusted .*Set `ca_bundle`"):
        get(new_session(server.url), server.url)

    assert (server.connections, waits) == ([], [])


@pytest.mark.parametrize(
    ("host", "valid", "reason"),
    [
        ("ifs.example", {}, r"is for another host \(.*ifs.example|Set the address"),
        ("localhost", {"not_after": datetime(2001, 1, 2, tzinfo=UTC)}, "has expired .*renew it"),
        (
            "localhost",
            {"not_before": datetime(2090, 1, 1, tzinfo=UTC)},
            "not valid yet .*clock",
        ),
    ],
)
def test_a_wrong_certificate_is_refused(
    start: Any,
    company: trustme.CA,
    ca_bundle: str,
    new_session: NewSession,
    host: str,
    valid: dict[str, datetime],
    reason: str,
) -> None:
    """Although the authority is known; another bundle would not help. Nothing was asked."""
    server = start(company.issue_cert(host, **valid))

    with pytest.raises(TlsFailed, match=rf"^IFS_TLS: .*{reason}") as caught:
        get(new_session(server.url, ca_bundle=ca_bundle), server.url)

    assert "Set `ca_bundle`" not in str(caught.value)

    assert server.connections == []


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_bundle_that_cannot_be_read_is_told(
    start: Any, company: trustme.CA, new_session: NewSession, tmp_path: Path, content: str | None
) -> None:
    """Rather than reading without one."""
    path = tmp_path / "bundle.pem"
    if content is not None:
        path.write_text(content)
    server = start(company.issue_cert("localhost"))

    with pytest.raises(TlsFailed, match="`ca_bundle`"):
        get(new_session(server.url, ca_bundle=str(path)), server.url)

    assert server.connections == []


def test_a_certificate_without_the_hosts_address_is_refused(
    start: Any, company: trustme.CA, ca_bundle: str, new_session: NewSession
) -> None:
    """As one is for a server that is reached by its IP address."""
    server = start(company.issue_cert("localhost"))
    url = server.url.replace("localhost", "127.0.0.1")

    with pytest.raises(TlsFailed, match=r"is for another host .*`ca_bundle` does not help"):
        get(new_session(url, ca_bundle=ca_bundle), url)


def test_http_on_the_port_of_https_is_told(wire: Any, new_session: NewSession, page: bytes) -> None:
    """It is the address that is wrong."""
    server = wire(lambda connection, _: connection.sendall(page))
    url = server.url.replace("http:", "https:")

    with pytest.raises(TlsFailed, match="Check scheme and port"):
        get(new_session(url), url)


def test_a_handshake_that_breaks_off_is_tried_again(
    wire: Any, new_session: NewSession, waits: list[float]
) -> None:
    """It says nothing about the certificate."""
    server = wire(lambda *_: None)
    url = server.url.replace("http:", "https:")

    with pytest.raises(ConnectionFailed, match="no answer"):
        get(new_session(url), url)

    assert waits == [0.5, 1, 2]
