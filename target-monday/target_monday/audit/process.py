"""The process in words: what flows where, by which rules, when, under which controls. Pure."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final

import msgspec

from target_monday.diff import GROUP

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from target_monday.ledger.evidence import BoardOnRecord

__all__ = ["Process", "Section", "markdown", "process_hash", "sections"]

_encode = msgspec.json.Encoder(order="sorted", enc_hook=str).encode
_OF_A_BOARD: Final = frozenset({"board_id", "board_name", "columns"})


@dataclass(frozen=True, slots=True)
class Section:
    """A heading with sentences and a table below it; cells are plain texts."""

    title: str
    sentences: tuple[str, ...] = ()
    header: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Process:
    """What the document is made of.

    `settings` are the target's without secrets, `project` is meltano.yml as data, or empty.
    `ledger` tells where the ledger is, `boards` which boards runs have written to.
    """

    settings: Mapping[str, Any]
    version: str
    ledger: str
    boards: Sequence[BoardOnRecord] = ()
    project: Mapping[str, Any] = field(default_factory=dict)
    environment: str | None = None
    owner: str | None = None


def process_hash(parts: Sequence[Section]) -> str:
    """The hash of what the document says, in hex digits: another mapping, another hash."""
    return hashlib.sha256(_encode([asdict(each) for each in parts])).hexdigest()


def sections(process: Process) -> list[Section]:
    """The document without its date."""
    return [
        _purpose(process),
        *_sources(process),
        _boards(process),
        *_columns(process),
        _schedule(process),
        _rules(process),
        _controls(process),
        _settings(process),
    ]


def _purpose(process: Process) -> Section:
    environment = f" Environment: {process.environment}." if process.environment else ""
    return Section(
        "Purpose and systems",
        (
            (
                "Records of IFS Cloud are shown on boards of monday.com. IFS Cloud stays the "
                "book of record; the boards are a view of it, and nothing flows back."
            ),
            (
                "Records are read by tap-ifs-cloud and delivered by target-monday "
                f"{process.version} to {process.settings['api_url']}.{environment}"
            ),
            f"The ledger of all deliveries is kept in {process.ledger}.",
            f"Owner of the process: {process.owner or 'not named (--owner)'}.",
        ),
    )


def _plugins(project: Mapping[str, Any], kind: str) -> list[Mapping[str, Any]]:
    return list((project.get("plugins") or {}).get(kind) or ())


def _sources(process: Process) -> Iterator[Section]:
    rows = []
    for plugin in _plugins(process.project, "extractors"):
        selected = plugin.get("select") or ()
        rows.append(
            (
                str(plugin.get("name")),
                str(plugin.get("inherit_from") or ""),
                ", ".join(map(str, selected)) or "all that the tap offers",
            )
        )
    if rows:
        yield Section(
            "What is read",
            ("Extractors of meltano.yml, and what each selects.",),
            ("Extractor", "Inherits from", "Selected"),
            tuple(rows),
        )


def _asked(process: Process) -> Mapping[str, Any]:
    return process.settings.get("boards") or {}


def _boards(process: Process) -> Section:
    rows = []
    known = {each.stream for each in process.boards}
    for each in process.boards:
        asked = _asked(process).get(each.stream) or {}
        rows.append((each.stream, each.board_id, each.key_column or "none", _options(asked)))
    for stream, asked in _asked(process).items():
        if stream in known:
            continue
        if not asked:
            rows.append((stream, "left out", "", ""))
            continue
        board = str(asked.get("board_id") or asked.get("board_name") or "of the stream's name")
        rows.append((stream, board, "not written yet", _options(asked)))
    others = process.settings.get("unmapped_streams")
    return Section(
        "What flows where",
        (
            "A stream without an entry is left out."
            if others == "ignore"
            else "A stream without an entry gets a board of its own name.",
            "Columns that are not mapped belong to people and are never written.",
        ),
        ("Stream", "Board", "Key column", "Rules of its own"),
        tuple(sorted(rows)),
    )


def _options(asked: Mapping[str, Any]) -> str:
    own = [(name, value) for name, value in sorted(asked.items()) if name not in _OF_A_BOARD]
    return "; ".join(f"{name}: {_text(value)}" for name, value in own)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else _encode(value).decode()


def _columns(process: Process) -> Iterator[Section]:
    for each in process.boards:
        asked = (_asked(process).get(each.stream) or {}).get("columns") or {}
        rows = [
            (name, column, _column(asked, name))
            for name, column in sorted(each.columns.items())
            if column != GROUP
        ]
        left = {name: entry for name, entry in asked.items() if name not in each.columns}
        yield from _columns_of(f"{each.stream} on board {each.board_id}", [*rows, *_unbound(left)])
    known = {each.stream for each in process.boards}
    for stream, entry in sorted(_asked(process).items()):
        if stream not in known and entry:
            yield from _columns_of(stream, list(_unbound(entry.get("columns") or {})))


def _columns_of(what: str, rows: Sequence[tuple[str, str, str]]) -> Iterator[Section]:
    if rows:
        header = ("Property", "Column", "As mapped")
        yield Section(f"Columns of {what}", (), header, tuple(rows))


def _unbound(asked: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Entries of the mapping that no run has found a column for yet."""
    for name, entry in sorted(asked.items()):
        yield name, "not written yet" if entry else "left out", _column(asked, name)


