"""From a stream to a board that can be written: found or made, checked, leased, its items known."""

from __future__ import annotations

import logging
import unicodedata
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import msgspec

from target_monday.binding import KEY, bind, board_faults, key_columns, missing_columns
from target_monday.capacity import Capacity
from target_monday.delivery.column_lane import make_board, make_columns, make_groups
from target_monday.diff import GROUP
from target_monday.errors import BoardFailed, SettingsFault
from target_monday.indexing import Indexing
from target_monday.keys import key_parts
from target_monday.labels import status_colours
from target_monday.lookups import Lookups
from target_monday.mapping import (
    BoardSpec,
    ColumnSpec,
    board_spec,
    default_board_name,
    is_left_out,
    spec_faults,
)
from target_monday.monday.boards import Board, Column, board_names, boards_by_id, read_items
from target_monday.monday.operations import CreateColumn
from target_monday.presets import PRESETS
from target_monday.recovery import Recovery
from target_monday.retyping import retyped, retyped_faults
from target_monday.routing import Route
from target_monday.sharing import Sharing
from target_monday.templates import template
from target_monday.trail import Trail

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from target_monday.delivery.calls import Calls
    from target_monday.diff import KnownItem, Operation
    from target_monday.ledger.items import BoardEntry, ItemStore
    from target_monday.ledger.journal import Journal
    from target_monday.ledger.leases import Leases
    from target_monday.links import Link
    from target_monday.plan import BoardPlan

__all__ = ["Preparation"]

_SAMPLE: Final = 1_000  # items whose cells tell whether a column can hold them
_log = logging.getLogger("target-monday")


