"""Real `meltano` processes in a project of their own, against a sandbox."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from ifs_monday_sandbox.monday.settings import MondaySettings
from ifs_monday_sandbox.server import Sandbox, SandboxSettings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ifs_monday_sandbox.business.table import Row


@dataclass(frozen=True, slots=True)
class Project:
    """A Meltano project (this project's meltano.yml) beside its sandbox."""

    directory: Path
    sandbox: Sandbox

    @property
    def environment(self) -> dict[str, str]:
        """The environment of a newcomer's shell, with both systems at the sandbox."""
        inherited = {
            name: os.environ[name]
            for name in ("PATH", "HOME", "LANG", "XDG_CACHE_HOME")
            if name in os.environ
        }
        return inherited | {
            "TAP_IFS_CLOUD_BASE_URL": self.sandbox.ifs_url,
            "TARGET_MONDAY_API_URL": self.sandbox.monday_url,
            "NO_COLOR": "1",
        }

    def start(self, *arguments: str, **overrides: str) -> subprocess.Popen[str]:
        """`meltano ARGUMENTS` in a process group of its own, not waited for.

        `overrides` are laid over the environment; an empty one takes the variable away.
        """
        environment = self.environment | overrides
        return subprocess.Popen(
            [str(self.directory / ".venv/bin/meltano"), *arguments],
            cwd=self.directory,
            env={name: value for name, value in environment.items() if value},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def meltano(self, *arguments: str, status: int = 0, **overrides: str) -> str:
        """What `meltano ARGUMENTS` printed; fails unless it ended with `status`."""
        process = self.start(*arguments, **overrides)
        printed, _ = process.communicate()
        assert process.returncode == status, printed
        return printed

    def sync(self, *options: str, **overrides: str) -> str:
        """One `meltano run tap-ifs-cloud target-monday`."""
        return self.meltano("run", *options, "tap-ifs-cloud", "target-monday", **overrides)

    def report(self) -> Any:
        """The last run as the ledger tells it."""
        [ledger] = self.directory.glob(".meltano/**/ledger-*.db")
        printed = subprocess.check_output(
            [
                self.directory / ".venv/bin/target-monday-audit",
                *("report", "--json", "--ledger-url", f"sqlite:///{ledger}"),
            ],
            text=True,
        )
        return json.loads(printed)

    def board_names(self) -> set[str]:
        """The names of the account's active boards."""
        boards = self.sandbox.account.boards.values()
        return {board.name for board in boards if board.state == "active"}


# Which board shows which entity set, and the columns of its key.
BOARDS = {
    "Supplier": ("SupplierSet", ("SupplierId",)),
    "Account": ("AccountSet", ("Company", "Account")),
    "Code part value": ("CodePartValueSet", ("Company", "CodePart", "CodePartValue")),
    "Purchase order": ("PurchaseOrderSet", ("OrderNo",)),
    "Posting proposal head": ("PostingProposalHeadSet", ("Company", "ProposalId")),
    "Voucher": ("VoucherSet", ("Company", "VoucherType", "AccountingYear", "VoucherNo")),
    "Voucher row": (
        "VoucherRowSet",
        ("Company", "VoucherType", "AccountingYear", "VoucherNo", "RowNo"),
    ),
    "Customer order": ("CustomerOrderSet", ("OrderNo",)),
}
# Columns of links: the board that they point to, and the key of the target in their row.
LINKS: dict[tuple[str, str], tuple[str, Callable[[Row], tuple[object, ...]]]] = {
    ("Purchase order", "Supplier"): ("Supplier", lambda row: (row["VendorNo"],)),
    ("Posting proposal head", "Supplier"): ("Supplier", lambda row: (row["Identity"],)),
    ("Voucher row", "Ledger account"): ("Account", lambda row: (row["Company"], row["Account"])),
    ("Voucher row", "Department"): (
        "Code part value",
        lambda row: (row["Company"], "B", row["CodeB"]),
    ),
}
# Kept by the target itself, not a property.
OWN_COLUMNS = {"Name", "Record key"}


@pytest.fixture
def assert_boards_equal_source() -> Callable[[Project], None]:
    """Fails unless each board has one item a row, with each cell as the row has it."""

    def check(project: Project) -> None:
        assert project.board_names() == BOARDS.keys()
        names = {board: _names(project, board) for board in BOARDS}
        for board, (entity_set, key) in BOARDS.items():
            rows = project.sandbox.business.rows(entity_set)
            shown = project.sandbox.account.rows(board)
            assert len(shown) == len(rows), board
            assert not {"luname", "keyref", "Objgrants"} & shown[0].keys(), board
            items = {tuple(item[column] for column in key): item for item in shown}
            for row in rows:
                item = items[tuple(_as_text(row[column]) for column in key)]
                for title in item.keys() - OWN_COLUMNS:
                    if (board, title) in LINKS:
                        other, key_of = LINKS[board, title]
                        target = tuple(map(_as_text, key_of(row)))
                        assert item[title] == names[other].get(target, ""), (board, title, row)
                        continue
                    assert _same(item[title], row.get(title)), (board, title, item, row)

    return check


def _names(project: Project, board: str) -> dict[tuple[str, ...], str]:
    """Key -> name of a board's items."""
    _, key = BOARDS[board]
    account = project.sandbox.account
    shown = zip(account.rows(board), account.items(board), strict=True)
    return {tuple(row[column] for column in key): item.name for row, item in shown}


def _as_text(value: object) -> str:
    return format(value, "f") if isinstance(value, Decimal) else str(value)


def _same(shown: str, value: object) -> bool:
    """Whether a cell's text tells the value."""
    match value:
        case None | False:
            return shown == ""
        case True:
            return shown == "v"
        case Decimal() | int():
            return Decimal(shown) == value
        case datetime():
            return shown == f"{value:%Y-%m-%d %H:%M}"
        case _:
            return shown == str(value)


@pytest.fixture
def project(
    tmp_path: Path,
    project_root: Path,
    start_sandbox: Callable[[SandboxSettings], Sandbox],
) -> Project:
    """A fresh Meltano project and a small, fast sandbox."""
    (tmp_path / "meltano.yml").write_bytes((project_root / "meltano.yml").read_bytes())
    (tmp_path / ".venv").symlink_to(project_root / ".venv")
    monday = replace(MondaySettings(), minute_seconds=1.0)
    return Project(tmp_path, start_sandbox(SandboxSettings(size=20, monday=monday)))
