"""Writes docs/settings.md from the settings that the tap and the target declare.

Run as `python docs/generate_settings.py` after changing a setting; a test compares the page.
"""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tap_ifs_cloud.tap import TapIfsCloud
from target_monday.target import TargetMonday

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PAGE: Final = Path(__file__).with_name("settings.md")
PLUGINS: Final = (TapIfsCloud, TargetMonday)


def settings_page() -> str:
    """The whole page: a section a plugin, then one for each list of objects among its settings."""
    lines = [
        "# Settings",
        "",
        "Generated from the code by `python docs/generate_settings.py`; do not edit. In",
        "meltano.yml they stand under the plugin's `config`; in the environment the tap's",
        "`base_url` is called `TAP_IFS_CLOUD_BASE_URL`, and so on.",
    ]
    for plugin in PLUGINS:
        schema = deepcopy(plugin.config_jsonschema)
        plugin.append_builtin_config(schema)  # the SDK's own settings, as `--about` has them
        properties = schema["properties"]
        lines += ["", f"## {plugin.name}", "", *_table(properties, schema)]
        for name, setting in properties.items():
            lines += _sections(plugin.name, name, setting)
    return "\n".join(lines) + "\n"


def _sections(plugin: str, name: str, setting: Mapping[str, Any]) -> Iterator[str]:
    """What the objects in a setting hold, and the objects in these."""
    nested = _nested(setting)
    if nested:
        yield from ("", f"### {plugin}: each of `{name}`", "")
        yield from _table(nested["properties"], nested)
        for inner, schema in nested["properties"].items():
            yield from _sections(plugin, f"{name}.{inner}", schema)


def _nested(schema: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The object that a list or a map of objects holds, if the setting is one."""
    for inner in (schema.get("items"), schema.get("additionalProperties")):
        if isinstance(inner, dict) and inner.get("properties"):
            return inner
    return None


def _table(properties: Mapping[str, Any], schema: Mapping[str, Any]) -> Iterator[str]:
    yield "| setting | type | default | what it does |"
    yield "|---|---|---|---|"
    for name, one in properties.items():
        needed = " **required**" if name in schema.get("required", ()) else ""
        default = f"`{json.dumps(one['default'])}`" if "default" in one else ""
        described = " ".join(one.get("description", "").split()).replace("|", "\\|")
        yield f"| `{name}`{needed} | {_type(one)} | {default} | {described} |"


def _type(schema: Mapping[str, Any]) -> str:
    if schema.get("secret"):
        return "secret"
    if schema.get("enum"):
        return " \\| ".join(f"`{value}`" for value in schema["enum"] if value is not None)
    types = schema.get("type", "any")
    return " or ".join(
        kind for kind in ([types] if isinstance(types, str) else types) if kind != "null"
    )


if __name__ == "__main__":
    PAGE.write_text(settings_page(), encoding="utf-8")
