"""Proxies as the environment names them."""

from __future__ import annotations

import socket
import ssl
import threading
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any

import pytest
import trustme
from tap_ifs_cloud.odata.errors import IfsError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tap_ifs_cloud.odata.session import Session

    NewSession = Callable[..., Session]

PASSWORD = "pr0xy-p4ss"
AUTHORIZATION = b"Basic dGFwOnByMHh5LXA0c3M="


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """No proxies but those of the test."""
    for name in ("http_proxy", "https_proxy", "no_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    return monkeypatch


def with_user(url: str) -> str:
    """A proxy's address with credentials."""
    return url.replace("//localhost", f"//tap:{PASSWORD}@localhost")


class Bearer:
    """Credentials with a token that is always good."""

    def headers(self) -> dict[str, str]:
        """The token."""
        return {"Authorization": "Bearer t1"}

    def renew(self, _refused: object) -> bool:
        """There is no other."""
        return False

    def secrets(self) -> Any:
        """None that the test looks for."""
        return iter(())


def get(session: Session, url: str) -> bytes:
    return session.get(url, accept="*/*", read=lambda body: body.content)


def test_a_proxy_is_asked_for_the_page(
    wire: Any,
    new_session: NewSession,
    page: bytes,
    environment: pytest.MonkeyPatch,
) -> None:
    """It gets its own credentials and, as the server's deputy, those for IFS."""
    proxy = wire(lambda connection, _: connection.sendall(page))
    environment.setenv("HTTP_PROXY", with_user(proxy.url))
    session = new_session("http://ifs.example")
    session.credentials = Bearer()

    assert get(session, "http://ifs.example/x") == b'{"value":[]}'
    request = proxy.connections[0]
    assert request.startswith(b"GET http://ifs.example/x HTTP/1.1\r\n")
    assert b"Proxy-Authorization: " + AUTHORIZATION in request
    assert b"\r\nAuthorization: Bearer t1\r\n" in request


def tunnel(connection: socket.socket, made: Any) -> None:
    """What a proxy does after CONNECT: carry bytes to where it was told."""
    host, _, port = made.connections[-1].split()[1].decode().partition(":")
    with closing(socket.create_connection((host, int(port)))) as onward:
        connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")

        def carry(one: socket.socket, other: socket.socket) -> None:
            with suppress(OSError):  # one of them has gone
                while data := one.recv(65_536):
                    other.sendall(data)

        threading.Thread(target=carry, args=(connection, onward), daemon=True).start()
        carry(onward, connection)


def test_https_goes_through_a_tunnel(
    wire: Any,
    new_session: NewSession,
    page: bytes,
    environment: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """The certificate is still the server's, and the proxy never sees the token."""
    company, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    company.issue_cert("localhost").configure_cert(context)
    company.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    server = wire(lambda connection, _: connection.sendall(page), context)
    proxy = wire(tunnel)
    environment.setenv("HTTPS_PROXY", with_user(proxy.url))
    session = new_session(server.url, ca_bundle=str(tmp_path / "ca.pem"))
    session.credentials = Bearer()

    assert get(session, server.url) == b'{"value":[]}'
    assert b"Proxy-Authorization: " + AUTHORIZATION in proxy.connections[0]
    assert b"Bearer" not in proxy.connections[0]
    assert b"Bearer t1" in server.connections[0]
    assert b"Proxy-Authorization" not in server.connections[0]


def test_no_proxy_is_kept(
    wire: Any, new_session: NewSession, page: bytes, environment: pytest.MonkeyPatch
) -> None:
    """NO_PROXY names hosts that are spoken to directly."""
    proxy = wire(lambda connection, _: connection.sendall(page))
    server = wire(lambda connection, _: connection.sendall(page))
    environment.setenv("HTTP_PROXY", proxy.url)
    environment.setenv("NO_PROXY", "example.org,localhost")

    get(new_session(server.url), server.url)

    assert (len(server.connections), proxy.connections) == (1, [])


@pytest.mark.parametrize(
    "address",
    [
        pytest.param("http://tap:{}@127.0.0.1:1", id="refused"),
        pytest.param("http://tap:{}@localhost:notaport", id="no-port"),
        pytest.param("http://tap:{}@[::1", id="half-an-address"),
        pytest.param("http://tap:a@b/{}@localhost:1", id="not-quoted"),
        pytest.param("socks5://tap:{}@localhost:1", id="not-supported"),
        pytest.param("{wire}", id="echoes"),
    ],
)
def test_a_proxys_password_is_never_told(
    wire: Any,
    new_session: NewSession,
    environment: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    address: str,
) -> None:
    """Whatever is wrong with its address, and if it gives it back."""
    said = b"user tap, password %s, %s" % (PASSWORD.encode(), AUTHORIZATION[6:])
    echo = b"HTTP/1.1 502 Bad\r\nContent-Length: %d\r\n\r\n%s" % (len(said), said)
    proxy = wire(lambda connection, _: connection.sendall(echo))
    environment.setenv("HTTP_PROXY", address.format(PASSWORD, wire=with_user(proxy.url)))
    caplog.set_level("DEBUG")

    with pytest.raises(IfsError) as caught:
        get(new_session("http://ifs.example"), "http://ifs.example/x")

    shown = f"{caught.value}{caught.value!r}{caplog.text}"
    assert PASSWORD not in shown
    assert AUTHORIZATION[6:].decode() not in shown
