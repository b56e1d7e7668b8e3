"""Everything that one run of the target works with, opened at the first stream, closed once."""

from __future__ import annotations

import logging
import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from target_monday.appending import Appending
from target_monday.arrivals import Arrivals
from target_monday.books import Books
from target_monday.checkpoints import Checkpoints
from target_monday.clock import Clock
from target_monday.delivery.alias_lane import AliasLane
from target_monday.delivery.budget import Budget
from target_monday.delivery.calls import Calls
from target_monday.delivery.dispatch import Dispatch
from target_monday.delivery.searching import Search
from target_monday.delivery.upload_lane import UploadLane
from target_monday.errors import BoardFailed, BoardParked, LedgerFailed, SettingsFault
from target_monday.intake import Intake
from target_monday.ledger.budgets import BudgetStore
from target_monday.ledger.closing import close_dead_runs
from target_monday.ledger.database import default_ledger_url, open_database
from target_monday.ledger.items import ItemStore
from target_monday.ledger.journal import Journal
from target_monday.ledger.leases import Leases
from target_monday.ledger.links import LinkStore
from target_monday.ledger.lost_links import LostLinkStore
from target_monday.ledger.record_hashes import RecordHashes
from target_monday.ledger.retention import Purge, purge_payloads
from target_monday.ledger.runs import Runs
from target_monday.ledger.seals import doubt, keep_seal, seals_beside
from target_monday.linking import Linking
from target_monday.loading import Loader
from target_monday.lost_links import LostLinks
from target_monday.monday.client import Client
from target_monday.monday.uploads import Files
from target_monday.preparation import Preparation
from target_monday.privacy import privacy_of
from target_monday.progress import Progress
from target_monday.quiet import Quiet
from target_monday.recovery import Recovery
from target_monday.repeated_warnings import RepeatedWarnings
from target_monday.retrying import Retrying
from target_monday.run_header import run_header
from target_monday.settings import lost_by_meltano, setting_faults
from target_monday.versions import Versions

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from target_monday.diff import KnownItem
    from target_monday.plan import BoardPlan
    from target_monday.redaction import Redactor
    from target_monday.routing import Route
    from target_monday.termination import Termination

__all__ = ["Session"]

_DAY: Final = 24 * 3600.0
_log = logging.getLogger("target-monday")


