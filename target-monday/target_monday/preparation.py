"""From a stream to a board that can be written: found, checked, complete, its items known."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import msgspec

from target_monday.binding import KEY, bind, board_faults, key_columns, missing_columns
from target_monday.capacity import Capacity
from target_monday.connecting import Connecting
from target_monday.delivery.column_lane import make_columns
from target_monday.diff import GROUP
from target_monday.errors import BoardFailed, KeyPropertiesChanged, SettingsFault
from target_monday.finding import Finding, no_board
from target_monday.groups_and_tags import GroupsAndTags
from target_monday.identity import Identity, identity_fault, identity_of
from target_monday.indexing import Indexing
from target_monday.labels import status_colours
from target_monday.lookups import Lookups
from target_monday.mapping import (
    BoardSpec,
    ColumnSpec,
    board_spec,
    spec_faults,
)
from target_monday.monday.boards import Board, Column, read_items
from target_monday.monday.operations import CreateColumn
from target_monday.retyping import retyped, retyped_faults
from target_monday.routing import Route
from target_monday.sharing import Sharing
from target_monday.trail import Trail

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from target_monday.delivery.calls import Calls
    from target_monday.diff import KnownItem
    from target_monday.ledger.items import ItemStore
    from target_monday.ledger.journal import Journal
    from target_monday.ledger.leases import Leases
    from target_monday.plan import BoardPlan

__all__ = ["Examined", "Preparation"]

_SAMPLE: Final = 1_000  # items whose cells tell whether a column can hold them
_log = logging.getLogger("target-monday")


@dataclass(frozen=True, slots=True)
class Examined:
    """The boards of a stream, by the name that it asks for, and what keeps its rows from them."""

    name: str
    boards: Sequence[Board]
    faults: Sequence[str]


@dataclass(slots=True)
class Preparation:
    """The boards of one run. Everything that can be wrong is named before the first write.

    `found` is told what a reading of a board found, before the ledger is.
    `edited`: items whose key cell a person changed, by their key.
    """

    calls: Calls
    items: ItemStore
    journal: Journal
    leases: Leases
    settings: Mapping[str, Any]
    found: Callable[[BoardPlan, Mapping[str, KnownItem]], None]
    ambiguous: dict[int, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)
    edited: dict[int, Mapping[str, KnownItem]] = field(default_factory=dict)
    sharing: Sharing = field(default_factory=Sharing)
    capacity: Capacity = field(default_factory=Capacity)
    _failed: dict[tuple[str, str], str] = field(default_factory=dict)
    _in_doubt: dict[str, str] = field(default_factory=dict)  # monday's ids of boards -> why
    _plans: dict[tuple[str, str], BoardPlan] = field(default_factory=dict)
    _identities: dict[str, Identity] = field(default_factory=dict)  # by stream
    _groups: dict[str, dict[str, str]] = field(default_factory=dict)  # of a board, for all plans
    finding: Finding = field(init=False)
    groups_and_tags: GroupsAndTags = field(init=False)
    _connecting: Connecting = field(init=False)
    _lookups: Lookups = field(init=False)
    _indexing: Indexing = field(init=False)

    def __post_init__(self) -> None:
        self._lookups = Lookups(self.calls, self.journal)
        self.finding = Finding(
            self.calls, self.items, self.journal, self.leases, self.settings, self._lookups
        )
        self._connecting = Connecting(
            self.items, self.settings, self.finding.entries_of, self._plans
        )
        self.groups_and_tags = GroupsAndTags(self.calls, self.journal, self._lookups)
        self._indexing = Indexing(
            self.calls,
            self.items,
            self.sharing,
            self.found,
            ambiguous=self.ambiguous,
            edited=self.edited,
            counts=self.finding.counts,
        )

    def open(self) -> None:
        """Read all boards that the ledger or the settings name, in one call, and check them."""
        self.finding.read()
        asked = self.settings.get("boards") or {}
        mapped = [stream for stream, entry in asked.items() if entry]
        faults = [fault for stream in mapped for fault in self._configured_faults(stream)]
        if faults:
            raise SettingsFault(faults)

    def examined(
        self,
        stream: str,
        schema: Mapping[str, Any] | None,
        key_properties: Sequence[str] | None,
    ) -> Examined:
        """Return the boards of a stream as they are, and what keeps its rows from them.

        Creates nothing. Without a schema, what can be told of a mapping by itself.
        """
        spec = self._specified(stream, schema, key_properties)
        faults = (
            [] if schema is None else [*spec_faults(spec, schema), *self._connecting.faults(spec)]
        )
        boards = []
        parts = [""] if spec.name_by is None else self.finding.parts(spec)
        for one in (spec.of_part(part) if part else spec for part in parts):
            try:
                board = self.finding.existing(one)
            except SettingsFault as error:
                faults += error.faults
                continue
            if board is not None:
                boards.append(board)
                before = self.finding.before(one, board)
                faults += board_faults(self._connecting.with_boards(one, board), board, before)
        return Examined(spec.name, boards, faults)

    def _specified(
        self,
        stream: str,
        schema: Mapping[str, Any] | None,
        key_properties: Sequence[str] | None,
    ) -> BoardSpec:
        if schema is not None:
            linkable = self._connecting.linkable()
            return board_spec(stream, schema, key_properties or (), self.settings, linkable)
        entry: Mapping[str, Any] = (self.settings.get("boards") or {}).get(stream) or {}
        placeholder: dict[str, Any] = {
            "properties": {name: {} for name in entry.get("columns") or {}}
        }
        return board_spec(stream, placeholder, ["?"], self.settings)

    def connected(self, plan: BoardPlan) -> BoardPlan:
        """The plan again, now that its links may have boards to point to."""
        return self._prepared(plan.spec)

    def _configured_faults(self, stream: str) -> Iterable[str]:
        """What can be told of a mapping before its stream's schema is there."""
        spec = self._specified(stream, None, None)
        if spec.board_id is None:
            return ()
        board = self.finding.boards.get(spec.board_id)
        if board is None:
            return (no_board(spec),)
        return board_faults(
            self._connecting.with_boards(spec, board), board, self.finding.before(spec, board)
        )

    def route(self, stream: str, schema: Mapping[str, Any], key_properties: Sequence[str]) -> Route:
        """The boards of a stream. Raises SettingsFault with all its faults, BoardFailed.

        Where a template names the boards, those that the stream has so far, each with the columns
        that the schema asks for now. If one of them fails, all do: an item could be on it.
        """
        spec = self._specified(stream, schema, key_properties)
        faults = [*spec_faults(spec, schema), *self._connecting.faults(spec)]
        if faults:
            raise SettingsFault(faults)
        self._announced(stream, key_properties)
        self.finding.leave(spec)
        if spec.name_by is None:
            return Route(spec, {"": self.plan(spec)})
        return Route(
            spec, {part: self.plan(spec.of_part(part)) for part in self.finding.parts(spec)}
        )

    def _announced(self, stream: str, key_properties: Sequence[str]) -> None:
        """Note what the keys of a stream are made of, which stays as long as the run."""
        now = identity_of(stream, key_properties, self.settings)
        before = self._identities.setdefault(stream, now)
        if before != now:
            where = f"stream {stream!r} in mid-stream"
            raise KeyPropertiesChanged([identity_fault(where, before, now)])

    def _check_identity(self, spec: BoardSpec, board: Board) -> tuple[Identity, Identity | None]:
        """What the keys of the board's items are made of, and what they are to be made of instead.

        The latter is None where both are the same, or no item has a key.
        """
        entry, now = self.finding.entries.get(spec.place), self._identities[spec.stream]
        if entry is None or entry.board_id != board.id:
            return now, None
        announced = self.items.announced(spec.stream) if entry.identity is None else None
        former = (
            now if announced is None else msgspec.structs.replace(now, key_properties=announced)
        )
        known = entry.identity or former
        if known.alone == now:
            return (known if known.former and self.items.unclaimed(entry.id) else now), None
        if spec.append and now.key_properties:  # by `mode`: its rows look for no items
            return known, None
        if not self.items.count(entry.id) and entry.other_items is not None:
            return now, None
        after = now.after(known, spec.former_key)
        if after is None:
            raise KeyPropertiesChanged([identity_fault(_where(spec, board), known, now)])
        return known, after

    def _rekey(self, plan: BoardPlan, identity: Identity) -> None:
        """The items are known by now: they wait for their rows to get new keys."""
        items = self.items.rekey(plan.ledger_id, identity)
        plan.former_key = identity.former
        self.finding.entries[plan.spec.place] = replace(
            self.finding.entries[plan.spec.place], identity=identity
        )
        _log.warning(
            "board.rekeyed stream=%s board=%s items=%d: each gets its new key with its row; read "
            "once with --full-refresh",
            *(plan.stream, plan.board_id, items),
        )

    def plan(self, spec: BoardSpec) -> BoardPlan:
        """The plan of one board. Raises SettingsFault with all its faults, BoardFailed."""
        if spec.place in self._failed:  # a new SCHEMA does not mend what is in doubt
            raise BoardFailed(self._failed[spec.place])
        try:
            return self._prepared(spec)
        except BoardFailed as error:
            self._failed[spec.place] = str(error)
            raise

    def _prepared(self, spec: BoardSpec) -> BoardPlan:
        board = self.finding.leased(spec)
        spec, before = self._connecting.with_boards(spec, board), self.finding.before(spec, board)
        faults = list(board_faults(spec, board, before))
        if faults:
            raise SettingsFault(faults)
        identity, after = self._check_identity(spec, board)
        self._check_moved_key(spec, board, before)
        self._check_types(spec, board, before)
        known_ids = {column.id for column in board.columns}
        board = self._complete(spec, board, before)
        plan = self._bind(spec, board, before, identity)
        former = self._plans.get(spec.place)
        if former is not None and former.board_id == plan.board_id:
            plan.follow(former)
        self._plans[spec.place] = plan
        self.capacity.know(board)
        if spec.group_by:
            plan.groups = self._groups.setdefault(board.id, plan.groups)
        new_to_us = set(plan.column_ids) & known_ids - {*before.values(), plan.key_column}
        regrouped = spec.group_by is not None and GROUP not in before
        entry, changed = self.finding.entries[spec.place], bool(new_to_us) or regrouped
        self.sharing.know(entry, self.finding.neighbours(spec, board))
        self._indexing.know(plan, board, entry, columns_changed=changed or after is not None)
        if after is not None:
            self._rekey(plan, after)
        _log.info("board.ready stream=%s board=%s name=%r", spec.stream, board.id, board.name)
        return plan

    def _check_moved_key(self, spec: BoardSpec, board: Board, before: Mapping[str, str]) -> None:
        """Another key column than before must hold the keys of the known items already."""
        found = key_columns(spec, board, before)
        if not found or KEY not in before or found[0].id == before[KEY]:
            return
        keys = self.items.keys_by_item(self.finding.entries[spec.place].id)
        column = found[0]
        items = [
            item for item in read_items(self.calls.query, board.id, [column.id]) if item.id in keys
        ]
        strange = sum(item.values.get(column.id, (None,))[0] != keys[item.id] for item in items)
        if strange:
            raise SettingsFault([_moved_key_fault(spec, board, column, strange, len(items))])

    def _check_types(self, spec: BoardSpec, board: Board, before: Mapping[str, str]) -> None:
        """Columns must be able to hold what was written to them, also where people changed them."""
        columns = retyped(spec, board, before) if before else {}
        if columns:
            items = self.items.cells(self.finding.entries[spec.place].id)
            cells = (each for _, each in islice(items, _SAMPLE))
            faults = list(retyped_faults(spec, board, columns, cells))
            if faults:
                raise SettingsFault(faults)

    def _complete(self, spec: BoardSpec, board: Board, before: Mapping[str, str]) -> Board:
        """The board with every column that the mapping makes."""
        missing = missing_columns(spec, board, before)
        if not missing:
            return board
        if board.id in self._in_doubt:
            raise BoardFailed(self._in_doubt[board.id])
        columns = [_column(board.id, column) for column in missing]
        try:
            made = make_columns(self.calls, self.journal, board, columns)
        except BoardFailed as error:  # other streams of the board would make some of them again
            self._in_doubt[board.id] = str(error)
            raise
        _log.info("columns.created stream=%s board=%s columns=%d", spec.stream, board.id, len(made))
        complete = msgspec.structs.replace(board, columns=(*board.columns, *made))
        self.finding.boards[board.id] = complete
        return complete

    def _bind(
        self, spec: BoardSpec, board: Board, before: Mapping[str, str], identity: Identity
    ) -> BoardPlan:
        entry = self.finding.entries.get(spec.place)
        plan = bind(
            spec,
            board,
            before,
            ledger_id=entry.id if entry else 0,
            directory=self._lookups.directory,
            settings=self.settings,
            trail=Trail(self.leases.run_id, self.leases.clock, self.journal.anchor()),
        )
        if any(cell.column.type == "week" for cell in plan.cells):
            self._lookups.know_weeks()
        columns = {cell.property: cell.column.id for cell in plan.cells}
        if spec.group_by is not None:
            columns[GROUP] = GROUP
        saved = self.items.save_board(
            *(*spec.place, board.id, plan.key_column, columns),
            identity=identity,
            asked=self.finding.asked(spec),
        )
        if entry is not None and entry.key_column != plan.key_column:
            self.items.distrust(saved.id)
            saved = replace(saved, other_items=None)
        self.finding.entries[spec.place] = saved
        plan.ledger_id, plan.former_key = saved.id, identity.former
        return plan

    @property
    def week_begins(self) -> int:
        """On which day the account's weeks begin, where a column asked for it: 0 is Monday."""
        return self._lookups.directory.week_begins

    def know_people(self, plan: BoardPlan, records: Sequence[Mapping[str, Any]]) -> None:
        """Look up the users that these records name, before their cells are made."""
        self._lookups.know_people(plan.addresses(records))


def _where(spec: BoardSpec, board: Board) -> str:
    return f"stream {spec.stream!r}, board {board.id} ({board.name!r})"


def _moved_key_fault(
    spec: BoardSpec, board: Board, column: Column, strange: int, known: int
) -> str:
    return (
        f"{_where(spec, board)}: {strange} of {known} items do "
        f"not carry their key in column {column.title!r} ({column.id}), so they cannot be told "
        "apart by it. Copy the keys there, or go back to the key column of before."
    )


def _column(board_id: str, spec: ColumnSpec) -> CreateColumn:
    column_type = spec.column_type or "text"
    defaults = spec.options.defaults(column_type) or None
    labels = tuple(status_colours(spec.labels))
    return CreateColumn(board_id, spec.reference, column_type, labels, defaults)
