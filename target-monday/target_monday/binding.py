"""What is asked for against a board that is there: faults, missing columns, the plan. Pure."""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from target_monday.cells import READ_ONLY_TYPES, SUPPORTED_TYPES, Setup, codec_for
from target_monday.cells.codec import member
from target_monday.columns import misplaced
from target_monday.control_totals import ControlTotals
from target_monday.diff import GROUP
from target_monday.labels import Label, Labels
from target_monday.links import LinkTargets
from target_monday.mapping import BoardSpec, ColumnSpec
from target_monday.plan import BoardPlan, CellPlan
from target_monday.quoting import listed
from target_monday.templates import template
from target_monday.trail import TrailSource
from target_monday.truncation import title_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from target_monday.cells import Codec
    from target_monday.directory import Directory
    from target_monday.monday.boards import Board, Column
    from target_monday.trail import Trail

__all__ = ["KEY", "bind", "board_faults", "codec_of", "connected_boards", "declared_labels"]
__all__ += ["found_column", "key_columns", "missing_columns", "reading_plan"]

KEY: Final = "\0key"  # stands for the key column among the properties whose columns are known


def board_faults(spec: BoardSpec, board: Board, known: Mapping[str, str]) -> Iterator[str]:
    """What keeps the mapping from this board, one sentence each.

    `known` maps properties, and KEY, to the columns that the ledger says they went to before; KEY
    is in it if items are known by that column.
    """
    where = f"stream {spec.stream!r}, board {board.id} ({board.name!r})"
    if board.state != "active":
        yield f"{where}: the board is {board.state}."
    if board.hierarchy_type == "multi_level":
        yield (
            f"{where}: a multi-level board rolls cells up and ignores what is written to parent "
            "items; use a classic board."
        )
    for column in spec.columns:
        yield from _column_faults(where, column, board, known)
    yield from _key_faults(where, spec, board, known)
    yield from _shared_columns(where, spec, board, known)
    yield from _group_faults(where, spec, board)
    yield from _totals_faults(where, spec, board, known)


def _column_faults(
    where: str, spec: ColumnSpec, board: Board, known: Mapping[str, str]
) -> Iterator[str]:
    found = _find(spec, board, known)
    if not found and not spec.create:
        titles = listed(sorted(column.title for column in board.columns)) or "none"
        yield (
            f"{where}: property {spec.property!r} goes to column {spec.reference!r}, which is "
            f"not on the board (its columns: {titles}). Give it a `type` to have it made."
        )
    if len(found) > 1:
        ids = ", ".join(column.id for column in found)
        yield f"{where}: several columns are titled {spec.reference!r}: name one by id ({ids})."
    for column in found[:1]:
        this = f"{where}: column {column.title!r} of property {spec.property!r} is of type"
        if column.type in READ_ONLY_TYPES:
            yield f"{this} {column.type!r}, which monday fills itself: it cannot be written."
        elif column.type == "board_relation" and spec.link is None:
            yield (
                f"{this} 'board_relation': give the `stream` that it links to, and the parts of "
                "the target's key as `key`."
            )
        elif column.type not in SUPPORTED_TYPES:
            yield f"{this} {column.type!r}, which is not supported."
        elif spec.column_type not in {None, column.type} and not _default(spec):
            yield f"{this} {column.type!r}, not {spec.column_type!r}."
        else:
            for fault in misplaced(spec.asked, column.type):
                yield f"{this} {column.type!r}: {fault}."
            yield from _connection_faults(this, spec, column)


def _connection_faults(this: str, spec: ColumnSpec, column: Column) -> Iterator[str]:
    """A column that connects other boards than the target's, or no board at all."""
    wanted = spec.options.connects
    if spec.link is None or not wanted or set(wanted) & set(connected_boards(column)):
        return
    there = ", ".join(connected_boards(column)) or "no board"
    yield (
        f"{this} 'board_relation' and connects {there}, not board {', '.join(wanted)} of stream "
        f"{spec.link.stream!r}: connect that board in the column's settings."
    )


def connected_boards(column: Column) -> tuple[str, ...]:
    """The ids of the boards that a column of links connects."""
    settings = column.settings if isinstance(column.settings, dict) else {}
    return tuple(str(each) for each in settings.get("boardIds") or settings.get("board_ids") or ())


def _default(spec: ColumnSpec) -> bool:
    """Default columns follow the board's own type: a person may have chosen a better one."""
    return spec.create and spec.reference == title_of(spec.property)


def key_columns(spec: BoardSpec, board: Board, known: Mapping[str, str]) -> Sequence[Column]:
    """What may be the key column: the one that is asked for, else the known one, else by title."""
    if spec.append:
        return ()
    return board.column(spec.key_column or known.get(KEY) or spec.key_title)


