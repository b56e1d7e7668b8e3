"""Which board is a stream's: named by the settings, known to the ledger, found by name, or made."""

from __future__ import annotations

import logging
import unicodedata
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from target_monday.binding import KEY, missing_columns
from target_monday.delivery.column_lane import make_board
from target_monday.errors import BoardFailed, SettingsFault
from target_monday.mapping import BoardSpec, default_board_name
from target_monday.monday.boards import Board, board_names, boards_by_id
from target_monday.recovery import Recovery
from target_monday.templates import template

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from target_monday.delivery.calls import Calls
    from target_monday.ledger.items import BoardEntry, ItemStore
    from target_monday.ledger.journal import Journal
    from target_monday.ledger.leases import Leases
    from target_monday.lookups import Lookups

__all__ = ["Finding", "no_board"]

_json = msgspec.json.Encoder(order="deterministic").encode
_log = logging.getLogger("target-monday")


@dataclass(slots=True)
class Finding:
    """The boards of one run, by their ids, and what the ledger knows of them, by stream and part.

    `counts`: known items by the ledger's numbers, as they were with the boards. `replaced`: streams
    whose board is gone, so that another one took its place, with a sentence. `doubtful`: the ledger
    may not know all boards of a stream.
    """

    calls: Calls
    items: ItemStore
    journal: Journal
    leases: Leases
    settings: Mapping[str, Any]
    lookups: Lookups
    boards: dict[str, Board] = field(default_factory=dict)
    entries: dict[tuple[str, str], BoardEntry] = field(default_factory=dict)
    counts: dict[int, int] = field(default_factory=dict)
    replaced: dict[str, str] = field(default_factory=dict)
    doubtful: bool = False
    _names: dict[str, list[str]] | None = None
    _others: tuple[int, int] = (0, 0)
    _unmade: dict[str, str] = field(default_factory=dict)  # name -> why; not tried again
    _made_parts: int = 0  # boards that this run made because of a template

    def read(self) -> None:
        """Read all boards that the ledger or the settings name, in one call."""
        self._others = self.journal.others()
        known = self.items.boards()
        self.entries = {place: each for place, each in known.items() if not each.is_left}
        self._names = None
        asked = self.settings.get("boards") or {}
        entries = [entry for entry in asked.values() if entry]
        configured = {str(entry["board_id"]) for entry in entries if entry.get("board_id")}
        remembered = {entry.board_id for entry in self.entries.values()}
        self.boards = boards_by_id(self.calls.query, sorted(configured | remembered))
        self.counts.clear()
        self.counts.update(self.items.counts())

    def entries_of(self, stream: str) -> list[BoardEntry]:
        """The live boards of a stream, as far as they are known by now."""
        return [
            entry
            for (name, _), entry in self.entries.items()
            if name == stream and self._is_live(entry.board_id)
        ]

    def _is_live(self, board_id: str) -> bool:
        board = self.boards.get(board_id)
        return board is not None and board.state == "active"

    def neighbours(self, spec: BoardSpec, board: Board) -> Sequence[BoardEntry] | None:
        """The entries of other streams on this board; None if there are none and will be none."""
        known = [
            each
            for each in self.entries.values()
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

    def before(self, spec: BoardSpec, board: Board) -> dict[str, str]:
        """The columns that the stream's properties, and its key, went to on this board."""
        entry = self.entries.get(spec.place)
        if entry is None or entry.board_id != board.id:
            return {}
        before = dict(entry.columns)
        key = entry.key_column
        if key and (board.column(key) or self.items.count(entry.id)):
            before[KEY] = key
        return before

    def parts(self, spec: BoardSpec) -> list[str]:
        """The names of the stream's boards so far: from the ledger, else those that look like it.

        One that looks like it has a name that the template can give, the key column, and every
        column of the mapping.
        """
        known = [entry for entry in self.entries.values() if entry.stream == spec.stream]
        live = [each.part for each in known if each.part and self._is_live(each.board_id)]
        if spec.name_by is None or (live and not self.doubtful):
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
        self.boards |= {board.id: board for board in ours}
        return list(dict.fromkeys([*live, *(_composed(board.name) for board in ours)]))

    @staticmethod
    def _looks_like(spec: BoardSpec, board: Board) -> bool:
        return board.state == "active" and not missing_columns(spec.of_part(board.name), board, {})

    def leased(self, spec: BoardSpec) -> Board:
        """The stream's board, found or made, as it is now that no other run writes to it."""
        board = self._known(spec)
        if board is None:
            self.leases.take_name(spec.name)
        else:
            self.leases.take(board.id)
        if self._others_wrote():
            clock = self.leases.clock
            Recovery(self.calls, self.items, self.journal, self.leases, clock).settle_all()
            self.read()
            board = self._known(spec)
        if board is None:
            self.leases.take_name(spec.name)
            board = self._found_by_name(spec) or self._made(spec)
            self.boards[board.id] = board
        self._note_change(spec, board)
        self.leases.take(board.id)
        return board

    def existing(self, spec: BoardSpec) -> Board | None:
        """The stream's board as it is; None if a run would make it. Raises SettingsFault."""
        return self._known(spec) or self._found_by_name(spec)

    def asked(self, spec: BoardSpec) -> str:
        """By what the settings name the board, as JSON: as long as it stays, the ledger knows it.

        People may rename a board; what the settings call it then is no other one.
        """
        if spec.board_id is not None:
            return _json({"board_id": spec.board_id}).decode()
        workspace = self.settings.get("workspace_id") or None
        named = {"board_name": _composed(spec.name), "workspace_id": workspace}
        return _json(named).decode()

    def leave(self, spec: BoardSpec) -> None:
        """Say which boards of the stream the settings name no more, and leave them as they are.

        A stream whose board had one name has one for each row, or the other way round.
        """
        for place, entry in list(self.entries.items()):
            if entry.stream == spec.stream and bool(entry.part) != bool(spec.name_by):
                _say_changed(entry, "none", self.items.count(entry.id))
                self.items.leave(entry.id)
                del self.entries[place]

    def _note_change(self, spec: BoardSpec, board: Board) -> None:
        """Say that the stream goes to another board than before: by the settings, or perforce."""
        entry = self.entries.get(spec.place)
        if entry is None or entry.board_id == board.id:
            return
        if entry.asked in (None, self.asked(spec)) and spec.board_id is None:
            self._note_replaced(spec, board)
        else:
            _say_changed(entry, board.id, self.items.count(entry.id))

    def _note_replaced(self, spec: BoardSpec, board: Board) -> None:
        """Say that the board of before is gone, if it had items."""
        entry = self.entries.get(spec.place)
        if entry is None or not self.items.count(entry.id):
            return
        gone = self.boards.get(entry.board_id)
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
        entry = self.entries.get(spec.place)
        is_same = entry is not None and entry.asked in (None, self.asked(spec))
        wanted = spec.board_id or (entry.board_id if entry and is_same else None)
        board = self.boards.get(wanted) if wanted else None
        if spec.board_id is not None and board is None:
            raise SettingsFault([no_board(spec)])
        usable = spec.board_id is not None or (board is not None and board.state == "active")
        return board if usable else None

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
        boards = {each: self.boards[each] for each in ids if each in self.boards}
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
        name = _composed(spec.name)
        others = (self._names or {}).get(name, ())
        if name in self._unmade:
            raise BoardFailed(self._unmade[name])
        try:
            new = self.lookups.new_board(spec.name, workspace, spec.access)
            board = make_board(self.calls, self.journal, new, others)
        except BoardFailed as error:  # it may be there all the same: the next run finds it
            self._unmade[name] = str(error)
            raise
        self._all_names().setdefault(name, []).append(board.id)
        _log.info("board.created stream=%s board=%s name=%r", spec.stream, board.id, spec.name)
        return board


def _say_changed(entry: BoardEntry, successor: str, items: int) -> None:
    _log.warning(
        "board.changed stream=%s board=%s successor=%s items=%d: the settings name another board. "
        "The items of the former one stay as they are; rows that do not come in this run are "
        "missing on the new one: read once with --full-refresh",
        *(entry.stream, entry.board_id, successor, items),
    )


def _composed(name: str) -> str:
    """A name as it is compared: letters with accents are one letter each."""
    return unicodedata.normalize("NFC", name)


def no_board(spec: BoardSpec) -> str:
    """What is wrong where the settings name a board that is not there."""
    return f"stream {spec.stream!r}: there is no board {spec.board_id}, or it is hidden from us."


def _can_be_ours(spec: BoardSpec, board: Board) -> bool:
    """A board of the right name that carries the key column, or that is still empty."""
    empty = not board.items_count
    return board.state == "active" and (empty or spec.append or bool(board.column(spec.key_title)))


def _name_fault(spec: BoardSpec, ids: Sequence[str], ours: Sequence[Board]) -> str:
    where = f"stream {spec.stream!r}: board {spec.name!r}"
    if ours:
        several = ", ".join(board.id for board in ours)
        return f"{where}: several boards have this name ({several}): set `board_id`."
    return (
        f"{where}: a board of this name exists ({', '.join(ids)}) but has no column "
        f"{spec.key_title!r}: rename it, or set `board_id` to have it used."
    )
