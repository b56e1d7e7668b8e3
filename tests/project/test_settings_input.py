"""Settings of both plugins as they come: from the environment, misspelt, or changed by Meltano."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from singer_sdk.exceptions import ConfigValidationError
from tap_ifs_cloud.tap import TapIfsCloud
from target_monday.meltano_file import given_settings, lost_settings
from target_monday.settings import SETTINGS
from target_monday.settings_input import environment_settings, nearest, typed, unknown_names
from target_monday.target import TargetMonday

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

PLUGINS: dict[str, tuple[Any, dict[str, Any]]] = {
    "tap-ifs-cloud": (
        TapIfsCloud,
        {"base_url": "https://h", "realm": "r", "client_id": "i", "client_secret": "s"},
    ),
    "target-monday": (TargetMonday, {"api_token": "t"}),
}
EXAMPLES: Mapping[str, tuple[str, Any]] = {
    "boolean": ("false", False),
    "integer": ("7", 7),
    "number": ("0.5", 0.5),
    "array": ("[]", []),
    "object": ("{}", {}),
    "string": ("text", "text"),
}
FILLED: Mapping[str, tuple[str, Any]] = {
    "deny": ("s.A, s.B", ["s.A", "s.B"]),
    "boards": ('{"s": {"columns": {"N.O.": false}}}', {"s": {"columns": {"N.O.": False}}}),
    "timeout": ("30", 30),
    "emit_activate_version_messages": ("no", False),
}


def settings_of(plugin: str) -> Mapping[str, Any]:
    kind, _ = PLUGINS[plugin]
    schema: dict[str, Any] = kind.config_jsonschema
    kind.append_builtin_config(schema)
    return schema["properties"]


def opened(plugin: str, **settings: Any) -> Any:
    """The plugin with these settings, without its mapper."""
    kind, base = PLUGINS[plugin]
    return kind(config=base | settings, parse_env_config=True, setup_mapper=False)


@pytest.mark.parametrize(
    ("plugin", "name"), [(plugin, name) for plugin in PLUGINS for name in settings_of(plugin)]
)
def test_every_setting_can_be_given_by_the_environment(
    plugin: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Numbers, booleans, lists and objects arrive in their types."""
    setting = settings_of(plugin)[name]
    kinds = set(setting["type"]) - {"null"}
    text, value = FILLED.get(name, EXAMPLES[min(kinds)])
    if setting.get("enum"):
        text = value = setting["enum"][0]
    kind, base = PLUGINS[plugin]
    monkeypatch.setenv(f"{plugin.upper().replace('-', '_')}_{name.upper()}", text)

    plugged = kind(
        config=dict(base), parse_env_config=True, validate_config=False, setup_mapper=False
    )

    assert plugged.config[name] == value
    assert type(plugged.config[name]) is type(value)


def test_numbers_inside_lists_and_objects_are_typed_too() -> None:
    """As texts they come where Meltano puts a variable in their place."""
    streams = typed([{"page_size": "5", "name": "5"}], settings_of("tap-ifs-cloud")["streams"])
    boards = typed({"s": {"priority": "2"}, "t": "false"}, settings_of("target-monday")["boards"])

    assert streams == [{"page_size": 5, "name": "5"}]
    assert boards == {"s": {"priority": 2}, "t": False}


@pytest.mark.parametrize(
    ("plugin", "name", "meant"),
    [
        ("target-monday", "denny", "deny"),
        ("target-monday", "Deny", "deny"),
        ("target-monday", "maks", "mask"),
        ("target-monday", "max_reject", "max_rejects"),
        ("target-monday", "max-rejects", "max_rejects"),
        ("target-monday", "vanished_max_shares", "vanished_max_share"),
        ("target-monday", "board", "boards"),
        ("target-monday", "time_zone", "timezone"),
        ("target-monday", "workspace", "workspace_id"),
        ("target-monday", "missing_label", "missing_labels"),
        ("target-monday", "stream_map", "stream_maps"),
        ("tap-ifs-cloud", "stream_map", "stream_maps"),
        ("tap-ifs-cloud", "emit_activate_version_message", "emit_activate_version_messages"),
    ],
)
def test_a_misspelt_guard_ends_the_run(plugin: str, name: str, meant: str) -> None:
    """The nearest name is in the sentence."""
    with pytest.raises(ConfigValidationError) as caught:
        opened(plugin, **{name: 1})

    (fault,) = caught.value.errors
    assert f"Did you mean `{meant}`?" in fault


