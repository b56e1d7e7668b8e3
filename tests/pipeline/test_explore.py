"""`meltano invoke tap-ifs-cloud:explore`, as a user runs it before any stream is set."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .conftest import Project


def test_the_plugins_settings_reach_the_explorer(project: Project) -> None:
    """Also on a gateway that has none of the presets, where there is nothing to discover."""
    printed = project.meltano(
        "invoke", "tap-ifs-cloud:explore", "--list", "--json", TAP_IFS_CLOUD_GATEWAY="b2b"
    )

    document = json.loads(printed[printed.index("{") :])
    assert "PurchaseOrderHandling" in {each["name"] for each in document["projections"]}


def test_a_fault_of_the_explorer_ends_with_its_line(project: Project) -> None:
    """And with exit code 1."""
    printed = project.meltano("invoke", "tap-ifs-cloud:explore", "SupplierHandlin", status=1)

    assert "PROJECTION_UNKNOWN: the tenant has no projection 'SupplierHandlin'" in printed
    assert "Traceback" not in printed
