"""One session for all threads."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def test_threads_share_a_session(ifs: Any, read: Callable[[], list[str]], orders: Any) -> None:
    """Each gets its own answers, and all of them one token."""
    ifs.sets["OrderSet"] = orders(50)
    numbers = [row["OrderNo"] for row in orders(50)]

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda _: read(), range(80)))

    assert results == [numbers] * 80
    assert ifs.tokens == 1


def test_a_token_refused_to_several_threads_is_replaced(
    ifs: Any, read: Callable[[], list[str]], orders: Any
) -> None:
    """Whoever comes late takes the new one."""
    ifs.sets["OrderSet"] = orders(1)
    read()
    ifs.tokens += 1  # the server forgets the token; the next one it gives is t3

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda _: read(), range(16)))

    assert results == [["0000"]] * 16
    assert ifs.tokens == 3


def test_cookies_are_not_kept(wire: Any, new_session: Any) -> None:
    """They would make requests of one thread depend on those of another."""
    head = b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"
    server = wire(lambda connection, _: connection.sendall(head))
    session = new_session(server.url)

    for _ in range(2):
        session.get(server.url, accept="*/*", read=str)

    assert len(server.connections) == 2
    assert b"cookie" not in server.connections[1].lower()


def test_a_daemon_thread_may_read(ifs: Any, read: Callable[[], list[str]], orders: Any) -> None:
    """Nothing here needs the main thread."""
    ifs.sets["OrderSet"] = orders(1)
    rows: list[str] = []
    thread = threading.Thread(target=lambda: rows.extend(read()), daemon=True)

    thread.start()
    thread.join()

    assert rows == ["0000"]
