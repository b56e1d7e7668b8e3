"""The table of behaviours and the sandbox's settings name the same things."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin, get_type_hints

import pytest
from ifs_monday_sandbox.ifs import settings as ifs
from ifs_monday_sandbox.monday import settings as monday

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOT_BEHAVIOUR = frozenset(
    ("api_token", "base_url", "client_id", "client_secret", "clock", "realm", "user_name")
)
TYPING_NAMES = {"Callable": Callable, "Mapping": Mapping}  # that only type checkers import
SWITCHES = {"ifs": ifs.IfsSettings, "monday": monday.MondaySettings}


@pytest.fixture(scope="session")
def behaviours(project_root: Path) -> Mapping[str, Any]:
    """The table, by side and setting."""
    return tomllib.loads((project_root / "sandbox/behaviours.toml").read_text(encoding="utf-8"))


def named_values(hint: Any) -> tuple[str, ...]:
    """The values of a setting that has named ones; none of a number or a set."""
    if hint is bool:
        return "false", "true"
    return get_args(hint) if get_origin(hint) is Literal else ()


def entries(table: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Every entry with its dotted name."""
    for name, value in table.items():
        if "does" in value:
            yield name, value
        else:
            yield from ((f"{name}.{inner}", entry) for inner, entry in entries(value))


@pytest.mark.parametrize("side", sorted(SWITCHES))
def test_every_switch_of_the_sandbox_stands_in_the_table(
    behaviours: Mapping[str, Any], side: str
) -> None:
    """Each setting, and each of its named values; and nothing that the sandbox cannot do."""
    hints = get_type_hints(SWITCHES[side], localns=TYPING_NAMES)
    wanted = {
        f"{field.name}.{value}" if value else field.name
        for field in fields(SWITCHES[side])
        if field.name not in NOT_BEHAVIOUR
        for value in named_values(hints[field.name]) or ("",)
    }

    assert {name for name, _ in entries(behaviours[side])} == wanted


def test_every_behaviour_says_how_far_it_is_known(behaviours: Mapping[str, Any]) -> None:
    """A sentence, its basis, and a source: an address of the vendor's, or where and when."""
    assert set(behaviours) == set(SWITCHES)
    for name, entry in entries(behaviours):
        assert set(entry) == {"does", "basis", "source"}, name
        assert entry["does"].endswith("."), name
        assert entry["basis"] in {"documented", "observed", "guessed"}, name
        if entry["basis"] == "documented":
            assert entry["source"].startswith("https://"), name
        if entry["basis"] == "observed":
            assert re.search(r"\b20\d\d-\d\d", entry["source"]), name
        assert entry["source"], name