class Session:
    """One run: the ledger, the API, the boards and the loader between them.

    `replaying`: whether its rows come from the ledger, not from a tap.
    """

    def __init__(
        self,
        config: Mapping[str, Any],
        termination: Termination,
        *,
        version: str,
        after_pack: Callable[[], None],
        clock: Clock | None = None,
        replaying: bool = False,
        redact: Redactor | None = None,
    ) -> None:
        clock = clock or Clock()
        faults = [*setting_faults(config), *lost_by_meltano(os.environ)]
        if faults:
            raise SettingsFault(faults)
        self._config = config
        url = config.get("ledger_url") or default_ledger_url()
        self._engine = open_database(url, redact=redact)
        scope = config["api_url"]
        self.books = Books()
        self.progress = Progress(self.books, clock.elapsed)
        self._repeated_warnings = RepeatedWarnings(_log)
        self._client = Client(
            url=scope,
            token=config["api_token"],
            version=config["api_version"],
            timeout=float(config["timeout"]),
        )
        self.calls = Calls(
            self._client,
            Budget(clock.elapsed),
            termination,
            clock.sleep or termination.sleep,
            BudgetStore(self._engine, scope, clock.wall),
            self.progress,
            max_calls=config.get("max_calls"),
            reserve_calls=config.get("reserve_calls") or 0,
            poll_interval=float(config["poll_interval"]),
        )
        self.calls.recall()
        seals = self._seals
        self._doubt = None if seals is None else doubt(self._engine, seals)
        self.runs = Runs(self._engine, clock.wall)
        self.runs.begin(run_header(config, version))
        self._items = items = ItemStore(self._engine, scope, clock=clock.wall)
        journal = Journal(self._engine, scope, self.runs.run_id, clock=clock.wall)
        self._journal = journal
        self._leases = Leases(self._engine, scope, self.runs.run_id, clock.wall)
        self._leases.take_run()
        self._preparation = Preparation(
            self.calls, items, journal, self._leases, config, self._found
        )
        self._recovery = Recovery(self.calls, items, journal, self._leases, clock.wall)
        self._versions = Versions(items, config)
        self._quiet = Quiet(RecordHashes(self._engine))
        self._files = Files(api_url=scope, timeout=float(config["timeout"]))
        boards_of, made = self._preparation.finding.entries_of, LinkStore(self._engine)
        lost = LostLinkStore(self._engine, clock.wall)
        self.links = Linking(
            calls=self.calls,
            items=items,
            journal=journal,
            store=made,
            boards_of=boards_of,
            lost=LostLinks(items, made, lost, boards_of),
            missing_targets=config["missing_targets"],
        )
        self.loader = Loader(
            links=self.links,
            lane=AliasLane(
                self.calls,
                journal,
                Search(self.calls, items, self._preparation.capacity.counts),
                self._leases.renew,
            ),
            dispatch=Dispatch(
                config["lane"],
                UploadLane(self.calls, journal, self._files, self._leases.renew),
                self.calls,
                items,
                config["max_aliases"],
                backfill=config["backfill"],
                before_pack=self._preparation.groups_and_tags.complete,
            ),
            items=items,
            journal=journal,
            books=self.books,
            checkpoints=Checkpoints(self.books.streams),
            appending=Appending(items),
            quiet=self._quiet,
            max_aliases=config["max_aliases"],
            ambiguous=self._preparation.ambiguous,
            capacity=self._preparation.capacity,
            sharing=self._preparation.sharing,
            wall=clock.wall,
            after_pack=after_pack,
            before_pack=self._preparation.groups_and_tags.complete,
            priorities=_priorities(config.get("boards") or {}),
            insistent=replaying,
        )
        self.arrivals = Arrivals(config)
        self.intake = Intake(
            settings=config,
            arrivals=self.arrivals,
            version=version,
            loader=self.loader,
            links=self.links,
            preparation=self._preparation,
            quiet=self._quiet,
            versions=self._versions,
            board_of=self._board,
        )
        attempts = 0 if replaying else config["max_attempts"]
        self._retrying = Retrying(
            *(journal.rejects, items, self.loader, self.intake.know, attempts),
            privacy=partial(privacy_of, settings=config),
            finding=self._preparation.finding,
        )
        self._payload_days = config.get("payload_days")
        self.replaying = replaying
        self._opened = False
        self._routes: dict[str, Route] = {}

    def route(self, stream: str, schema: Mapping[str, Any], key_properties: Sequence[str]) -> Route:
        """The boards of a stream, ready to be written. Raises SettingsFault or BoardFailed."""
        if not self._opened:
            self._recovery.settle_all()
            if self._doubt is not None:
                self._distrust_all(self._doubt)
            self._preparation.open()
            self._opened = True
        try:
            route = self._preparation.route(stream, schema, key_properties)
        except BoardParked:
            self.loader.parked.add(stream)
            raise
        self._journal.announce(stream, schema, key_properties)
        for plan in route.plans.values():
            self._open(plan)
        self._note_doubled(route)
        self._routes[stream] = route
        self._warn_of_unjudged(route)
        for plan in list(route.plans.values()):
            self._retrying.retry(route, plan)
        return route

    def _distrust_all(self, reason: str) -> None:
        """The ledger is older than its boards: they are read, and nothing is concluded from it.

        Raises LedgerFailed where the rows come from the ledger: the boards may have newer ones.
        """
        if self.replaying:
            raise LedgerFailed(
                f"The ledger may be older than its boards: {reason}. Nothing is replayed over "
                "them. Run once from the source (--full-refresh), then replay."
            )
        boards = self._items.doubt()
        self._preparation.finding.doubtful = True
        _log.warning(
            "ledger.restored boards=%d reason=%r: all boards are read again, vanished rows are "
            "left alone in this run, and rejects of before are not tried again by themselves. "
            "Read once with --full-refresh",
            *(boards, reason),
        )

    def _found(self, plan: BoardPlan, known: Mapping[str, KnownItem]) -> None:
        """A board was read, and the ledger does not know yet what was found."""
        if plan.control is not None:
            keys = list(self._items.keys(plan.ledger_id))
            self.books.found(plan, self._items.items(plan.ledger_id, keys), known)
        self.links.lost.read(plan, known)

    def _open(self, plan: BoardPlan) -> None:
        """A board is ready: first of all comes what was left of before."""
        self.loader.open(plan)
        self.loader.repair_keys(plan, self._preparation.edited.pop(plan.ledger_id, {}))

    @staticmethod
    def _warn_of_unjudged(route: Route) -> None:
        rule = route.spec.retire
        if rule is not None and not rule.cells_of(route.spec.columns):
            _log.warning(
                "retire.unjudged stream=%s: %s and %s do not both have a column of their own, so "
                "documents are retired only in runs that bring their rows",
                *(route.stream, rule.property, rule.since),
            )

    def retire(self) -> None:
        """At the end of the input: archive what is done for good."""
        for route in self._routes.values():
            self.loader.retire(route, self._config)
        self.loader.deliver_all()
        self.loader.reject_overflow()

    def _note_doubled(self, route: Route) -> None:
        """Rows of keys that have several items are looked at: all but one have to leave."""
        self.loader.note_doubled(route)
        keys = list(self.loader.doubled.get(route.stream, ()))
        for plan in route.plans.values():
            self._quiet.beware(plan.ledger_id, keys)

    def _board(self, route: Route, part: str) -> BoardPlan | None:
        """A board of the stream, found or made; None if it cannot be had in this run."""
        if part in route.plans:
            return route.plans[part]
        try:
            plan = self._preparation.plan(route.spec.of_part(part))
        except BoardFailed as error:
            self.loader.note_failure(route.stream, str(error))
            return None
        route.plans[part] = plan
        self._open(plan)
        self._note_doubled(route)
        self._retrying.retry(route, plan)
        return plan

    def activate_version(self, route: Route, version: int) -> None:
        """The version is complete: what it did not name is gone from the source."""
        if route.stream in self.loader.failed:
            return
        # Its rows have come, all of them.
        self._preparation.finding.replaced.pop(route.stream, None)
        if self._doubt is not None:  # an earlier run may have seen a part of this version
            return
        try:
            gone = self._versions.vanished(route, version)
        except BoardFailed as error:
            self.loader.fail_stream(route.stream, str(error))
            return
        if self._versions.choice(route.stream) != "keep":
            self.loader.give_up_retries(route.plans.values())
        for plan, keys in gone:
            self.loader.archive(plan, keys, delete=self._versions.choice(route.stream) == "delete")

    def link(self) -> None:
        """At the end of the input: what could not be linked before, and what has moved since."""
        for plan in self.links.unconnected():
            if not self.loader.is_closed(plan):
                self.loader.open(self._preparation.connected(plan))
        self.loader.deliver_links()

    @property
    def replaced(self) -> Mapping[str, str]:
        """Streams whose board was replaced and that were not read in full, with a sentence."""
        return self._preparation.finding.replaced

    def warn_of_unused_settings(self) -> None:
        """At the end of the input: settings that nothing bore out are likely misspelt."""
        for line in () if self.replaying else self.arrivals.unused():
            _log.warning("%s", line)

    def close(self, *, status: str, exit_code: int, message: str | None) -> None:
        """Write the books, say them, and give everything back."""
        try:
            self._versions.save()
            self._repeated_warnings.close()
            for line in self.books.lines(calls=self.calls.made, points=self.calls.points):
                _log.info("%s", line)
            self._purge()
            live = self._leases.live_runs() | {self.runs.run_id}
            for run in close_dead_runs(self._engine, live, self.runs.run_id):
                _log.info("run.closed run=%s: it was interrupted", run)
            seal = self.runs.end(
                status=status,
                exit_code=exit_code,
                message=message,
                calls=self.calls.made,
                points=self.calls.points,
                books=self.books.rows(self._items),
            )
            still_open = self._journal.rejects.open
            if still_open:
                _log.warning(
                    "rejects.open rows=%d: `target-monday-audit rejects` lists them", still_open
                )
            _log.info("ledger.sealed run=%s seq=%d hash=%s", seal.run, seal.seq, seal.hash)
            doubted = self._doubt is not None and not self._opened
            if (seals := self._seals) is not None and not doubted:  # the doubt outlives this run
                keep_seal(seals, seal, self._config.get("seal_key"))
            self._leases.release()
        finally:
            self.progress.close()
            self._files.close()
            self._client.close()
            self._engine.dispose()

    @property
    def _seals(self) -> Path | None:
        """The file that the ends of runs are kept in."""
        asked = self._config.get("seals")
        return Path(asked) if asked else seals_beside(self._engine.url)

    def _purge(self) -> None:
        """Empty the payloads that are kept no longer."""
        if self._payload_days is None:
            return
        now = self.runs.clock()
        old = Purge(now - self._payload_days * _DAY, reason="payload_days")
        count = purge_payloads(self._engine, old, now, self.runs.run_id)
        if count:
            _log.info("payloads.purged count=%d", count)


def _priorities(boards: Mapping[str, Any]) -> dict[str, int]:
    """Stream -> its priority, where one is asked for."""
    asked = {stream: entry.get("priority") for stream, entry in boards.items() if entry}
    return {stream: priority for stream, priority in asked.items() if priority}