def _key_faults(
    where: str, spec: BoardSpec, board: Board, known: Mapping[str, str]
) -> Iterator[str]:
    if spec.append:
        return
    found = key_columns(spec, board, known)
    if not found and spec.key_column:
        yield (
            f"{where}: the key column {spec.key_column!r} is not on the board. Put it back, or "
            "name the text column that holds the keys as `key_column`."
        )
    elif not found and KEY in known:
        yield (
            f"{where}: the key column ({known[KEY]}) is gone from the board, so its items cannot "
            "be told apart. Restore it from the board's bin, or name another text column that "
            "holds the keys as `key_column`."
        )
    if len(found) > 1:
        ids = ", ".join(column.id for column in found)
        yield (
            f"{where}: several columns are titled {spec.key_title!r}: name one by its id as "
            f"`key_column` ({ids})."
        )
    if found and found[0].type != "text":
        yield f"{where}: the key column {found[0].title!r} must be a text column."


def _shared_columns(
    where: str, spec: BoardSpec, board: Board, known: Mapping[str, str]
) -> Iterator[str]:
    """Two properties in one column would overwrite each other in each run."""
    taken = {column.id: "the key" for column in key_columns(spec, board, known)[:1]}
    for each in spec.columns:
        for column in _find(each, board, known)[:1]:
            other = taken.setdefault(column.id, f"property {each.property!r}")
            if other != f"property {each.property!r}":
                yield (
                    f"{where}: {other} and property {each.property!r} both go to column "
                    f"{column.title!r} ({column.id})."
                )


def _group_faults(where: str, spec: BoardSpec, board: Board) -> Iterator[str]:
    if spec.group and len(_groups(spec.group, board)) != 1:
        titles = listed(group.title for group in board.groups)
        yield f"{where}: {spec.group!r} is not exactly one of its groups ({titles})."


def _totals_faults(
    where: str, spec: BoardSpec, board: Board, known: Mapping[str, str]
) -> Iterator[str]:
    if spec.totals is None or not spec.totals.asked:
        return
    for each in spec.columns:
        if each.property in spec.totals.amounts:
            found = _find(each, board, known)[:1]
            types: list[str | None] = [column.type for column in found]
            if (types or [each.column_type]) != ["numbers"]:
                yield f"{where}: {each.property!r} is no numbers column (`control_totals`)."


def _groups(reference: str, board: Board) -> list[str]:
    live = [group for group in board.groups if not (group.archived or group.deleted)]
    by_id = [group.id for group in live if group.id == reference]
    return by_id or [group.id for group in live if group.title == reference]


def _find(spec: ColumnSpec, board: Board, known: Mapping[str, str]) -> Sequence[Column]:
    """The column of a property: the one it went to before, else by id or title."""
    before = known.get(spec.property)
    same = [column for column in board.columns if column.id == before and not column.archived]
    if same and _default(spec) and (spec.link is None or _can_hold(same[0], spec)):
        return same
    found = board.column(spec.reference)
    if _default(spec):  # a column of the same title that cannot hold values is somebody else's
        usable = [column for column in found if _can_hold(column, spec)]
        return [column for column in usable if column.id != known.get(KEY)]
    return found


def found_column(spec: ColumnSpec, board: Board, known: Mapping[str, str]) -> Column | None:
    """The column of a property; None if it is not there."""
    return next(iter(_find(spec, board, known)), None)


def codec_of(spec: ColumnSpec, column: Column) -> Codec:
    """What a column takes, whatever labels it has so far."""
    declared = column.settings if isinstance(column.settings, dict) else {}
    labels = _labels(column, spec.options.labels, create=True)
    return codec_for(column.type, setup=Setup(labels, declared, spec.options))


def _can_hold(column: Column, spec: ColumnSpec) -> bool:
    if spec.link is not None and spec.asked:  # what is wrong with it is told
        return True
    if spec.link is None:
        return column.type in SUPPORTED_TYPES - {"board_relation"}
    wanted, connected = spec.options.connects, connected_boards(column)
    return column.type == "board_relation" and (not wanted or bool(set(wanted) & set(connected)))


def missing_columns(
    spec: BoardSpec, board: Board, known: Mapping[str, str]
) -> tuple[ColumnSpec, ...]:
    """The columns that have to be made; the key column, which is no sight, stands at the end."""
    wanted = [
        column
        for column in spec.columns
        if not _find(column, board, known) and not _has_to_wait(column)
    ]
    if not spec.append and not key_columns(spec, board, known):
        wanted.append(ColumnSpec(KEY, spec.key_title, "text", create=True))
    return tuple(wanted)


def _has_to_wait(spec: ColumnSpec) -> bool:
    """A column of links is made when the board of its targets is there."""
    return spec.link is not None and not spec.options.connects


