"""Delivering again: by the ledger, and by moving Meltano's state back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .conftest import Project


def test_a_state_that_is_moved_back_is_read_again_and_changes_nothing(project: Project) -> None:
    """The recipe of docs/deliver-again.md, after a day: every row is read, none is sent."""
    project.sync()
    state_id = "sandbox:tap-ifs-cloud-to-target-monday"
    printed = project.meltano("state", "get", state_id)
    state = json.loads(printed[printed.index("{") : printed.rindex("}") + 1])
    kept = state.get("singer_state", state)["bookmarks"]
    del kept["purchase_order"]
    (project.directory / "earlier.json").write_text(json.dumps(state))
    project.sandbox.business.tick()
    project.sync()
    before = project.sandbox.account.usage.mutations

    project.meltano("state", "set", "--force", state_id, "--input-file", "earlier.json")
    project.sync()

    assert project.sandbox.account.usage.mutations == before
    books = {board["stream"]: board for board in project.report()["boards"]}
    assert books["purchase_order"]["unchanged"] == len(
        project.sandbox.business.rows("PurchaseOrderSet")
    )


def test_meltano_invokes_a_replay_by_the_settings_of_its_environment(project: Project) -> None:
    """Nothing is read from IFS, nothing is sent where the boards are as known, and all is told."""
    project.sync()
    before = project.sandbox.account.usage.mutations

    project.meltano("invoke", "target-monday:replay", "--all")
    told = project.meltano("invoke", "target-monday:rejects", "list", "--json")

    assert project.sandbox.account.usage.mutations == before
    total = project.report()["total"]
    assert total["read"] == total["unchanged"] > 0
    assert told.splitlines()[-1] == "[]"
