"""Settings in meltano.yml on their way through Meltano to both plugins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml

if TYPE_CHECKING:
    from .conftest import Project


def configure(project: Project, **plugins: dict[str, Any]) -> None:
    """Add settings to the plugins of meltano.yml, as a user writes them."""
    path = project.directory / "meltano.yml"
    content = yaml.safe_load(path.read_text())
    for kind in content["plugins"].values():
        for plugin in kind:
            added = plugins.get(plugin["name"].replace("-", "_"))
            if added:
                plugin.setdefault("config", {}).update(added)
    path.write_text(yaml.safe_dump(content, sort_keys=False))


def test_false_leaves_a_column_out_and_a_quoted_null_takes_a_property_away(
    project: Project,
) -> None:
    """Neither column is made, and an escaped key arrives with its dots."""
    labels = {"N\\.O\\.": "Not ok", "*": "Other"}
    configure(
        project,
        tap_ifs_cloud={"stream_maps": {"supplier": {"Objstate": "__NULL__"}}},
        target_monday={
            "boards": {
                "supplier": {
                    "unmapped": "create",
                    "columns": {
                        "CurrencyCode": False,
                        "Country": {"title": "Country", "type": "status", "labels": labels},
                    },
                }
            },
            "stream_maps": {"supplier": {"City": "__NULL__"}},
        },
    )

    project.meltano("run", "tap-ifs-cloud-reference", "target-monday")

    titles = set(project.sandbox.account.rows("Supplier")[0])
    assert "SupplierId" in titles
    assert not titles & {"CurrencyCode", "City", "Objstate"}


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"boards": {"supplier": {"columns": {"CurrencyCode": None}}}}, "Write `false`"),
        ({"stream_maps": {"supplier": {"SupplierName": None}}}, "Write `__NULL__`"),
        ({"boards": {"supplier": {"item_name": "{SupplierId} $USD"}}}, "$USD by nothing"),
        ({"mask_key": "$NO_SUCH_KEY"}, "replaces a variable by nothing"),
        ({"denny": ["supplier.SupplierName"]}, "Did you mean `deny`?"),
    ],
)
def test_a_setting_that_does_not_arrive_ends_the_run_before_the_first_write(
    project: Project, settings: dict[str, Any], words: str
) -> None:
    """With its place in meltano.yml and what to write instead."""
    configure(project, target_monday=settings)

    printed = project.meltano("run", "tap-ifs-cloud-reference", "target-monday", status=1)

    assert words in printed
    assert project.board_names() == set()


def test_what_leads_to_a_riddle_is_named_beside_it(project: Project) -> None:
    """A key that is split at its dots, in the tap as in the target."""
    configure(
        project,
        tap_ifs_cloud={"headers": {"X.Key": "k"}},
        target_monday={
            "boards": {"supplier": {"columns": {"Objstate": {"labels": {"N.O.": "Not ok"}}}}}
        },
    )

    discovered = project.meltano("invoke", "tap-ifs-cloud", "--discover", status=1)
    loaded = project.meltano("invoke", "target-monday", status=2)

    assert "Write `X\\.Key`" in discovered
    assert "Write `N\\.O\\.`" in loaded


def test_commands_have_the_settings_of_meltano_yml(project: Project) -> None:
    """Meltano flattens objects for them."""
    configure(project, target_monday={"boards": {"supplier": {"columns": {"CurrencyCode": False}}}})
    project.meltano("run", "tap-ifs-cloud-reference", "target-monday")

    printed = project.meltano("invoke", "target-monday:replay", "--all")

    assert "SETTINGS" not in printed
    assert "CurrencyCode" not in project.sandbox.account.rows("Supplier")[0]
