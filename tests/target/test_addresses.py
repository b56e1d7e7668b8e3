"""Which addresses of a server are used: only those that lead into the internet."""

from __future__ import annotations

import socket
import threading
from contextlib import closing
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from target_monday.monday.addresses import address_fault, is_public
from target_monday.monday.uploads import Files
from target_monday.settings import setting_faults

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

API = "https://api.monday.com/v2"


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "127.1", "127.0.1", "127.0.0.1.", "0", "0.0.0.0", "2130706433"),  # noqa: S104
        *("0x7f.1", "0x7f000001", "0x7F.0.0.0x1", "0177.0.0.1", "017700000001", "1.2.3.0x4"),
        *("[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]"),
        *("[64:ff9b::7f00:1]", "[2002:7f00:1::]", "[fe80::1%25eth0]", "[fd00:ec2::254]"),
        *("169.254.169.254", "[::ffff:169.254.169.254]", "10.0.0.1", "172.16.0.1", "192.168.1.1"),
        *("100.100.100.200", "168.63.129.16", "224.0.0.1", "240.0.0.1", "255.255.255.255"),
        *("localhost", "localhost.", "x.localhost", "metadata.google.internal", "db.local"),
        *("intranet", "host.lan", "a.home.arpa", "a..b.com", "-a.com", "a.com-", ".com", ""),
    ],
)
def test_a_local_address_is_refused_however_it_is_spelt(host: str) -> None:
    """Decimal, octal, hexadecimal, short, mapped, translated; metadata services; local names."""
    assert address_fault(f"https://{host}/file")


@pytest.mark.parametrize(
    "url",
    [
        "http://files.monday.com/a",
        "file:///etc/passwd",
        "//files.monday.com/a",
        "https://me:pw@files.monday.com/a",
        "https://me@files.monday.com/a",
        "https://files.monday.com:99999/a",
        "https://files.monday.com:x/a",
        "https://127.0.0.1\\@files.monday.com/a",
        "https://files.monday.com/a\r\nX: 1",
        "https://files.monday.com /a",
        "https://１２７.0.0.1/a",  # noqa: RUF001 - wide digits are meant
        "https://①②⑦.0.0.1/a",
        "https://%31%32%37.0.0.1/a",
        "https://[::1/a",
        "",
    ],
)
def test_an_address_that_is_no_plain_https_one_is_refused(url: str) -> None:
    """Libraries read these differently, or they would send something along."""
    assert address_fault(url)


@pytest.mark.parametrize(
    "url",
    [
        "https://prod-uploads.s3.us-east-1.amazonaws.com/a?X-Amz-Signature=1",
        "https://files.monday.com:8443/a",
        "https://files.monday.com./a",
        "https://a_b.example.co/a@b",
        "https://xn--bcher-kva.example/a",
        "https://8.8.8.8/a",
        "https://[2606:4700:4700::1111]/a",
    ],
)
def test_an_address_of_the_internet_is_used(url: str) -> None:
    """Names with their ports, and literal addresses."""
    assert address_fault(url) == ""


@given(st.integers(0, 2**32 - 1))
def test_an_address_that_is_packed_into_another_is_judged_itself(number: int) -> None:
    """Mapped, 6to4 and translated by NAT64."""
    plain = ip_address(number)
    packed = number.to_bytes(4, "big").hex()
    first, last = packed[:4], packed[4:]

    for each in (f"::ffff:{first}:{last}", f"64:ff9b::{first}:{last}", f"2002:{first}:{last}::"):
        assert is_public(ip_address(each)) <= is_public(plain)


