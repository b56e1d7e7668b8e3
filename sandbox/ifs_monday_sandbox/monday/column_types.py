"""Column types: how their ids look, which take values, and what settings they begin with."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from ifs_monday_sandbox.monday.errors import bad_argument
from ifs_monday_sandbox.monday.labels import (
    COLOURS,
    DEFAULT_STATUS,
    dropdown_labels,
    label_settings,
    status_labels,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ifs_monday_sandbox.monday.records import Column, Label

__all__ = ["ID_PREFIXES", "READ_ONLY", "columns_settings", "defaults_object", "first_settings"]

# How monday begins a generated column id where that is not the type's name.
ID_PREFIXES: Final[Mapping[str, str]] = {
    "status": "color",
    "numbers": "numeric",
    "people": "multiple_person",
    "checkbox": "boolean",
    "timeline": "timerange",
    "tags": "tag",
}

READ_ONLY: Final = frozenset(
    [
        "auto_number",
        "mirror",
        "formula",
        "item_id",
        "creation_log",
        "last_updated",
        "progress",
        "vote",
        "button",
        "time_tracking",
        "integration",
        "subtasks",
        "doc",
        "direct_doc",
        "file",
    ]
)


def defaults_object(defaults: object) -> dict[str, Any]:
    """`defaults` of create_column: an object, or a string that holds one."""
    if isinstance(defaults, str):
        try:
            defaults = json.loads(defaults)
        except ValueError as error:
            raise bad_argument(f"defaults is no JSON: {error}") from error
    if defaults is None:
        return {}
    if not isinstance(defaults, dict):
        raise bad_argument("defaults must be a JSON object")
    return defaults


def first_settings(
    column_type: str, defaults: Mapping[str, Any]
) -> tuple[tuple[Label, ...], dict[str, Any]]:
    """Labels and options that a column of this type starts with."""
    options = {**defaults}
    wanted = options.pop("labels", None)
    if column_type == "status":
        return (_status_start(wanted), options)
    if column_type == "dropdown":
        return (dropdown_labels(_dropdown_start(wanted)), options)
    if column_type == "board_relation":
        options["boardIds"] = [int(one) for one in options.get("boardIds", ())]
    if column_type == "rating":
        options.setdefault("limit", 5)
    return ((), options)


def columns_settings(column: Column) -> dict[str, Any]:
    """`Column.settings`."""
    if column.type in ("status", "dropdown"):
        shown = label_settings(column.labels, colours=column.type == "status")
        return {**column.options, "labels": shown}
    return dict(column.options)


def _status_start(wanted: Any) -> tuple[Label, ...]:
    if wanted is None:
        return DEFAULT_STATUS
    if isinstance(wanted, dict):  # the older form: {"labels": {"<id>": "text"}}
        numbered = sorted((int(number), text) for number, text in wanted.items())
        return status_labels(
            {"label": text, "color": _colour(number), "index": index}
            for index, (number, text) in enumerate(numbered)
        )
    return status_labels(wanted)


def _colour(number: int) -> str:
    return COLOURS[number % len(COLOURS)]


def _dropdown_start(wanted: Any) -> list[dict[str, Any]]:
    return [
        one if isinstance(one, dict) and "label" in one else {"label": str(_text(one))}
        for one in wanted or ()
    ]


def _text(one: Any) -> Any:
    return one.get("name", "") if isinstance(one, dict) else one
