"""The Meltano SDK's own suite for taps, against the sandbox."""

from __future__ import annotations

import atexit

from ifs_monday_sandbox.server import Sandbox, SandboxSettings
from singer_sdk.testing import get_tap_test_class
from tap_ifs_cloud.tap import TapIfsCloud

# The suite asks for the streams while tests are collected, so the server must run by then.
_SANDBOX = Sandbox(SandboxSettings(size=5)).__enter__()  # it lives as long as the process
atexit.register(_SANDBOX.__exit__, None, None, None)

TestTapIfsCloud = get_tap_test_class(
    TapIfsCloud,
    config={
        "base_url": _SANDBOX.ifs_url,
        "realm": "sandbox",
        "client_id": "sandbox",
        "client_secret": "s4ndb0x-1fs-cl0ud",
    },
)