@pytest.mark.parametrize(
    ("plugin", "variable", "meant"),
    [
        ("target-monday", "TARGET_MONDAY_DENNY", "deny"),
        ("target-monday", "TARGET_MONDAY_MAX_REJECT", "max_rejects"),
        ("tap-ifs-cloud", "TAP_IFS_CLOUD_STREAM_MAP", "stream_maps"),
    ],
)
def test_a_misspelt_variable_ends_the_run(
    plugin: str, variable: str, meant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the same rule."""
    monkeypatch.setenv(variable, "1")

    with pytest.raises(ConfigValidationError) as caught:
        opened(plugin)

    (fault,) = caught.value.errors
    assert f"Did you mean `{meant}`?" in fault


@pytest.mark.parametrize(
    ("plugin", "name", "meant"),
    [
        ("target-monday", "timeot", "timeout"),
        ("target-monday", "batch_size", "batch_size_rows"),
        ("target-monday", "colour", "none"),
        ("tap-ifs-cloud", "page_sise", "page_size"),
        ("tap-ifs-cloud", "colour", "none"),
    ],
)
def test_another_unknown_setting_is_warned_of(
    plugin: str, name: str, meant: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The run goes on: Meltano hands over all that a project has under `config`."""
    opened(plugin, **{name: 1})

    assert f"setting.unknown setting={name} nearest={meant}" in caplog.text


@pytest.mark.parametrize(
    ("plugin", "settings", "place", "meant"),
    [
        ("target-monday", {"boards": {"s": {"colums": {}}}}, "boards.s.colums", "columns"),
        (
            "target-monday",
            {"boards": {"s": {"columns": {"A": {"tittle": "x"}}}}},
            "boards.s.columns.A.tittle",
            "title",
        ),
        (
            "target-monday",
            {"boards": {"s": {"retire_when": {"propertys": "x"}}}},
            "boards.s.retire_when.propertys",
            "property",
        ),
        (
            "target-monday",
            {"trail_columns": {"versions": "x"}},
            "trail_columns.versions",
            "version",
        ),
        (
            "tap-ifs-cloud",
            {"streams": [{"entity_set": "A", "projektion": "P"}]},
            "streams[0].projektion",
            "projection",
        ),
    ],
)
def test_a_misspelt_name_inside_a_setting_ends_the_run(
    plugin: str, settings: dict[str, Any], place: str, meant: str
) -> None:
    """Its place and the nearest name are in the sentence."""
    with pytest.raises(ConfigValidationError) as caught:
        opened(plugin, **settings)

    assert any(
        f"`{place}` is not a setting. Did you mean `{meant}`?" in e for e in caught.value.errors
    )


def test_variables_of_meltano_and_of_other_plugins_are_no_settings() -> None:
    """Meltano adds variables for nested values and extras; a plugin may inherit from this one."""
    variables = {
        "P_DENY": "[]",
        "P_DENNY": "[]",
        "P_BOARDS_S_COLUMNS_A": "x",
        "P__SELECT": "x",
        "P_LOGLEVEL": "INFO",
        "P_EU_DENY": "[]",
        "P_TIMEOUT": "",
        "OTHER": "x",
    }

    found = environment_settings(variables, "P_", {"deny", "boards", "timeout"}, {"boards"})

    assert found == {"deny": "[]", "denny": "[]"}


def test_objects_that_meltano_flattened_are_nested_again() -> None:
    """Commands get them by a variable with the paths of their values; a null among them arrives."""
    flat = {"s.columns.Name": None, "s.columns.c\\.d": "Y", "s.item_name": "{Id}", "t": False}
    text = json.dumps(flat)

    def boards(**variables: str) -> Any:
        return environment_settings({"P_BOARDS": text, **variables}, "P_", ["boards"], ["boards"])

    assert boards(MELTANO_PROJECT_ROOT="/p")["boards"] == {
        "s": {"columns": {"Name": None, "c.d": "Y"}, "item_name": "{Id}"},
        "t": False,
    }
    assert boards()["boards"] == text


@given(st.text(), st.sampled_from(["integer", "number", "boolean", "array", "object", "string"]))
def test_any_text_is_typed_or_stays_as_it_is(text: str, kind: str) -> None:
    """Nothing that a variable can hold ends in an exception."""
    types = {"integer": int, "number": (int, float), "boolean": bool, "array": list, "object": dict}

    value = typed(text, {"type": [kind, "null"]})

    assert value == text or isinstance(value, types[kind])


@given(st.text(max_size=20))
def test_a_known_name_is_nearest_to_itself(name: str) -> None:
    """Also in another case."""
    assert nearest(name.upper(), {name, "zzzzz"}) in {name, None} or not name


def test_free_objects_have_no_unknown_names() -> None:
    """Streams, properties and labels are the user's own words."""
    schema = SETTINGS
    boards = {"any": {"columns": {"Any": {"labels": {"any": "x"}}}}}

    assert not list(unknown_names({"boards": boards, "stream_maps": {"a": {"b": 1}}}, schema))


def lost(settings: Any, *more: Any, **variables: str) -> list[str]:
    return list(
        lost_settings([settings, *more], variables, guards={"deny", "mask_key"}, secrets={"token"})
    )


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"boards": {"s": {"columns": {"Name": None}}}}, "Write `false`"),
        ({"boards.s.columns.Name": None}, "Write `false`"),
        ({"stream_maps": {"s": {"Secret": None}}}, "Write `__NULL__`"),
        ({"stream_maps": {"s": None}}, "Write `__NULL__`"),
        ({"boards": {"s": {"columns": {"A": {"labels": {"N.O.": "x"}}}}}}, "Write `N\\.O\\.`"),
        ({"stream_maps": {"dbo.orders": {"A": "x"}}}, "Write `dbo\\.orders`"),
        ({"headers": {"X.Key": "x"}}, "Write `X\\.Key`"),
        ({"boards": {"s": {"item_name": "{Id} in $USD"}}}, "$USD by nothing"),
        ({"boards": {"s": {"item_name": "${usd}"}}}, "$usd by nothing"),
        ({"streams": [{"filter": "Cost eq $USD"}]}, "$USD by nothing"),
        ({"deny": ["$PRIVATE"]}, "$PRIVATE by nothing"),
        ({"mask_key": "$MASK_KEY"}, "$MASK_KEY by nothing"),
        ({"token": "abc$DEF"}, "a variable by nothing"),
    ],
)
def test_what_meltano_loses_is_named(settings: Any, words: str) -> None:
    """Each with its place and what to write instead."""
    (sentence,) = lost(settings)

    assert words in sentence
    assert "in meltano.yml" in sentence
    assert "$DEF" not in sentence