@pytest.fixture
def listener() -> Iterator[tuple[int, list[bytes]]]:
    """A port of this machine, and the beginnings of what comes there."""
    heard: list[bytes] = []
    with closing(socket.create_server(("127.0.0.1", 0))) as server:

        def listen() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    connection.settimeout(5)
                    heard.append(connection.recv(1 << 16))

        threading.Thread(target=listen, daemon=True).start()
        yield server.getsockname()[1], heard
        server.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def name(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Has a name of the internet resolve to these addresses."""
    resolve = socket.getaddrinfo

    def resolves(host: str, *addresses: str) -> None:
        def getaddrinfo(asked: Any, port: Any, *more: Any, **named: Any) -> Any:
            if asked != host:
                return resolve(asked, port, *more, **named)
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port)) for each in addresses]

        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)

    for variable in (
        "https_proxy",
        "HTTPS_PROXY",
        "all_proxy",
        "ALL_PROXY",
        "no_proxy",
        "NO_PROXY",
    ):
        monkeypatch.delenv(variable, raising=False)
    return resolves


@pytest.mark.parametrize(
    "addresses", [["127.0.0.1"], ["8.8.8.8", "127.0.0.1"], ["169.254.169.254"]]
)
def test_a_name_that_resolves_to_a_local_address_is_not_connected_to(
    listener: tuple[int, list[bytes]], name: Callable[..., None], addresses: list[str]
) -> None:
    """Nothing leaves, not even to another of its addresses; the file was not taken, for certain."""
    port, heard = listener
    name("files.example.com", *addresses)
    files = Files(api_url=API, timeout=2.0)

    stored = files.put(f"https://files.example.com:{port}/a", b"x")

    assert (stored.taken, stored.refused) == (False, True)
    assert stored.reason == "the address leads to a local one"
    assert files.get(f"https://files.example.com:{port}/a") is None
    assert heard == []
    files.close()


def test_behind_a_proxy_the_name_is_judged_by_itself(
    listener: tuple[int, list[bytes]],
    name: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The proxy, which may be a local one, resolves it; a local name does not get there."""
    port, heard = listener
    name("files.example.com", "127.0.0.1")
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")
    files = Files(api_url=API, timeout=2.0)

    assert files.get("https://files.example.com/a") is None
    assert files.get("https://127.1/a") is None
    assert files.get("https://metadata.internal/a") is None

    assert [each.split()[1] for each in heard] == [b"files.example.com:443"]
    files.close()


@pytest.mark.parametrize(
    ("api", "url", "reached"),
    [
        ("http://127.0.0.1:{port}/v2", "http://127.0.0.1:{port}/up", True),
        ("http://127.0.0.1:1/v2", "http://127.0.0.1:{port}/up", False),
        ("https://127.0.0.1:{port}/v2", "http://127.0.0.1:{port}/up", False),
        ("http://127.0.0.1:{port}/v2", "http://me@127.0.0.1:{port}/up", False),
    ],
)
def test_only_the_server_of_the_api_may_be_a_local_one(
    listener: tuple[int, list[bytes]], api: str, url: str, *, reached: bool
) -> None:
    """In a rehearsal it serves the uploads, too: same scheme, host and port."""
    port, heard = listener
    files = Files(api_url=api.format(port=port), timeout=2.0)

    files.put(url.format(port=port), b"x")

    assert bool(heard) == reached
    files.close()


@pytest.mark.parametrize(
    "url",
    [
        "https://me:c4n4ry@api.monday.com/v2",
        "https://me@api.monday.com/v2",
        "https://api.monday.com/v2?token=c4n4ry",
        "https://api.monday.com/v2?api_key=c4n4ry",
    ],
)
def test_credentials_in_the_address_of_the_api_are_refused(url: str) -> None:
    """They would stand in the ledger and in every certificate."""
    (fault,) = setting_faults({"api_token": "t", "api_url": url})

    assert "`api_url` holds a user, a password or a token" in fault
    assert "c4n4ry" not in fault


@pytest.mark.parametrize(
    ("url", "is_refused"),
    [
        ("http://monday.example/v2", True),
        ("http://10.0.0.7:8080/v2", True),
        ("http://127.0.0.1.example/v2", True),
        ("http://127.0.0.1:8471/v2", False),
        ("http://[::1]:8471/v2", False),
        ("http://localhost:8471/v2", False),
        ("https://monday.example/v2", False),
    ],
)
def test_the_token_does_not_leave_this_machine_in_clear(url: str, *, is_refused: bool) -> None:
    """Unless the settings say so."""
    faults = list(setting_faults({"api_token": "t", "api_url": url}))

    assert ["`allow_http: true`" in fault for fault in faults] == [True] * is_refused
    assert not list(setting_faults({"api_token": "t", "api_url": url, "allow_http": True}))
