"""What is written in two places agrees."""

from __future__ import annotations

import json
import re
import runpy
import subprocess
from typing import TYPE_CHECKING

import pytest
import yaml

if TYPE_CHECKING:
    from pathlib import Path


def test_settings_page_is_generated_from_the_code(project_root: Path) -> None:
    """docs/settings.md is what its generator writes today."""
    page = runpy.run_path(str(project_root / "docs/generate_settings.py"))["settings_page"]()

    assert (project_root / "docs/settings.md").read_text(encoding="utf-8") == page


@pytest.mark.parametrize("plugin", ["tap-ifs-cloud", "target-monday"])
def test_meltano_knows_every_setting(project_root: Path, plugin: str) -> None:
    """meltano.yml declares the settings that `--about` tells, and every secret as one."""
    project = yaml.safe_load((project_root / "meltano.yml").read_text(encoding="utf-8"))
    [declared] = [
        one["settings"]
        for kind in project["plugins"].values()
        for one in kind
        if one["name"] == plugin
    ]
    about = json.loads(
        subprocess.check_output([project_root / ".venv/bin" / plugin, "--about", "--format=json"])
    )
    properties = about["settings"]["properties"]

    assert {setting["name"] for setting in declared} == set(properties)
    assert {setting["name"] for setting in declared if setting.get("sensitive")} == {
        name for name, schema in properties.items() if schema.get("secret")
    }


@pytest.mark.parametrize("page", ["README.md", "docs", "sandbox", "tap-ifs-cloud", "target-monday"])
def test_every_link_between_pages_leads_somewhere(project_root: Path, page: str) -> None:
    """A relative link in a page names a file of the project."""
    place = project_root / page
    for text in [place] if place.is_file() else place.rglob("*.md"):
        for link in re.findall(r"\]\((?!https?:)([^)#]+)", text.read_text(encoding="utf-8")):
            assert (text.parent / link).exists(), f"{text.name}: {link}"
