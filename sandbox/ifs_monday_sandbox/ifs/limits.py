"""How many requests a minute are served."""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING, Final

from ifs_monday_sandbox.ifs.errors import too_many_requests

if TYPE_CHECKING:
    from ifs_monday_sandbox.ifs.settings import IfsSettings

__all__ = ["RequestLimit"]

_MINUTE: Final = 60.0


class RequestLimit:
    """At most `requests_per_minute` in any 60 seconds; those refused do not count."""

    def __init__(self, settings: IfsSettings) -> None:
        self._settings = settings
        self._served: deque[float] = deque()

    def take(self) -> None:
        """Count one request. Raises ODataError (429) with the seconds until one is free."""
        limit, now = self._settings.requests_per_minute, self._settings.clock()
        if limit == 0:
            return
        while self._served and self._served[0] <= now - _MINUTE:
            self._served.popleft()
        if len(self._served) >= limit:
            raise too_many_requests(math.ceil(self._served[0] + _MINUTE - now))
        self._served.append(now)
