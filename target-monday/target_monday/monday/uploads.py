"""Uploads of items: their states, the address a file goes to, the report that comes back.

Source: developer.monday.com/api-reference/docs/importing-items-in-bulk. Both addresses are given
by the server and are no part of the API: the token never goes there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import msgspec
import requests

from target_monday.monday.addresses import address_fault, origin
from target_monday.monday.answers import part_of
from target_monday.monday.exchange import ACCEPTED, AddressRefused, Exchange, NoReply, Reply
from target_monday.monday.operations import job_statuses

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from target_monday.monday.client import Call

__all__ = [
    "BACKFILL_ROWS",
    "INGEST_ROWS",
    "ITEMS_AN_HOUR",
    "STARTS_AN_HOUR",
    "URL_SECONDS",
    "Counts",
    "Files",
    "Job",
    "StartedUpload",
    "Stored",
    "ask_jobs",
]

INGEST_ROWS: Final = 10_000  # a file
BACKFILL_ROWS: Final = 20_000
STARTS_AN_HOUR: Final = 100  # of an account, both kinds together
ITEMS_AN_HOUR: Final = 19_000  # of an account, by `ingest_items`
URL_SECONDS: Final = 600.0  # both addresses live ten minutes
_REPORT_BYTES: Final = 64 << 20
_RECEIPT_BYTES: Final = 1 << 20  # what a store of files says besides its status
_OK: Final = 200
_ENDS: Final = frozenset({"COMPLETED", "FAILED", "REJECTED"})


class StartedUpload(msgspec.Struct, frozen=True):
    """What a start answers."""

    job_id: str | None = None
    upload_url: str | None = None


class Counts(msgspec.Struct, frozen=True):
    """How many rows came to which end; 0 where monday does not say."""

    submitted: int | None = 0
    invalid: int | None = 0
    skipped: int | None = 0
    created: int | None = 0
    updated: int | None = 0
    failed: int | None = 0

    @property
    def written(self) -> int:
        """Rows that are on the board now."""
        return (self.created or 0) + (self.updated or 0)


class Job(msgspec.Struct, frozen=True):
    """How far an upload is."""

    status: str | None = None
    failure_reason: str | None = None
    failure_message: str | None = None
    report_created: bool | None = None
    report_url: str | None = None
    counts: Counts | None = None

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen."""
        return self.status in _ENDS


def ask_jobs(call: Call, job_ids: Sequence[str]) -> list[Job]:
    """How far these jobs are, in one call, in their order."""
    document, variables = job_statuses(job_ids)
    data: Mapping[str, Any] = call(document, variables).data
    return [part_of(data.get(f"j{at}") or {}, Job) for at in range(len(job_ids))]


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of a file. `refused`: it was not taken, for certain; neither: nobody knows."""

    taken: bool = False
    refused: bool = False
    reason: str = ""


class Files:
    """PUT and GET at addresses that monday gave. Without the token, without redirects."""

    def __init__(self, *, api_url: str, timeout: float) -> None:
        self._api = origin(api_url)
        self._exchange = Exchange(timeout)
        self._foreign = Exchange(timeout, only_public=True)

    def close(self) -> None:
        """Give the connections back."""
        self._exchange.close()
        self._foreign.close()

    def put(self, url: str, content: bytes) -> Stored:
        """Store a CSV file."""
        fault = self._fault(url)
        if fault:
            return Stored(refused=True, reason=fault)
        try:
            headers = {"Content-Type": "text/csv"}
            request = requests.Request("PUT", url, headers=headers, data=content).prepare()
            status = self._send(request, _RECEIPT_BYTES).status
        except NoReply as error:
            return Stored(refused=isinstance(error, AddressRefused), reason=str(error))
        except requests.RequestException as error:  # its sentence would show the address
            return Stored(reason=type(error).__name__)
        if status == _OK:
            return Stored(taken=True)
        return Stored(refused=300 <= status < 500, reason=f"HTTP {status}")  # noqa: PLR2004 - client's faults

    def get(self, url: str) -> bytes | None:
        """A report; None if it cannot be had or is larger than any report should be."""
        if self._fault(url):
            return None
        try:
            headers = {"Accept-Encoding": ACCEPTED}
            request = requests.Request("GET", url, headers=headers).prepare()
            reply = self._send(request, _REPORT_BYTES)
        except (requests.RequestException, NoReply):
            return None
        return reply.content if reply.status == _OK else None

    def _fault(self, url: str) -> str:
        """Why this address is not used: it may have been forged."""
        return "" if self._is_own(url) else address_fault(url)

    def _is_own(self, url: str) -> bool:
        return self._api is not None and origin(url) == self._api and "@" not in url

    def _send(self, request: requests.PreparedRequest, largest: int) -> Reply:
        """The API's own server may be a local one, in a rehearsal for instance; no other may."""
        exchange = self._exchange if self._is_own(str(request.url)) else self._foreign
        return exchange.send(request, largest)
