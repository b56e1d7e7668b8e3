"""What an operator sees of a run that waits, takes long, or repeats itself."""

from __future__ import annotations

import io
import logging
import re
from typing import TYPE_CHECKING, Any

from ifs_monday_sandbox.faults import Fault
from target_monday.books import Books
from target_monday.progress import Progress
from target_monday.repeated_warnings import RepeatedWarnings
from target_monday.status_line import StatusLine

from benchmarks.simulation import Time

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest


def rows(messages: Any, ids: Any, amount: Any = 1) -> str:
    schema = messages.schema("s", {"Id": "string", "Amount": "number"})
    return str(messages.lines([schema, *(messages.record("s", Id=i, Amount=amount) for i in ids)]))


def test_each_wait_over_five_seconds_says_what_for_how_long_and_how_far_the_run_is(
    simulate: Callable[..., Any], messages: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """All of a run's time is accounted for by such lines, but for waits under five seconds."""
    caplog.set_level(logging.INFO)
    twin = simulate(minute_points=200_000, points_per_cell=30_000)

    ended = twin.run(rows(messages, [f"k{at}" for at in range(60)]), lane="alias")

    waits = [line for line in caplog.messages if line.startswith("run.waiting ")]
    seconds = sum(int(re.search(r"seconds=(\d+)", line)[1]) for line in waits)
    assert ended.code == 0
    assert ended.seconds - seconds < 5 * ended.calls < ended.seconds
    assert all(re.search(r"reason=.+ read=60 created=\d+ .*calls=\d+", line) for line in waits)


def test_a_wait_that_monday_asks_for_names_the_refusal(
    simulate: Callable[..., Any], messages: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """A server that is down, and one that says for how long."""
    caplog.set_level(logging.INFO)
    twin = simulate()
    twin.sandbox.monday_faults.plan(Fault(503, headers={"Retry-After": "77"}))

    assert twin.run(rows(messages, "a")).code == 0

    [wait] = [line for line in caplog.messages if line.startswith("run.waiting ")]
    assert "seconds=77" in wait
    assert "503" in wait


def test_long_work_shows_its_progress_about_every_thirty_seconds(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    time, books = Time(), Books()
    progress = Progress(books, time.elapsed, status_line=None)

    for _ in range(100):
        books.at("s").read += 7
        time.sleep(1.0)
        progress.count_call()

    assert [line.split(" created")[0] for line in caplog.messages] == [
        "run.progress read=210",
        "run.progress read=420",
        "run.progress read=630",
    ]


def test_a_terminal_has_a_status_line_that_makes_way_for_the_log() -> None:
    time, terminal = Time(), io.StringIO()
    handler = logging.StreamHandler(terminal)
    logging.getLogger().addHandler(handler)
    progress = Progress(Books(), time.elapsed, StatusLine(terminal))

    time.sleep(1.0)
    progress.show()
    logging.getLogger("target-monday").warning("a line")
    progress.close()
    logging.getLogger().removeHandler(handler)

    status, log_line = filter(None, terminal.getvalue().split("\r\x1b[K"))
    assert status.startswith("read=0 created=0")
    assert log_line == "a line\n"
    assert terminal.getvalue().endswith("a line\n\r\x1b[K")


def test_repeated_warnings_are_summed_up_with_code_column_and_a_reason(
    simulate: Callable[..., Any], messages: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Ten of a kind are logged one by one."""
    twin = simulate()

    twin.run(rows(messages, [f"k{at}" for at in range(3000)], "twelve"), max_rejects=3000)

    lines = [line for line in caplog.messages if line.startswith("row.rejected ")]
    [summary] = [line for line in caplog.messages if line.startswith("warning.repeated ")]
    assert len(lines) == 10
    assert re.match(
        r"warning.repeated event=row.rejected stream=s code=BAD_CELL column=\S+ "
        r"not_logged=2990 first_reason=.*twelve.*",
        summary,
    )
    assert "column=- " not in summary


def test_warnings_of_different_kinds_do_not_silence_each_other(
    caplog: pytest.LogCaptureFixture,
) -> None:
    logger = logging.getLogger("of.a.test")
    repeated = RepeatedWarnings(logger)

    for at in range(12):
        logger.warning("row.rejected stream=%s key=%r code=%s", "s", at, f"CODE_{at % 2}")
        logger.error("board.failed stream=%s", "s")
    logger.warning("link.missing stream=%s", "s")
    repeated.close()

    assert len(caplog.messages) == 12 + 12 + 1
