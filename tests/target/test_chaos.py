"""Runs over a line that loses, refuses and spoils: one item a key, every cell right."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

import pytest
from ifs_monday_sandbox.faults import Fault
from ifs_monday_sandbox.monday.idempotency import Replies

if TYPE_CHECKING:
    from collections.abc import Callable

RUNS = 8  # with faults, then one without


def lines(messages: Any, dice: random.Random, wanted: dict[str, int]) -> str:
    """A run's rows: some keys with new amounts, and what `wanted` is afterwards."""
    schema = messages.schema("s", {"Id": "string", "Amount": "number", "Note": "string"})
    keys = dice.sample([f"k{at:03}" for at in range(600)], dice.choice([3, 40, 260, 520]))
    wanted |= {key: dice.randrange(1_000) for key in keys}
    records = [messages.record("s", Id=key, Amount=wanted[key], Note=f"n{key}") for key in keys]
    return str(messages.lines([schema, *records]))


def error(code: str, **extensions: Any) -> str:
    return json.dumps({"errors": [{"message": code, "extensions": {"code": code, **extensions}}]})


def fault(dice: random.Random, account: Any) -> Fault:
    """Anything that a request may meet."""

    def forget() -> None:
        account.replies = Replies(account.elapsed)

    budget = error("COMPLEXITY_BUDGET_EXHAUSTED", retry_in_seconds=16)
    alias = {"message": "x", "path": ["m0"], "extensions": {"code": "INTERNAL_SERVER_ERROR"}}
    return dice.choice(
        [
            Fault(lose=True),
            Fault(lose=True, meanwhile=forget),
            Fault(502, "<html>"),
            Fault(503, ""),
            Fault(500, error("INTERNAL_SERVER_ERROR")),
            Fault(200, ""),
            Fault(200, '{"data": null}'),
            Fault(429, budget),
            Fault(429, "", {"Retry-After": "7"}),
            Fault(423, error("RESOURCE_LOCKED")),
            Fault(200, json.dumps({"data": {"m0": None}, "errors": [alias]})),
            Fault(403, "<Error/>", matches=lambda request: request.url.path != "/v2"),
        ]
    )


def spoil(dice: random.Random, twin: Any) -> None:
    """Plan some faults, each somewhere among the next requests."""
    for _ in range(dice.randrange(4)):
        skipped = [dice.randrange(4)]
        planned = fault(dice, twin.account)

        def later(request: Any, planned: Fault = planned, skipped: list[int] = skipped) -> bool:
            skipped[0] -= 1
            return skipped[0] < 0 and planned.matches(request)

        spoilt = Fault(
            planned.status, planned.body, planned.headers, planned.lose, planned.meanwhile, later
        )
        twin.sandbox.monday_faults.plan(spoilt)


@pytest.mark.parametrize("seed", range(6))
def test_whatever_the_line_does_each_key_is_one_item_with_its_cells(
    simulate: Callable[..., Any], messages: Any, seed: int
) -> None:
    """Runs may fail; none loses or doubles a row, and the one after them mends everything."""
    dice = random.Random(seed)  # noqa: S311 - to be repeated, not to be secret
    twin = simulate(ingest_polls=dice.randrange(3))
    wanted: dict[str, int] = {}
    for _ in range(RUNS):
        spoil(dice, twin)
        given = lines(messages, dice, wanted)
        lane = dice.choice(["auto", "alias", "ingest"])
        ended = twin.run(given, lane=lane)
        assert ended.books.of("s").balanced
        twin.sandbox.monday_faults.clear()
        if ended.code:
            twin.time.seconds += dice.choice([1, 40, 3_600])
            while twin.run(given, lane=lane).code == 4:
                twin.time.seconds += 600

    rows = twin.account.rows("S")
    assert len(rows) == len(wanted)
    assert {row["Record key"]: int(row["Amount"]) for row in rows} == wanted
    assert {row["Note"] for row in rows} == {f"n{key}" for key in wanted}
