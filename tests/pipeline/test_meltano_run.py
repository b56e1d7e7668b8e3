"""`meltano run tap-ifs-cloud target-monday`, as a user runs it."""

from __future__ import annotations

import os
import signal
from itertools import count
from typing import TYPE_CHECKING

import pytest
from ifs_monday_sandbox.faults import Fault

if TYPE_CHECKING:
    from collections.abc import Callable
    from subprocess import Popen

    from starlette.requests import Request

    from .conftest import Project


def test_boards_equal_the_source_after_each_day(
    project: Project, assert_boards_equal_source: Callable[[Project], None]
) -> None:
    """Three runs with business days between them; a run without one sends no mutation."""
    project.sync()
    assert_boards_equal_source(project)

    for _ in range(2):
        project.sandbox.business.tick()
        project.sync()
        assert_boards_equal_source(project)

    before = project.sandbox.account.usage.mutations
    project.sync()

    assert project.sandbox.account.usage.mutations == before
    assert_boards_equal_source(project)
    books = project.report()["boards"]
    assert all(board["read"] == board["unchanged"] for board in books)


def test_losing_the_state_changes_nothing_on_the_boards(
    project: Project, assert_boards_equal_source: Callable[[Project], None]
) -> None:
    """After `state clear`, and with --full-refresh, everything is read and nothing is written."""
    project.sync()
    [state_id] = project.meltano("state", "list").split()[-1:]
    assert state_id == "sandbox:tap-ifs-cloud-to-target-monday"
    assert "purchase_order" in project.meltano("state", "get", state_id)
    before = project.sandbox.account.usage.mutations

    project.meltano("state", "clear", "--force", state_id)
    project.sync()
    project.sync("--full-refresh")

    assert project.sandbox.account.usage.mutations == before
    assert_boards_equal_source(project)


def test_losing_the_ledger_changes_nothing_on_the_boards(
    project: Project, assert_boards_equal_source: Callable[[Project], None]
) -> None:
    """Without its ledger the target finds its boards and reads them back; no item is doubled."""
    project.sync()
    for part in project.directory.glob(".meltano/**/ledger-*"):
        part.unlink()
    before = project.sandbox.account.usage.mutations

    project.sync("--full-refresh")

    assert project.sandbox.account.usage.mutations == before
    assert_boards_equal_source(project)


@pytest.mark.parametrize("committed", [True, False], ids=["committed", "not-committed"])
@pytest.mark.parametrize("request_number", [3, 8, 12, 20])
def test_a_killed_run_is_finished_by_the_next(
    project: Project,
    assert_boards_equal_source: Callable[[Project], None],
    request_number: int,
    committed: bool,  # noqa: FBT001  (a parameter of the test)
) -> None:
    """SIGKILL to all processes of a run while monday works on a request: the next run mends it."""
    running: list[Popen[str]] = []
    requests = count(1)
    killing = Fault(
        lose=committed,
        meanwhile=lambda: os.killpg(running[0].pid, signal.SIGKILL),
        matches=lambda request: request.url.path == "/v2" and next(requests) == request_number,
    )
    project.sandbox.monday_faults.plan(killing)
    running.append(project.start("run", "tap-ifs-cloud", "target-monday"))
    running[0].communicate()
    assert running[0].returncode == -signal.SIGKILL

    # Meltano itself was killed too, and would wait minutes before it believes that.
    project.sync("--force")

    assert_boards_equal_source(project)


def test_a_terminated_run_loses_nothing(
    project: Project, assert_boards_equal_source: Callable[[Project], None]
) -> None:
    """SIGTERM to a run while it writes: it ends with an error, and the next run goes on."""
    running: list[Popen[str]] = []
    requests = count(1)

    def terminate(request: Request) -> bool:
        if request.url.path == "/v2" and next(requests) == 12:
            os.killpg(running[0].pid, signal.SIGTERM)
        return False

    project.sandbox.monday_faults.plan(Fault(matches=terminate))
    running.append(project.start("run", "tap-ifs-cloud", "target-monday"))
    printed, _ = running[0].communicate()
    project.sandbox.monday_faults.clear()
    assert running[0].returncode != 0, printed

    project.sync("--force")

    assert_boards_equal_source(project)


def test_the_prod_environment_reads_dotenv(project: Project) -> None:
    """Address and credentials of `prod` come from the names in .env.example."""
    (project.directory / ".env").write_text(
        f"IFS_BASE_URL={project.sandbox.ifs_url}\nIFS_REALM=sandbox\nIFS_CLIENT_ID=sandbox\n"
        "IFS_CLIENT_SECRET=s4ndb0x-1fs-cl0ud\nMONDAY_API_TOKEN=s4ndb0x-m0nd4y\nMONDAY_WORKSPACE_ID=\n"
    )

    project.meltano(
        *("--environment", "prod", "run", "tap-ifs-cloud-reference", "target-monday"),
        TAP_IFS_CLOUD_BASE_URL="",
    )

    assert project.board_names() == {"Supplier", "Account", "Code part value"}


def test_selection_narrows_streams_and_properties(project: Project) -> None:
    """What `meltano select` leaves out is neither asked of IFS nor made a column."""
    project.meltano("select", "tap-ifs-cloud", "supplier", "CurrencyCode")

    project.sync()

    assert project.board_names() == {"Supplier"}
    titles = set(project.sandbox.account.rows("Supplier")[0])
    assert titles == {"Name", "Record key", "SupplierId", "CurrencyCode"}


@pytest.mark.parametrize("job", ["reference-data", "documents", "month-end"])
def test_jobs_fill_their_boards(project: Project, job: str) -> None:
    """Each scheduled job runs by its name and writes its own boards only."""
    boards = {
        "reference-data": {"Supplier", "Account", "Code part value"},
        "documents": {
            *("Purchase order", "Posting proposal head", "Voucher", "Voucher row"),
            "Customer order",
        },
        "month-end": {"Posting proposal head", "Voucher", "Voucher row"},
    }

    project.meltano("run", job)

    assert project.board_names() == boards[job]
    assert job in project.meltano("schedule", "list")


def test_a_wrong_secret_is_told_in_a_line(project: Project) -> None:
    """A refused client ends the run with the error's code, and without the secret."""
    printed = project.meltano(
        *("run", "tap-ifs-cloud", "target-monday"),
        status=1,
        TAP_IFS_CLOUD_CLIENT_SECRET="wrong-canary",
    )

    assert "AUTH_IFS" in printed
    assert "wrong-canary" not in printed
    assert "Traceback" not in printed
