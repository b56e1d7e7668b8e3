"""One request to `POST /v2` while it is executed: what the resolvers may look at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ifs_monday_sandbox.monday.account import Account
    from ifs_monday_sandbox.monday.limits import Complexity
    from ifs_monday_sandbox.monday.records import Writer

__all__ = ["Call"]


@dataclass(frozen=True, slots=True)
class Call:
    """The GraphQL context. `base_url` is how the client reaches this server, without /v2."""

    account: Account
    request_id: str
    base_url: str
    version: str
    complexity: Complexity

    def writer(self) -> Writer:
        """Who writes in this request."""
        return self.account.writer(self.request_id)
