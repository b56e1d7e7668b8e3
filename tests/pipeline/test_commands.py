"""`meltano invoke target-monday:COMMAND`: what the ledger says, as a user asks for it."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .conftest import Project


def _a_run(project: Project, ledger: str) -> None:
    """One run of the target over no rows, with the ledger at this address."""
    settings = {
        "api_token": "s4ndb0x-m0nd4y",
        "api_url": project.sandbox.monday_url,
        "ledger_url": ledger,
    }
    (project.directory / "settings.json").write_text(json.dumps(settings))
    schema = {"properties": {"Id": {"type": "string"}}}
    message = {"type": "SCHEMA", "stream": "s", "schema": schema, "key_properties": ["Id"]}
    subprocess.run(
        [project.directory / ".venv/bin/target-monday", "--config", "settings.json"],
        cwd=project.directory,
        input=f"{json.dumps(message)}\n",
        text=True,
        check=True,
    )


def test_a_command_reads_the_ledger_of_the_invoked_environment(project: Project) -> None:
    """Not that of the project's default environment; and it says which one is not there."""
    ledgers = project.directory / ".meltano" / "target-monday"
    _a_run(project, f"sqlite:///{ledgers / 'ledger-prod.db'}")

    prod = project.meltano("--environment=prod", "invoke", "target-monday:report", "--json")
    missing = project.meltano("invoke", "target-monday:runs", status=1)

    assert json.loads(prod[prod.index("{") :])["exit_code"] == 0
    assert "There is no ledger at" in missing
    assert "ledger-sandbox.db" in missing


def test_a_command_reads_the_ledger_that_the_settings_name(project: Project) -> None:
    """`ledger_url` is a setting of the loader; Meltano hands it on."""
    url = f"sqlite:///{project.directory / 'elsewhere.db'}"
    _a_run(project, url)

    printed = project.meltano(
        "invoke", "target-monday:rejects", "--json", TARGET_MONDAY_LEDGER_URL=url
    )

    assert printed.splitlines()[-1] == "[]"


def test_a_mapping_is_proposed_for_what_the_tap_offers(project: Project) -> None:
    """From the tap's catalog, with the settings of the invoked environment."""
    catalog = project.meltano("invoke", "--dump=catalog", "tap-ifs-cloud")
    (project.directory / "catalog.json").write_text(catalog[catalog.index("{") :])

    project.meltano("invoke", "target-monday:init", "catalog.json")

    proposed = (project.directory / "boards.yml").read_text()
    assert "# purchase_order: no board has its name" in proposed
    assert "# voucher_row: false" in proposed


def test_boards_are_reconciled_and_documented_with_the_settings_that_meltano_has(
    project: Project,
) -> None:
    """Token, address and ledger come from the invoked environment, schedules from meltano.yml."""
    url = f"sqlite:///{project.directory / 'elsewhere.db'}"
    _a_run(project, url)
    told = {"TARGET_MONDAY_LEDGER_URL": url, "TARGET_MONDAY_API_URL": project.sandbox.monday_url}

    printed = project.meltano("invoke", "target-monday:reconcile", "--out", "evidence", **told)
    project.meltano("invoke", "target-monday:document", "--out", "evidence", **told)

    evidence = project.directory / "evidence"
    certificate = json.loads((evidence / "certificate.json").read_text())
    assert "PASS" in printed
    assert [board["stream"] for board in certificate["boards"]] == ["s"]
    assert "month-end-close" in (evidence / "process.md").read_text()


def test_the_connection_to_monday_is_checked_without_a_write(project: Project) -> None:
    """With the settings of the invoked environment, before the first run and after it."""
    before = project.meltano("invoke", "target-monday:check")
    project.meltano("run", "reference-data")
    mutations = project.sandbox.account.usage.mutations

    after = project.meltano("invoke", "target-monday:check")
    refused = project.meltano(
        "invoke", "target-monday:check", status=1, TARGET_MONDAY_API_TOKEN="wrong-canary"
    )

    assert "check.token ok" in before
    assert "check.board" not in before
    assert after.count("check.board ok") == 3
    assert "kind=private" in after
    assert project.sandbox.account.usage.mutations == mutations
    assert "AUTH_MONDAY" in refused
    assert "canary" not in refused
