"""What can be set on the IFS Cloud twin."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["IfsSettings"]


@dataclass(frozen=True, slots=True)
class IfsSettings:
    """How the twin behaves. The defaults are those seen on, or assumed of, a real tenant."""

    client_id: str = "sandbox"
    client_secret: str = "s4ndb0x-1fs-cl0ud"  # noqa: S105  (opens the sandbox only)
    realm: str = "sandbox"
    token_seconds: int = 180
    """Life of an access token. A live tenant's reply says 180."""
    page_cap: int = 5000
    """Most rows in one page, also where `$top` asks for more (then without a nextLink)."""
    requests_per_minute: int = 1000
    """OData requests in any 60 seconds; beyond, 429 with Retry-After. 0 lifts the limit."""
    timeout_rows: int = 0
    """Pages of more rows take too long: 504. A client gets on with a smaller `$top`. 0 is never."""
    companies: frozenset[str] | None = None
    """Companies that the service user may see; rows of others are left out. None allows all."""
    denied: frozenset[str] = frozenset()
    """What the service user has no grant on. A projection (`VouchersHandling`) then answers as an
    unknown one does, 404; a set of it (`VouchersHandling/VoucherSet`) is declared, and its rows
    are refused, 403. An entity service that is not activated looks like a denied one."""
    outdated: frozenset[str] = frozenset()
    """Projections whose metadata was changed behind the server's cache: the first request for their
    rows is refused, 503 with Retry-After, and is to be repeated unchanged."""
    linguistic_order: bool = False
    """Order text without regard to case while comparing it by code point, as a database whose
    sort and comparison settings differ."""
    rounded_numbers: bool = False
    """Send numbers through a binary float, unless IEEE754Compatible=true asks for texts."""
    count_offset: int = 0
    """Rows that `$count` tells beyond those that there are."""
    comparison_refused: bool = False
    """Refuse a `$filter` with `gt` by 501, so that no set can be walked by key."""
    clock: Callable[[], float] = time.monotonic
    """Seconds; tokens expire and minutes pass by it."""
