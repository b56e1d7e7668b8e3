"""`report`: the books of one run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from target_monday.audit.command import ledger, reading, table, to_json
from target_monday.errors import RunFailed
from target_monday.ledger.reports import run_report
from target_monday.ledger.selectors import require_run

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["report"]

_COLUMNS: Final = (
    *("stream", "board_name", "board_id", "read", "created", "updated", "unchanged", "rejected"),
    *("carried_over", "filtered", "merged", "unknown", "archived", "partial", "shortened"),
    *("retried", "recovered"),
    *("calls", "points"),
)
_FIGURES: Final = (
    *("group", "amount", "opening", "created", "updated", "archived", "found", "closing"),
    "rejected",
)
_RARE_FIGURES: Final = frozenset({"created", "updated", "archived", "found", "rejected"})
_RARE: Final = frozenset({"filtered", "merged", "unknown", "archived", "partial", "shortened"}) | {
    *("retried", "recovered"),
}


@click.command()
@click.argument("run_id", required=False)
@reading
def report(context: click.Context, run_id: str | None, *, as_json: bool) -> None:
    """The books of one run, by default the last one: a line a board, and the total."""
    engine = ledger(context)
    require_run(engine, run_id)
    found = run_report(engine, run_id)
    if found is None:
        raise RunFailed("The ledger has no run yet.")
    if as_json:
        click.echo(to_json(found))
        return
    balanced = {True: "yes", False: "no", None: "not known before it is closed"}
    code = "none" if found["exit_code"] is None else found["exit_code"]
    click.echo(
        f"run {found['id']}  {found['status']}  exit code {code}  "
        f"balanced: {balanced[found['balanced']]}"
    )
    table([*found["boards"], {"stream": "total", **found["total"]}], _COLUMNS, _RARE)
    for board in found["boards"]:
        if board["totals"]:
            click.echo(
                f"control totals of {board['stream']}, by {', '.join(board['totals']['by'])}"
            )
            table(list(_lines(board["totals"])), _FIGURES, _RARE_FIGURES)


def _lines(totals: dict[str, Any]) -> Iterator[dict[str, str]]:
    """A line for each group and amount that the run touched."""
    for group in totals["groups"]:
        for amount in ("items", *totals["amounts"]):
            yield {"group": " / ".join(group["by"]), "amount": amount, **group[amount]}