@pytest.mark.parametrize(
    "settings",
    [
        {"boards": {"s": {"columns": {"Name": False, "N\\.O\\.": "x", "A": {"nulls": None}}}}},
        {"boards.s.columns": {"Name": False}},
        {"boards": {"s": {"item_name": "{Id} \\$USD $SET $ $2 {x:$y}"}}},
        {"workspace_id": "$WORKSPACE"},
        {"stream_maps": {"s": {"Secret": "__NULL__"}}},
        {"vanished": None, "boards": None},
    ],
)
def test_what_arrives_is_not_remarked_upon(settings: Any) -> None:
    """Escaped, set, or optional as a whole."""
    assert lost(settings, SET="x") == []


def test_the_environments_settings_stand_before_the_general_ones() -> None:
    """A null that `prod` replaces does no harm."""
    general = {"boards": {"s": {"columns": {"Name": None}}}}

    assert lost(general, {"boards.s.columns.Name": False}) == []


def test_settings_are_read_from_the_plugins_chain_and_environment(tmp_path: Path) -> None:
    """Inherited plugins, included files and the environment that runs; no other."""
    (tmp_path / "meltano.yml").write_text(
        """
include_paths: ["more/*.yml"]
environments:
- name: prod
  config: {plugins: {loaders: [{name: target-eu, config: {c: 3}}]}}
- name: dev
  config: {plugins: {loaders: [{name: target-eu, config: {c: 4}}]}}
plugins:
  loaders:
  - {name: target-monday, config: {a: 1}}
  - {name: other, config: {z: 1}}
"""
    )
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "x.yml").write_text(
        "plugins: {loaders: [{name: target-eu, inherit_from: target-monday, config: {b: 2}}]}"
    )
    variables = {
        "MELTANO_PROJECT_ROOT": str(tmp_path),
        "MELTANO_LOADER_NAME": "target-eu",
        "MELTANO_ENVIRONMENT": "prod",
    }

    assert [dict(each) for each in given_settings(variables, "loader")] == [
        {"a": 1},
        {"b": 2},
        {"c": 3},
    ]
    assert list(given_settings({}, "loader")) == []


@pytest.mark.parametrize("text", ["[", "- a", "plugins: 3", "\x00", "plugins: {loaders: {a: 1}}"])
def test_a_file_that_is_no_project_says_nothing(text: str, tmp_path: Path) -> None:
    """Meltano itself reports it."""
    (tmp_path / "meltano.yml").write_text(text)
    variables = {"MELTANO_PROJECT_ROOT": str(tmp_path), "MELTANO_LOADER_NAME": "x"}

    assert not any(given_settings(variables, "loader"))


@pytest.mark.parametrize("module", ["settings_input", "meltano_file", "status_line"])
def test_both_packages_have_the_same_module(module: str, project_root: Path) -> None:
    """They stand alone, so each carries its own copy."""
    tap = (project_root / f"tap-ifs-cloud/tap_ifs_cloud/{module}.py").read_text()
    target = (project_root / f"target-monday/target_monday/{module}.py").read_text()

    swapped = target.replace("target_monday", "tap_ifs_cloud")
    assert tap == swapped.replace("TARGET_MONDAY_", "TAP_IFS_CLOUD_")