@dataclass(slots=True)
class Preparation:
    """The boards of one run. Everything that can be wrong is named before the first write.

    `found` is told what a reading of a board found, before the ledger is.
    `edited`: items whose key cell a person changed, by their key. `replaced`: streams whose board
    is gone, so that another one took its place, with a sentence.
    """

    calls: Calls
    items: ItemStore
    journal: Journal
    leases: Leases
    settings: Mapping[str, Any]
    found: Callable[[BoardPlan, Mapping[str, KnownItem]], None]
    ambiguous: dict[int, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)
    edited: dict[int, Mapping[str, KnownItem]] = field(default_factory=dict)
    replaced: dict[str, str] = field(default_factory=dict)
    sharing: Sharing = field(default_factory=Sharing)
    capacity: Capacity = field(default_factory=Capacity)
    _boards: dict[str, Board] = field(default_factory=dict)
    _entries: dict[tuple[str, str], BoardEntry] = field(default_factory=dict)
    _names: dict[str, list[str]] | None = None
    _failed: dict[tuple[str, str], str] = field(default_factory=dict)
    _plans: dict[tuple[str, str], BoardPlan] = field(default_factory=dict)
    _groups: dict[str, dict[str, str]] = field(default_factory=dict)  # of a board, for all plans
    _others: tuple[int, int] = (0, 0)
    _made_parts: int = 0  # boards that this run made because of a template
    _unmade: dict[int, str] = field(default_factory=dict)  # boards without groups or tags, and why
    _lookups: Lookups = field(init=False)
    _indexing: Indexing = field(init=False)

    def __post_init__(self) -> None:
        self._lookups = Lookups(self.calls, self.journal)
        self._indexing = Indexing(
            self.calls,
            self.items,
            self.sharing,
            self.found,
            ambiguous=self.ambiguous,
            edited=self.edited,
        )

    def open(self) -> None:
        """Read all boards that the ledger or the settings name, in one call, and check them."""
        self._read()
        asked = self.settings.get("boards") or {}
        mapped = [stream for stream, entry in asked.items() if entry]
        faults = [fault for stream in mapped for fault in self._configured_faults(stream)]
        if faults:
            raise SettingsFault(faults)

    def _read(self) -> None:
        self._others = self.journal.others()
        self._entries = self.items.boards()
        self._names = None
        asked = self.settings.get("boards") or {}
        entries = [entry for entry in asked.values() if entry]
        configured = {str(entry["board_id"]) for entry in entries if entry.get("board_id")}
        known = {entry.board_id for entry in self._entries.values()}
        self._boards = boards_by_id(self.calls.query, sorted(configured | known))
        self._indexing.counts = self.items.counts()

    def _neighbours(self, spec: BoardSpec, board: Board) -> Sequence[BoardEntry] | None:
        """The entries of other streams on this board; None if there are none and will be none."""
        known = [
            each
            for each in self._entries.values()
            if each.board_id == board.id and each.stream != spec.stream
        ]
        asked: Mapping[str, Any] = self.settings.get("boards") or {}
        mine = (asked.get(spec.stream) or {}).get("key_column")
        for stream, other in asked.items():
            if stream != spec.stream and other and other.get("key_column") == mine:
                wanted = other.get("board_name") or default_board_name(stream)
                fits = (
                    str(other["board_id"]) == board.id
                    if other.get("board_id")
                    else (board.name == wanted or template(wanted).matches(board.name))
                )
                if fits:
                    return known
        return known or None

    def entries_of(self, stream: str) -> list[BoardEntry]:
        """The live boards of a stream, as far as they are known by now."""
        return [
            entry
            for (name, _), entry in self._entries.items()
            if name == stream and self._is_live(entry.board_id)
        ]

    def _is_live(self, board_id: str) -> bool:
        board = self._boards.get(board_id)
        return board is not None and board.state == "active"

    def connected(self, plan: BoardPlan) -> BoardPlan:
        """The plan again, now that its links may have boards to point to."""
        return self._prepared(plan.spec)

    def _linkable(self) -> dict[str, int]:
        """The streams with boards that presets may link to, each with its key's parts."""
        streams = {link.stream for preset in PRESETS for link in preset.links}
        counts = {stream: self._key_parts(stream) for stream in streams}
        return {stream: count for stream, count in counts.items() if count}

    def _key_parts(self, stream: str) -> int | None:
        """How many parts the keys of a stream have; None if that is not known."""
        for (name, _), plan in self._plans.items():
            if name == stream:
                return len(plan.spec.key_properties)
        keys = (self.items.a_key(entry.id) for entry in self.entries_of(stream))
        return next((len(key_parts(key)) for key in keys if key is not None), None)

    def _with_boards(self, spec: BoardSpec, board: Board) -> BoardSpec:
        """The same with the boards that its columns of links connect."""
        columns = [
            replace(
                column, options=replace(column.options, connects=self._connects(spec, board, link))
            )
            if (link := column.link)
            else column
            for column in spec.columns
        ]
        return replace(spec, columns=tuple(columns))

    def _connects(self, spec: BoardSpec, board: Board, link: Link) -> tuple[str, ...]:
        if link.stream == spec.stream:
            return (board.id,)
        return tuple(dict.fromkeys(entry.board_id for entry in self.entries_of(link.stream)))

    def _link_faults(self, spec: BoardSpec) -> Iterator[str]:
        """Links that cannot find their targets, one sentence each."""
        asked = self.settings.get("boards") or {}
        for column in spec.columns:
            if column.link is None:
                continue
            stream, parts = column.link.stream, self._key_parts(column.link.stream)
            if stream == spec.stream:
                parts = len(spec.key_properties)
            where = f"stream {spec.stream!r}: column {column.property!r} links to stream {stream!r}"
            if asked.get(stream) is False or (
                stream not in asked and is_left_out(stream, self.settings)
            ):
                yield f"{where}, which the settings leave out."
            elif parts == 0:
                yield f"{where}, whose rows have no key to be found by."
            elif parts is not None and parts != len(column.link.key):
                yield (
                    f"{where}, whose key has {parts} parts; its `key` has {len(column.link.key)}."
                )

    def _configured_faults(self, stream: str) -> Iterable[str]:
        """What can be told of a mapping before its stream's schema is there."""
        named: Mapping[str, Any] = self.settings["boards"][stream].get("columns") or {}
        placeholder: dict[str, Any] = {"properties": {name: {} for name in named}}
        spec = board_spec(stream, placeholder, ["?"], self.settings)
        if spec.board_id is None:
            return ()
        board = self._boards.get(spec.board_id)
        if board is None:
            return (_no_board(spec),)
        return board_faults(self._with_boards(spec, board), board, self._before(spec, board))

    def route(self, stream: str, schema: Mapping[str, Any], key_properties: Sequence[str]) -> Route:
        """The boards of a stream. Raises SettingsFault with all its faults, BoardFailed.

        Where a template names the boards, those that the stream has so far, each with the columns
        that the schema asks for now. If one of them fails, all do: an item could be on it.
        """
        spec = board_spec(stream, schema, key_properties, self.settings, self._linkable())
        faults = [*spec_faults(spec, schema), *self._link_faults(spec)]
        if faults:
            raise SettingsFault(faults)
        if spec.name_by is None:
            return Route(spec, {"": self.plan(spec)})
        return Route(spec, {part: self.plan(spec.of_part(part)) for part in self._parts(spec)})

    def _parts(self, spec: BoardSpec) -> list[str]:
        """The names of the stream's boards so far: from the ledger, else those that look like it.

        One that looks like it has a name that the template can give, the key column, and every
        column of the mapping.
        """
        known = [entry for entry in self._entries.values() if entry.stream == spec.stream]
        live = [each.part for each in known if each.part and self._is_live(each.board_id)]
        if live or spec.name_by is None:
            return live
        names = self._all_names()
        taken = {
            entry.get("board_name") or default_board_name(stream)
            for stream, entry in (self.settings.get("boards") or {}).items()
            if entry and stream != spec.stream
        }
        fit = [name for name in names if spec.name_by.matches(name) or name == spec.name_if_null]
        ids = [board_id for name in fit if name not in taken for board_id in names[name]]
        boards = boards_by_id(self.calls.query, ids)
        ours = [board for board in boards.values() if self._looks_like(spec, board)]
        self._boards |= {board.id: board for board in ours}
        return list(dict.fromkeys(_composed(board.name) for board in ours))

    @staticmethod
    def _looks_like(spec: BoardSpec, board: Board) -> bool:
        return board.state == "active" and not missing_columns(spec.of_part(board.name), board, {})

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
        board = self._leased(spec)
        spec, before = self._with_boards(spec, board), self._before(spec, board)
        faults = list(board_faults(spec, board, before))
        if faults:
            raise SettingsFault(faults)
        self._check_moved_key(spec, board, before)
        self._check_types(spec, board, before)
        known_ids = {column.id for column in board.columns}
        board = self._complete(spec, board, before)
        plan = self._bind(spec, board, before)
        former = self._plans.get(spec.place)
        if former is not None and former.board_id == plan.board_id:
            plan.follow(former)
        self._plans[spec.place] = plan
        self.capacity.know(board)
        plan.groups = self._groups.setdefault(board.id, plan.groups)
        new_to_us = set(plan.column_ids) & known_ids - {*before.values(), plan.key_column}
        regrouped = spec.group_by is not None and GROUP not in before
        entry, changed = self._entries[spec.place], bool(new_to_us) or regrouped
        self.sharing.know(entry, self._neighbours(spec, board))
        self._indexing.know(plan, board, entry, columns_changed=changed)
        _log.info("board.ready stream=%s board=%s name=%r", spec.stream, board.id, board.name)
        return plan

    def _leased(self, spec: BoardSpec) -> Board:
        """The stream's board, found or made, as it is now that no other run writes to it."""
        board = self._known(spec)
        if board is None:
            self.leases.take_name(spec.name)
        else:
            self.leases.take(board.id)
        if self._others_wrote():
            clock = self.leases.clock
            Recovery(self.calls, self.items, self.journal, self.leases, clock).settle_all()
            self._read()
            board = self._known(spec)
        if board is None:
            self.leases.take_name(spec.name)
            board = self._found_by_name(spec) or self._made(spec)
            self._boards[board.id] = board
            self._note_replaced(spec, board)
        self.leases.take(board.id)
        return board

    def _note_replaced(self, spec: BoardSpec, board: Board) -> None:
        """Say that the board of before is gone, if it had items."""
        entry = self._entries.get(spec.place)
        if entry is None or not self.items.count(entry.id):
            return
        gone = self._boards.get(entry.board_id)
        state = gone.state if gone else "deleted, or hidden from us"
        _log.warning(
            "board.gone stream=%s board=%s state=%r successor=%s",
            *(spec.stream, entry.board_id, state, board.id),
        )
        self.replaced[spec.stream] = (
            f"stream {spec.stream!r}: board {entry.board_id} is {state}; board {board.id} "
            f"({board.name!r}) takes its place and has only the rows of this run"
        )

    def _others_wrote(self) -> bool:
        """Whether another run has sent anything since, or just before, the boards were read."""
        others = self.journal.others()
        _, unsettled = others
        return others != self._others or unsettled > 0

    def _known(self, spec: BoardSpec) -> Board | None:
        """The board that the settings or the ledger name; None if it has to be found or made."""
        entry = self._entries.get(spec.place)
        wanted = spec.board_id or (entry.board_id if entry else None)
        board = self._boards.get(wanted) if wanted else None
        if spec.board_id is not None and board is None:
            raise SettingsFault([_no_board(spec)])
        usable = spec.board_id is not None or (board is not None and board.state == "active")
        return board if usable else None

    def _before(self, spec: BoardSpec, board: Board) -> dict[str, str]:
        """The columns that the stream's properties, and its key, went to on this board."""
        entry = self._entries.get(spec.place)
        if entry is None or entry.board_id != board.id:
            return {}
        before = dict(entry.columns)
        key = entry.key_column
        if key and (board.column(key) or self.items.count(entry.id)):
            before[KEY] = key
        return before

    def _check_moved_key(self, spec: BoardSpec, board: Board, before: Mapping[str, str]) -> None:
        """Another key column than before must hold the keys of the known items already."""
        found = key_columns(spec, board, before)
        if not found or KEY not in before or found[0].id == before[KEY]:
            return
        keys = self.items.keys_by_item(self._entries[spec.place].id)
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
            items = self.items.cells(self._entries[spec.place].id)
            cells = (each for _, each in islice(items, _SAMPLE))
            faults = list(retyped_faults(spec, board, columns, cells))
            if faults:
                raise SettingsFault(faults)

    def _all_names(self) -> dict[str, list[str]]:
        if self._names is None:
            workspace = self.settings.get("workspace_id") or None
            self._names = {}
            for name, ids in board_names(self.calls.query, workspace).items():
                self._names.setdefault(_composed(name), []).extend(ids)
        return self._names

    def _found_by_name(self, spec: BoardSpec) -> Board | None:
        workspace = self.settings.get("workspace_id") or None
        ids = self._all_names().get(_composed(spec.name), [])
        boards = {each: self._boards[each] for each in ids if each in self._boards}
        if len(boards) < len(ids):
            boards = boards_by_id(self.calls.query, ids)
        if workspace is None:  # without a workspace the query gives the boards of all of them
            boards = {key: board for key, board in boards.items() if board.workspace_id is None}
        ours = [board for board in boards.values() if _can_be_ours(spec, board)]
        if len(ours) > 1 or (boards and not ours):
            raise SettingsFault([_name_fault(spec, list(boards), ours)])
        return ours[0] if ours else None

    def _made(self, spec: BoardSpec) -> Board:
        workspace = self.settings.get("workspace_id") or None
        if spec.part:
            most = self.settings["max_new_boards"]
            if self._made_parts >= most:
                raise BoardFailed(
                    f"{most} boards were made for templates in this run, and {spec.name!r} would "
                    "be one more. If the names are right, raise `max_new_boards` for one run."
                )
            self._made_parts += 1
        others = (self._names or {}).get(_composed(spec.name), ())
        board = make_board(self.calls, self.journal, spec.name, workspace, others)
        self._all_names().setdefault(_composed(spec.name), []).append(board.id)
        _log.info("board.created stream=%s board=%s name=%r", spec.stream, board.id, spec.name)
        return board

    def _complete(self, spec: BoardSpec, board: Board, before: Mapping[str, str]) -> Board:
        """The board with every column that the mapping makes."""
        missing = missing_columns(spec, board, before)
        if not missing:
            return board
        columns = [_column(board.id, column) for column in missing]
        made = make_columns(self.calls, self.journal, board, columns)
        _log.info("columns.created stream=%s board=%s columns=%d", spec.stream, board.id, len(made))
        complete = msgspec.structs.replace(board, columns=(*board.columns, *made))
        self._boards[board.id] = complete
        return complete

    def _bind(self, spec: BoardSpec, board: Board, before: Mapping[str, str]) -> BoardPlan:
        entry = self._entries.get(spec.place)
        plan = bind(
            spec,
            board,
            before,
            ledger_id=entry.id if entry else 0,
            directory=self._lookups.directory,
            settings=self.settings,
            trail=Trail(self.leases.run_id, self.leases.clock),
        )
        if any(cell.column.type == "week" for cell in plan.cells):
            self._lookups.know_weeks()
        columns = {cell.property: cell.column.id for cell in plan.cells}
        if spec.group_by is not None:
            columns[GROUP] = GROUP
        saved = self.items.save_board(*spec.place, board.id, plan.key_column, columns)
        if entry is not None and entry.key_column != plan.key_column:
            self.items.distrust(saved.id)
            saved = replace(saved, other_items=None)
        self._entries[spec.place] = saved
        plan.ledger_id = saved.id
        return plan

    @property
    def week_begins(self) -> int:
        """On which day the account's weeks begin, where a column asked for it: 0 is Monday."""
        return self._lookups.directory.week_begins

    def know_people(self, plan: BoardPlan, records: Sequence[Mapping[str, Any]]) -> None:
        """Look up the users that these records name, before their cells are made."""
        self._lookups.know_people(plan.addresses(records))

    def complete(self, operations: Sequence[tuple[BoardPlan, Operation]]) -> dict[int, str]:
        """Make the groups and tags that these operations need and that are not there yet.

        Gives the boards, by the ledger's numbers, for which that cannot be, with the reason; it is
        not tried again in this run, since some of what was asked for may be there.
        """
        boards = {plan.ledger_id for plan, _ in operations}
        unmade = {board: why for board, why in self._unmade.items() if board in boards}
        self._make_tags(operations, unmade)
        missing: dict[int, tuple[BoardPlan, dict[str, None]]] = {}
        for plan, operation in operations:
            title = plan.group_title(operation)
            if title is not None and title not in plan.groups and plan.ledger_id not in unmade:
                missing.setdefault(plan.ledger_id, (plan, {}))[1][title] = None
        for plan, titles in missing.values():
            try:
                self._make_groups(plan, [title for title in titles if title not in plan.groups])
            except BoardFailed as error:
                unmade[plan.ledger_id] = str(error)
        self._unmade |= unmade
        return unmade

    def _make_tags(
        self, operations: Sequence[tuple[BoardPlan, Operation]], unmade: dict[int, str]
    ) -> None:
        names: dict[int, list[str]] = {}
        for plan, operation in operations:
            names.setdefault(plan.ledger_id, []).extend(plan.tag_names(operation))
        try:
            self._lookups.know_tags(name for these in names.values() for name in these)
        except BoardFailed as error:
            unmade |= {board: str(error) for board, these in names.items() if these}

    def _make_groups(self, plan: BoardPlan, titles: Sequence[str]) -> None:
        if titles:
            made = make_groups(self.calls, self.journal, plan.board_id, titles)
            plan.groups.update(zip(titles, made, strict=True))
            _log.info(
                "groups.created stream=%s board=%s groups=%d",
                *(plan.stream, plan.board_id, len(made)),
            )


