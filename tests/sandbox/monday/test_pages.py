"""The pages: what a person sees in a browser."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from ifs_monday_sandbox.eyes.cells import grouped_digits
from ifs_monday_sandbox.eyes.colours import HEX
from ifs_monday_sandbox.monday.labels import COLOURS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Twin

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--enable-logging=stderr",
    "--virtual-time-budget=2000",
    "--dump-dom",
)


@pytest.fixture
def filled(twin: Twin) -> Twin:
    """Two boards with a cell of every kind that looks different."""
    suppliers = twin.board("Supplier")
    supplier = twin.item(suppliers, "Hoffmann & Söhne <GmbH>")
    board = twin.board()
    columns = {
        name: twin.column(board, column_type, name, defaults)
        for name, column_type, defaults in (
            ("State", "status", None),
            ("Amount", "numbers", {"unit": {"symbol": "EUR"}}),
            ("ProposalId", "numbers", None),
            ("Comment", "text", None),
            ("Due", "date", None),
            ("Approved", "checkbox", None),
            ("Note", "long_text", None),
            ("Supplier", "board_relation", {"boardIds": [int(suppliers)]}),
        )
    }
    item = twin.item(
        board,
        "INV-1",
        {
            columns["State"]: {"label": "Done"},
            columns["Amount"]: "-1234567.50",
            columns["ProposalId"]: "20000211",
            columns["Due"]: {"date": "2026-06-05", "time": "09:30:00"},
            columns["Approved"]: {"checked": "true"},
            columns["Note"]: {"text": "first\nsecond"},
            columns["Supplier"]: {"item_ids": [int(supplier)]},
        },
    )
    twin.change(board, item, {"name": "INV-0001"})
    return twin


@pytest.fixture
def browse(tmp_path: Path, miss: Callable[[str], None]) -> Callable[[str], str]:
    """The document of an address as Chromium has it after running its scripts."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    if browser is None:
        miss("chromium")

    def look(url: str) -> str:
        seen = subprocess.run(
            [str(browser), *FLAGS, f"--user-data-dir={tmp_path}", url],
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
        assert "CONSOLE" not in seen.stderr
        return seen.stdout

    return look


def test_a_browser_shows_the_cells_of_a_board(filled: Twin, browse: Callable[[str], str]) -> None:
    """Labels in colour, figures with their thousands apart, dates in words, ticks, links."""
    board = filled.account.board("Invoices").id
    page = browse(f"{filled.url}/boards/{board}")
    rows = re.findall(r'<tr id="item-.*?</tr>', page, re.DOTALL)

    assert len(rows) == 1
    assert re.search(r'class="status"[^>]*#00c875[^>]*>Done<', rows[0])
    assert "\N{MINUS SIGN}1\N{NARROW NO-BREAK SPACE}234\N{NARROW NO-BREAK SPACE}567.50" in rows[0]
    for part in ("INV-0001", "5 Jun 2026", "09:30", "✓", "first second", "IFS integration"):
        assert part in rows[0]
    assert "2 writes" in rows[0]
    assert ">20000211<" in rows[0]  # a number that names something has no thousands
    assert "empty columns not drawn: Comment" in page
    assert "Hoffmann &amp; Söhne &lt;GmbH&gt;</a>" in rows[0]


def test_a_browser_shows_all_boards(filled: Twin, browse: Callable[[str], str]) -> None:
    """With how their items spread over the labels."""
    page = browse(f"{filled.url}/")

    assert "Invoices" in page
    assert "Supplier" in page
    assert "Done 1" in page


def test_the_snapshot_stands_alone(
    filled: Twin, browse: Callable[[str], str], tmp_path: Path
) -> None:
    """One file with all boards; its links lead to its own rows and nowhere else."""
    text = requests.get(f"{filled.url}/sandbox/snapshot.html", timeout=30).text
    saved = tmp_path / "boards.html"
    saved.write_text(text, "utf-8")
    page = browse(saved.as_uri())

    assert "INV-0001" in page
    targets = re.findall(r'(?:href|src)="([^"]*)"', page)
    assert targets
    assert all(f'id="{target[1:]}"' in page for target in targets)


def test_an_unknown_board_is_404(twin: Twin) -> None:
    assert requests.get(f"{twin.url}/boards/1", timeout=30).status_code == 404


def test_every_label_colour_can_be_shown() -> None:
    assert list(HEX) == COLOURS


@given(st.decimals(allow_nan=False, allow_infinity=False, places=5))
def test_grouping_keeps_every_digit(number: object) -> None:
    """Without the blanks, the figure is the text that monday holds."""
    text = f"{number:f}"
    shown = grouped_digits(text)

    assert shown.replace("\N{NARROW NO-BREAK SPACE}", "").replace("\N{MINUS SIGN}", "-") == text
    assert all(len(group) <= 4 for group in re.split(r"[\u202f.]", shown)[:-1])
