"""Messages of a run and settings for one, as tests of several themes need them."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

Message = dict[str, Any]
Run = Callable[..., list[Message]]


def stamp(n: int) -> str:
    """A moment; five orders share each second."""
    return f"2026-03-01T10:00:{n // 5:02d}Z"


def of(messages: list[Message], kind: str) -> list[Message]:
    """The messages of one kind."""
    return [message for message in messages if message["type"] == kind]


def records(messages: list[Message], stream: str = "order") -> list[dict[str, Any]]:
    """What the RECORD messages of a stream carry."""
    return [m["record"] for m in of(messages, "RECORD") if m["stream"] == stream]


def bookmark(messages: list[Message], stream: str = "order") -> dict[str, Any]:
    """The last one of a stream."""
    return dict(of(messages, "STATE")[-1]["value"]["bookmarks"][stream])


def state(value: object, key: str = "Cf_Last_Modified") -> dict[str, Any]:
    """What a run that has read the orders up to a value leaves."""
    mark = {"replication_key": key, "replication_key_value": value}
    return {"bookmarks": {"order": mark}}


def full(**more: Any) -> dict[str, Any]:
    """Settings by which the orders are read in full."""
    return {
        "streams": [{"entity_set": "OrderSet", "projection": "Test", "replication": "full", **more}]
    }


def along(path: str, end: int) -> str:
    """A link to what follows the first `end` rows, as the double writes one."""
    head, _, query = path.partition("?")
    kept = [one for one in query.split("&") if not one.startswith("$skiptoken=")]
    return f"{head}?{'&'.join(kept)}&$skiptoken={end}"


def parts(count: int) -> list[dict[str, Any]]:
    """Rows of PartSet, with quotes, an enumeration and fractions in the key."""
    states = ["Planned", "Released", "Closed"]
    return [
        {"Company": f"O'{n % 3}", "State": states[n % 2], "RowNo": Decimal(n) / 4, "Text": "x"}
        for n in range(count)
    ]