def bind(
    spec: BoardSpec,
    board: Board,
    known: Mapping[str, str],
    *,
    ledger_id: int,
    directory: Directory,
    settings: Mapping[str, object],
    trail: Trail | None = None,
) -> BoardPlan:
    """The plan, once `board_faults` found nothing and no column is missing.

    `settings` (the whole configuration) says what columns do that say nothing themselves. `trail`
    is what columns of the trail are filled with.
    """
    nulls, labels = settings.get("nulls"), settings.get("missing_labels")
    cells, creating = [], []
    for column_spec in spec.columns:
        found, options = _find(column_spec, board, known)[:1], column_spec.options
        if not found:  # links whose targets have no board yet
            continue
        column = found[0]
        source = column_spec.source
        if isinstance(source, TrailSource):
            source = replace(source, trail=trail)
        create = (options.missing_labels or labels) != "reject"
        creating.append(create)
        declared = column.settings if isinstance(column.settings, dict) else {}
        if options.timezone is None and settings.get("timezone"):
            options = replace(options, timezone=str(settings["timezone"]))
        setup = Setup(_labels(column, options.labels, create=create), declared, options, directory)
        cells.append(
            CellPlan(
                column_spec.property,
                column,
                codec_for(column.type, setup=setup),
                clear_nulls=(options.nulls or nulls) != "keep",
                source=source.bound(column.type) if source else None,
                link=column_spec.link,
            )
        )
    key = None if spec.append else key_columns(spec, board, known)[0].id
    return BoardPlan(
        spec,
        board.id,
        ledger_id,
        key,
        _groups(spec.group, board)[0] if spec.group else None,
        tuple(cells),
        create_labels=any(creating),
        first_group=next(iter(_live_groups(board)), None),
        group_ids=_live_groups(board),
        groups=_group_ids(board) if spec.group_by else {},
        control=_control(spec, cells),
        targets={each.property: LinkTargets(each.link) for each in spec.columns if each.link},
    )


def _control(spec: BoardSpec, cells: Sequence[CellPlan]) -> ControlTotals | None:
    """The control totals of the amounts that did become numbers."""
    if spec.totals is None:
        return None
    plain = {each.property: each.column for each in cells if each.source is None}
    amounts = {
        name: plain[name].id
        for name in spec.totals.amounts
        if name in plain and plain[name].type == "numbers"
    }
    columns = {
        name: plain[name].id
        for name in spec.totals.fields
        if name in plain and name not in spec.key_properties
    }
    if not amounts:
        return None
    return ControlTotals(spec.totals, amounts, columns, spec.key_properties)


def reading_plan(
    stream: str, board: Board, *, ledger_id: int, key_column: str | None, columns: Mapping[str, str]
) -> BoardPlan:
    """A plan that reads items as they were written, and writes none.

    `columns` (property -> column id) is what the ledger knows; of these the board's columns that
    can still be read are in the plan, as they are now.
    """
    live = {column.id: column for column in board.columns if not column.archived}
    cells = []
    for name, column_id in columns.items():
        column = live.get(column_id)
        if column is not None and column.type in SUPPORTED_TYPES:
            declared = column.settings if isinstance(column.settings, dict) else {}
            setup = Setup(_labels(column, {}, create=False), declared)
            cells.append(CellPlan(name, column, codec_for(column.type, setup=setup)))
    spec = BoardSpec(
        stream=stream,
        name=board.name,
        board_id=board.id,
        group=None,
        item_name=None,
        key_column=key_column,
        key_properties=(KEY,) if key_column else (),
        columns=(),
        group_by=template("") if GROUP in columns else None,
    )
    return BoardPlan(
        spec,
        board.id,
        ledger_id,
        key_column,
        None,
        tuple(cells),
        create_labels=False,
        groups=_group_ids(board),
    )


def _live_groups(board: Board) -> tuple[str, ...]:
    return tuple(each.id for each in board.groups if not (each.archived or each.deleted))


def _group_ids(board: Board) -> dict[str, str]:
    """Title -> id; of groups with one title the uppermost."""
    live = [group for group in board.groups if not (group.archived or group.deleted)]
    return {unicodedata.normalize("NFC", group.title): group.id for group in reversed(live)}


def _labels(column: Column, mapped: Mapping[str, str], *, create: bool) -> Labels | None:
    if column.type not in {"status", "dropdown"}:
        return None
    labels = Labels(column.title, create, mapped=mapped)
    if column.type == "dropdown":
        labels.max_count = labels.max_length = None
    labels.know(declared_labels(column))
    return labels


def declared_labels(column: Column) -> Iterator[Label]:
    """The labels that a status or dropdown column has and that are in use."""
    settings = column.settings if isinstance(column.settings, dict) else {}
    entries = settings.get("labels")
    for entry in entries if isinstance(entries, list) else ():
        text = member(entry, "label") or member(entry, "name")
        number = member(entry, "id")
        number = member(entry, "index") if number is None else number
        known = isinstance(text, str) and isinstance(number, int)
        if text and known and not member(entry, "is_deactivated"):
            yield Label(text, number)