def _column(asked: Mapping[str, Any], name: str) -> str:
    if name not in asked:
        return "by default"
    entry = asked[name]
    if isinstance(entry, dict):
        return "; ".join(f"{word}: {_text(value)}" for word, value in sorted(entry.items()))
    return entry if isinstance(entry, str) else ""


def _schedule(process: Process) -> Section:
    jobs = {
        str(each.get("name")): each.get("tasks") or () for each in process.project.get("jobs") or ()
    }
    rows = [
        (
            str(each.get("name")),
            str(each.get("interval")),
            str(each.get("job") or ""),
            "; ".join(map(str, jobs.get(str(each.get("job")), ()))),
        )
        for each in process.project.get("schedules") or ()
    ]
    said = (
        "Schedules of meltano.yml (minute, hour, day, month, weekday). Cron or an orchestrator "
        "runs them."
    )
    return Section(
        "When it runs",
        (said if rows else "No schedule is declared in meltano.yml.",),
        ("Schedule", "Interval", "Job", "Tasks") if rows else (),
        tuple(rows),
    )


def _rules(process: Process) -> Section:
    settings = process.settings
    gone = {
        "keep": "Items whose row is gone from the source stay.",
        "archive": "Items whose row is gone from the source are archived.",
        "delete": "Items whose row is gone from the source are deleted.",
    }
    return Section(
        "By which rules",
        (
            (
                f"Mode: {settings['mode']}. An item is found by the key in its key column; two "
                "items with one key are a reject, never a guess."
            ),
            "Only what differs from the last acknowledged write is written.",
            "A null clears its cell."
            if settings["nulls"] == "clear"
            else "A null leaves its cell alone.",
            "A label that a board lacks is made."
            if settings["missing_labels"] == "create"
            else "A row with a label that its board lacks is rejected.",
            gone[settings["vanished"]],
            (
                f"If more than {float(settings['vanished_max_share']) * 100:g} % of a board, or "
                f"of all boards of a stream, or {settings['vanished_max_count']} items would go at "
                "once, none goes and the run fails."
            ),
        ),
    )


def _controls(process: Process) -> Section:
    settings = process.settings
    deny, mask = settings.get("deny") or (), settings.get("mask") or ()
    days = settings.get("payload_days")
    rows = [
        ("Completeness", ("Rows read = created + updated + unchanged + rejected + carried over + "
         "filtered, for each stream and board; else the run fails."), "target-monday-audit report"),
        ("Accuracy", "Boards are read back and compared cell by cell; exact control totals.",
         "target-monday-audit reconcile"),
        ("Rejects", (f"Rows that cannot be delivered are kept with reason and state; more than "
         f"{settings['max_rejects']} in a run end it with exit code 3."),
         "target-monday-audit rejects"),
        ("Immutability", "The ledger is appended and sealed by a chain of hashes.",
         "target-monday-audit verify"),
        ("Nothing twice", ("Each request is on record before it leaves; a lost answer is found out "
         "before anything is sent again."), "the ledger"),
        ("One writer", "A board belongs to one run at a time.", "the ledger"),
        ("Privacy", (f"Denied: {', '.join(deny) or 'nothing'}. Masked: "
         f"{', '.join(mask) or 'nothing'}."), "settings deny, mask"),
        ("Retention", f"Payloads are purged after {days} days; their hashes stay." if days else
         "Payloads are kept without limit.", "setting payload_days"),
    ]  # fmt: skip
    return Section("Controls", (), ("Control", "What it does", "Evidence"), tuple(rows))


def _settings(process: Process) -> Section:
    rows = [
        (name, _text(value))
        for name, value in sorted(process.settings.items())
        if name != "boards" and value is not None
    ]
    return Section(
        "Settings", ("As they are, without secrets.",), ("Setting", "Value"), tuple(rows)
    )


def markdown(title: str, facts: Sequence[tuple[str, str]], parts: Sequence[Section]) -> str:
    """The document in Markdown; `facts` stand on top, a line each."""
    lines = [f"# {title}", ""]
    lines += [f"- {name}: {value}" for name, value in facts]
    for part in parts:
        lines += ["", f"## {part.title}", *(f"\n{_escaped(each)}" for each in part.sentences)]
        if part.header:
            lines += ["", _line(part.header), "|" + " --- |" * len(part.header)]
            lines += [_line(row) for row in part.rows]
    return "\n".join(lines) + "\n"


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(_escaped(cell).replace("|", "\\|") for cell in cells) + " |"


def _escaped(text: str) -> str:
    """A text on one line, as text: what looks like markup is none."""
    flat = " ".join(text.split())
    return flat.replace("\\", "\\\\").replace("<", "&lt;").replace("`", "\\`").replace("*", "\\*")
