"""The SDK's own suite for targets, with the test for several STATE messages that it leaves out."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import pytest
from ifs_monday_sandbox.server import Sandbox, SandboxSettings
from singer_sdk.testing import get_target_test_class
from singer_sdk.testing.suites import SingerTestSuite
from singer_sdk.testing.target_tests import (
    TargetMultipleStateMessages,
    TargetRecordMissingRequiredProperty,
)
from target_monday.target import TargetMonday

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CONFIG: dict[str, Any] = {
    "api_token": "s4ndb0x-m0nd4y",
    "api_url": "http://127.0.0.1:9/v2",  # the fixture below puts the sandbox's address here
    "batch_size_rows": 3,
    "max_aliases": 3,
}


class SeveralStateMessages(TargetMultipleStateMessages):
    """The SDK's sample; its own comparison takes the parsed messages for texts."""

    def test(self) -> None:
        """Bookmarks go out as rows are settled, each behind all rows before it."""
        self.runner.sync_all()

        passed = [tuple(state.values()) for state in self.runner.state_messages]
        assert passed == [(1, 0), (3, 2), (5, 6)]


MORE = SingerTestSuite(
    kind="target", tests=[SeveralStateMessages, TargetRecordMissingRequiredProperty]
)
Suite = get_target_test_class(TargetMonday, config=CONFIG, custom_suites=[MORE])


class TestStandardSuite(Suite):  # type: ignore[misc, valid-type] # the SDK makes it at run time
    """Each of the SDK's samples ends up on boards of the sandbox."""

    @pytest.fixture(autouse=True)
    def _sandbox(self, tmp_path: Path) -> Iterator[None]:
        with Sandbox(SandboxSettings(size=1)) as sandbox:
            CONFIG["api_url"] = sandbox.monday_url
            CONFIG["ledger_url"] = f"sqlite:///{tmp_path / uuid.uuid4().hex}.db"
            yield
