"""`target-monday-audit`: what the ledger says about runs, boards and rejects."""

from __future__ import annotations

from typing import Any

import click
from typing_extensions import override

from target_monday.audit.command import finding
from target_monday.audit.datasette import datasette
from target_monday.audit.document import document
from target_monday.audit.explain import explain_command
from target_monday.audit.page import page
from target_monday.audit.purge import purge
from target_monday.audit.reconcile import reconcile
from target_monday.audit.rejects import rejects
from target_monday.audit.replay import replay
from target_monday.audit.report import report
from target_monday.audit.runs import runs
from target_monday.audit.verify import verify
from target_monday.command_line import ending_in_one_line

__all__ = ["audit"]


class _Audit(click.Group):
    """The commands; errors of ours end them with one line."""

    @override
    def invoke(self, ctx: click.Context) -> Any:
        with ending_in_one_line(ctx):
            return super().invoke(ctx)


@click.group(cls=_Audit)
@finding
def audit() -> None:
    """Ask the ledger of target-monday what was done."""


_COMMANDS = (
    *(runs, report, page, rejects, reconcile, verify),
    *(document, datasette, purge, replay, explain_command),
)
for _command in _COMMANDS:
    audit.add_command(_command)