def _composed(name: str) -> str:
    """A name as it is compared: letters with accents are one letter each."""
    return unicodedata.normalize("NFC", name)


def _no_board(spec: BoardSpec) -> str:
    return f"stream {spec.stream!r}: there is no board {spec.board_id}, or it is hidden from us."


def _can_be_ours(spec: BoardSpec, board: Board) -> bool:
    """A board of the right name that carries the key column, or that is still empty."""
    empty = not board.items_count
    return board.state == "active" and (empty or spec.append or bool(board.column(spec.key_title)))


def _moved_key_fault(
    spec: BoardSpec, board: Board, column: Column, strange: int, known: int
) -> str:
    return (
        f"stream {spec.stream!r}, board {board.id} ({board.name!r}): {strange} of {known} items do "
        f"not carry their key in column {column.title!r} ({column.id}), so they cannot be told "
        "apart by it. Copy the keys there, or go back to the key column of before."
    )


def _name_fault(spec: BoardSpec, ids: Sequence[str], ours: Sequence[Board]) -> str:
    where = f"stream {spec.stream!r}: board {spec.name!r}"
    if ours:
        several = ", ".join(board.id for board in ours)
        return f"{where}: several boards have this name ({several}): set `board_id`."
    return (
        f"{where}: a board of this name exists ({', '.join(ids)}) but has no column "
        f"{spec.key_title!r}: rename it, or set `board_id` to have it used."
    )


def _column(board_id: str, spec: ColumnSpec) -> CreateColumn:
    column_type = spec.column_type or "text"
    defaults = spec.options.defaults(column_type) or None
    labels = tuple(status_colours(spec.labels))
    return CreateColumn(board_id, spec.reference, column_type, labels, defaults)
