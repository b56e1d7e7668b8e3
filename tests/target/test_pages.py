"""The pages that people look at, in a real browser: numbers, narrow screens, paper; Datasette."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests
from playwright.sync_api import sync_playwright

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, Page

DATASETTE = Path(sys.executable).parent / "datasette"
HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>" + "long" * 40
CHROMIUM = (
    *("--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"),
    *("--disable-background-networking", "--disable-component-update", "--no-first-run"),
)


@pytest.fixture(scope="module")
def browser(miss: Callable[[str], None]) -> Iterator[Browser]:
    """Debian's Chromium."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        miss("chromium")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=program, args=list(CHROMIUM))
        yield running
        running.close()


@contextmanager
def opened(browser: Browser, address: str, width: int = 1280) -> Iterator[Page]:
    """A page without a complaint on its console, and without a request to anywhere else."""
    complaints: list[str] = []
    page = browser.new_page(viewport={"width": width, "height": 900})
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("requestfailed", lambda request: complaints.append(request.url))
    page.goto(address)
    yield page
    page.close()
    assert complaints == []


@pytest.fixture
def written(rehearsal: Any, messages: Any) -> Any:
    """Three runs, some rejects with texts that mean harm, and all pages."""
    properties = {"Id": "string", "Note": "string", "NetAmount": "number"}
    for run in range(3):
        rows = [
            messages.record("order", Id=f"A{at}", Note=HOSTILE, NetAmount=run * 10 + at)
            for at in range(5 + run)
        ]
        bad = [messages.record("order", Id=HOSTILE, Note="n", NetAmount=HOSTILE)]
        lines = [messages.schema("order", properties), *rows, *bad, messages.state(run)]
        assert rehearsal.run(lines, max_rejects=5).code == 0
    config = str(rehearsal.folder / "config.json")
    out = str(rehearsal.folder)
    for command in (
        ("page", "--out", f"{out}/page.html"),
        ("reconcile", "--config", config, "--out", out),
        ("document", "--config", config, "--out", out, "--owner", HOSTILE),
    ):
        done = rehearsal.audit_process(*command)
        assert done.returncode == 0, done.stderr
    return rehearsal


def test_the_page_shows_the_numbers_of_the_ledger(browser: Browser, written: Any) -> None:
    """Rows, rejects, runs and calls are those that the commands tell; texts stay texts."""
    runs = written.audit("runs")
    with opened(browser, f"file://{written.folder}/page.html") as page:
        assert page.locator("#rows-on-boards").inner_text() == "7"
        assert page.locator("#open-rejects").inner_text() == "1"
        calls = sum(run["calls"] for run in runs)
        shown = page.locator("#calls-today").inner_text().split()[0]
        assert int(shown) >= calls
        table = page.locator("table").last
        assert table.locator("tbody tr").count() == len(runs) == 3
        first = table.locator("tbody tr").first.locator("td").all_inner_texts()
        assert first[2:6] == ["8", "1", "6", "1"]
        assert page.locator("rect title").first.text_content().endswith("5 created")
        assert page.locator("script").count() == page.locator("img").count() == 0
        assert "<script>" in page.locator("body").inner_text()


@pytest.mark.parametrize("name", ["page", "certificate", "process"])
def test_pages_fit_a_phone_and_paper(browser: Browser, written: Any, name: str) -> None:
    """No sideways scrolling at 390 pixels, in light or dark; A4 in print; the owner's alone."""
    file = written.folder / f"{name}.html"
    for width in (390, 1280):
        with opened(browser, f"file://{file}", width) as page:
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
                overflow = page.evaluate(
                    "document.documentElement.scrollWidth - document.documentElement.clientWidth"
                )
                assert overflow == 0
    with opened(browser, f"file://{file}") as page:
        paper = page.pdf(prefer_css_page_size=True)
        boxes = set(re.findall(rb"/MediaBox \[([^\]]*)\]", paper))
        assert [[round(float(each)) for each in box.split()] for box in boxes] == [[0, 0, 595, 842]]
    assert file.stat().st_mode & 0o777 == 0o600


def test_datasette_answers_every_prepared_question(browser: Browser, written: Any) -> None:
    """The metadata file fits the ledger, and no question ends in an error."""
    done = written.audit_process("datasette", "--out", str(written.folder / "datasette"))
    metadata = written.folder / "datasette/metadata.json"
    assert str(metadata) in done.stdout
    queries = json.loads(metadata.read_text())["databases"]["ledger"]["queries"]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [DATASETTE, str(written.ledger), "-m", str(metadata), "-h", "127.0.0.1", "-p"]
    process = subprocess.Popen([*command, str(port)], stderr=subprocess.PIPE, text=True)
    try:
        for line in process.stderr or ():
            if "Uvicorn running" in line:
                break
        address = f"http://127.0.0.1:{port}/ledger"
        for name in queries:
            answer = requests.get(f"{address}/{name}.json?_shape=array&key=A0", timeout=30)
            assert answer.status_code == 200, (name, answer.text)
            assert answer.json() or name == "follow_up"
            with opened(browser, f"{address}/{name}?key=A0") as page:
                assert queries[name]["title"] in page.locator("h1").inner_text()
        rows = requests.get(f"{address}/open_rejects.json?_shape=array", timeout=30).json()
        assert [(row["stream"], row["key"], row["code"]) for row in rows] == [
            ("order", HOSTILE, "BAD_CELL")
        ]
    finally:
        process.terminate()
        process.communicate(timeout=30)
