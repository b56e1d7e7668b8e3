"""Whatever is altered in a ledger, `verify` finds it and says where."""

from __future__ import annotations

import json
import random
import shutil
import sqlite3
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from sqlalchemy import Table, create_engine, func, select, text
from target_monday.cli import audit
from target_monday.delivery.outcomes import Acknowledged, Rejected
from target_monday.diff import Create, KnownItem, Update, WantedRow
from target_monday.ledger import tables
from target_monday.ledger.budgets import BudgetStore
from target_monday.ledger.database import open_database
from target_monday.ledger.intents import Intent, SentUpload
from target_monday.ledger.items import ItemStore
from target_monday.ledger.journal import Journal
from target_monday.ledger.leases import Leases
from target_monday.ledger.links import LinkStore, PendingLink
from target_monday.ledger.lost_links import LostLink, LostLinkStore
from target_monday.ledger.records import SourceRecord
from target_monday.ledger.rejects import RejectedRow
from target_monday.ledger.runs import BoardBooks, RunHeader, Runs
from target_monday.ledger.sealed import primary_key, shape, writing
from target_monday.ledger.seals import Anchor, keep_seal, last_line, seals_beside
from target_monday.ledger.verification import Place, Verdict, verify
from target_monday.seen import Seen

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import Engine

SCOPE = "http://127.0.0.1:1/v2"
EDITS = 200


def write_runs(engine: Engine, runs: int = 3) -> None:
    """What some runs leave behind, with something in every table."""
    for number in range(runs):
        run = Runs(engine)
        run.begin(RunHeader(version="1", user="u", mapping_hash="m" * 64, mapping="{}"))
        items, leases = ItemStore(engine, SCOPE), Leases(engine, SCOPE, run.run_id)
        journal = Journal(engine, SCOPE, run.run_id)
        BudgetStore(engine, SCOPE).save({"minute_points": 1e6, "price create": 3.0 + number})
        BudgetStore(engine, SCOPE).count_calls(2)
        board = items.save_board("s", "", "77", "k", {"Note": "n", "Amount": "a"})
        leases.take("77")
        journal.announce("s", {"properties": {"Id": {}}}, ["Id"])
        intents = []
        for at in range(8):
            key, cells = f"k{at}", {"k": f"k{at}", "n": f"note {number}", "a": str(at)}
            row = WantedRow(key, key, key, cells)
            before = items.items(board.id, [key]).get(key)
            after = KnownItem(f"9{at}", key, cells)
            change = {"n": cells["n"]}
            operation = Update(row, f"9{at}", change, None) if before else Create.of(row)
            record = {"Id": key, "Note": cells["n"], "_ifs_etag": f'W/"{number}"'}
            source = SourceRecord("s", key, record)
            intents.append(Intent(board.id, key, operation, after, before, source))
        request, _ = journal.intend(b"body", intents)
        outcomes = [*(Acknowledged(f"9{at}") for at in range(7)), Rejected("BAD", "no")]
        journal.settle(request, intents, outcomes, request_id=f"r-{number}")
        if number == 0:
            items.adopt(board.id, {"k7": KnownItem("97", "k7", {"k": "k7"})})
            items.replace_all(board.id, items.items(board.id, [f"k{at}" for at in range(8)]), 0)
        upload = journal.intend_upload(board.id, SentUpload("j", "ingest"), intents[:1])
        journal.count_written(upload, 1)
        refused = RejectedRow("s", "k7", "BAD", "no", {"Id": "k7"}, "00", "77", "a")
        journal.rejects.add([refused, RejectedRow("s", None, "NULL_KEY", "no", {"Id": None})])
        if number == 1:
            journal.rejects.resolve("s", ["k7"])
        journal.pending_cells.keep(board.id, "k1", {"n": "later"})
        seen = Seen(1_795_000_000_000 + number)
        seen.see(["k1", "k2"])
        items.see([board.id], seen)
        write_links(engine, board.id, number)
        items.adopt(board.id, {"gone": KnownItem("80", "gone", {})})
        items.forget_items(board.id, ["gone"])
        books = [BoardBooks("s", "77", {"read": 8}), BoardBooks("t", None, {"read": 0})]
        end = {"status": "done", "exit_code": 0, "message": None, "calls": 2, "points": 9}
        seal = run.end(**end, books=books)
        if (seals := seals_beside(engine.url)) is not None:
            keep_seal(seals, seal)
    with writing(engine, "purge") as ledger:
        purge = {"at": 1.0, "stream": None, "key": None, "before": 9e9, "who": "u", "reason": "old"}
        ledger.empty_payloads(tables.records.c.id <= 2, purge)


def write_links(engine: Engine, board: int, number: int) -> None:
    """Links that are made, that wait, and that the board has lost."""
    links = LinkStore(engine)
    links.point(board, "Supplier", {"s1": "81", "s2": f"8{number}", "gone": "80"})
    links.keep(board, {("k1", "Supplier"): PendingLink(("s3",), {"Id": "k1"}, number)})
    lost = LostLinkStore(engine, lambda: 5.0)
    lost.keep(board, [LostLink("k1", "Supplier", "s1", "81")])


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """A ledger in which some runs have left something in every table."""
    engine = open_database(f"sqlite:///{tmp_path / 'ledger.db'}")
    write_runs(engine)
    yield engine
    engine.dispose()


def test_a_ledger_as_it_was_written_is_sound(ledger_url: str) -> None:
    """No place is named, and nothing is left out."""
    engine = open_database(ledger_url)
    write_runs(engine)

    verdict = verify(engine)

    assert verdict.places == []
    assert verdict.lines > 20
    with engine.connect() as connection:
        for table in tables.METADATA.sorted_tables:
            assert connection.execute(select(func.count()).select_from(table)).scalar_one(), table
    engine.dispose()


@contextmanager
def unguarded(engine: Engine) -> Iterator[Any]:
    """A transaction that no foreign key holds up, and that seals nothing."""
    plain = create_engine(engine.url)
    try:
        with plain.begin() as connection:
            if plain.dialect.name == "postgresql":
                connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
            yield connection
    finally:
        plain.dispose()


def other(dice: random.Random, column: Any, value: Any) -> Any:
    """Another value that the column can hold."""
    if value is None:
        kind = column.type.python_type
        return 1 if kind in {int, float} else b"x" if kind is bytes else "x"
    if not value and isinstance(value, bytes | str):
        return b"x" if isinstance(value, bytes) else "x"
    if isinstance(value, bytes):
        at = dice.randrange(len(value))
        return value[:at] + bytes([value[at] ^ 1 << dice.randrange(7)]) + value[at + 1 :]
    if isinstance(value, str):
        at = dice.randrange(len(value))
        return value[:at] + ("y" if value[at] == "x" else "x") + value[at + 1 :]
    return value + dice.choice([1, -1])


class Editor:
    """Somebody with write access to the database and without scruples."""

    def __init__(self, engine: Engine, dice: random.Random) -> None:
        self.engine, self.dice = engine, dice

    def edit(self) -> tuple[str, str]:
        """Alter something; gives what, and in which table."""
        name = self.dice.choice(["update", "delete", "swap", "forge", "cut"])
        table = tables.chain if name == "cut" else self.dice.choice(tables.METADATA.sorted_tables)
        with unguarded(self.engine) as connection:
            rows = [dict(row) for row in connection.execute(select(table)).mappings()]
            if name == "swap" and len(rows) < 2:
                name = self.dice.choice(["update", "delete", "forge"])
            getattr(self, name)(connection, table, rows)
        return name, table.name

    @staticmethod
    def this(table: Table, row: dict[str, Any]) -> Any:
        """The condition that names a row."""
        return [table.c[name] == row[name] for name in primary_key(table)]

    def update(self, connection: Any, table: Table, rows: list[dict[str, Any]]) -> None:
        """Change one column of one row."""
        row, column = self.dice.choice(rows), self.dice.choice(list(table.columns))
        value = other(self.dice, column, row[column.name])
        while column.primary_key and any(value == each[column.name] for each in rows):
            value = other(self.dice, column, value)
        change = table.update().where(*self.this(table, row))
        connection.execute(change.values({column.name: value}))

    def delete(self, connection: Any, table: Table, rows: list[dict[str, Any]]) -> None:
        """Take a row away."""
        connection.execute(table.delete().where(*self.this(table, self.dice.choice(rows))))

    def cut(self, connection: Any, table: Table, rows: list[dict[str, Any]]) -> None:
        """Cut some lines off the end of the chain."""
        last = sorted(each["seq"] for each in rows)[-self.dice.randrange(1, 5) :]
        connection.execute(table.delete().where(table.c.seq.in_(last)))

    def swap(self, connection: Any, table: Table, rows: list[dict[str, Any]]) -> None:
        """Let two rows change places: all of them but their primary keys."""
        one, two = self.dice.sample(rows, 2)
        for row in (one, two):
            connection.execute(table.delete().where(*self.this(table, row)))
        for row, content in ((one, two), (two, one)):
            keys = {name: row[name] for name in primary_key(table)}
            connection.execute(table.insert().values({**content, **keys}))

    def forge(self, connection: Any, table: Table, rows: list[dict[str, Any]]) -> None:
        """Put in a row that is like another one."""
        row, key = dict(self.dice.choice(rows)), primary_key(table)[-1]
        known = [each[key] for each in rows]
        row[key] = max(known) + 1 if isinstance(known[0], int) else f"f{self.dice.randrange(10**9)}"
        unique = {"layouts": "columns", "boards": "stream"}
        if table.name in unique:
            row[unique[table.name]] = '["forged"]'
        connection.execute(table.insert().values(row))


def replace(engine: Engine, folder: Path, good: Path) -> None:
    """Put a file in the ledger's place."""
    engine.dispose()
    for name in ("ledger.db-wal", "ledger.db-shm"):
        (folder / name).unlink(missing_ok=True)
    shutil.copy(good, folder / "ledger.db")


def restore(engine: Engine, table: Table, rows: list[dict[str, Any]]) -> None:
    """Make a table as it was."""
    with unguarded(engine) as connection:
        connection.execute(table.delete())
        connection.execute(table.insert(), rows)


def test_each_of_200_random_edits_is_found_where_it_is(ledger_url: str) -> None:
    """Any column of any row changed, rows deleted, exchanged, forged, the chain's tail cut."""
    engine = open_database(ledger_url)
    write_runs(engine)
    dice = random.Random(5)  # noqa: S311 - to be repeated, not to be secret
    with engine.connect() as connection:
        good = {
            table.name: [dict(row) for row in connection.execute(select(table)).mappings()]
            for table in tables.METADATA.sorted_tables
        }

    for number in range(EDITS):
        what, table = Editor(engine, dice).edit()
        places = verify(engine).places
        assert table in {place.table for place in places}, (number, what, table, places)
        restore(engine, tables.METADATA.tables[table], good[table])

    assert verify(engine).is_sound
    engine.dispose()


def sole(places: list[Place]) -> Place:
    """The one place."""
    (place,) = places
    return place


def altered(engine: Engine, *statements: str) -> list[Place]:
    """What is found after somebody ran these statements."""
    with unguarded(engine) as connection:
        for statement in statements:
            connection.execute(text(statement))
    return verify(engine).places


def test_a_changed_cell_is_named_by_its_row(engine: Engine) -> None:
    """One byte in one row: that row, and nothing else, is named."""
    change = "UPDATE operations SET cells = replace(cells, 'note 1', 'note 2') WHERE id = 12"

    assert sole(altered(engine, change)) == Place("operations", 12, "changed")


def test_a_dropped_row_is_named(engine: Engine) -> None:
    """By the line of the chain that sealed it."""
    place = sole(altered(engine, "DELETE FROM outcomes WHERE operation = 10"))

    assert place == Place("outcomes", 10, "missing")


def test_a_dropped_item_is_named_by_its_key(engine: Engine) -> None:
    """The operations tell which one it was."""
    place = sole(altered(engine, "DELETE FROM items WHERE key = 'k3'"))

    assert place == Place("items", [1, "k3"], "missing")


def test_a_forged_digest_does_not_help(engine: Engine) -> None:
    """Who knows how digests are made still has to rewrite the chain, and the seals beside it."""
    with unguarded(engine) as connection:
        row = connection.execute(select(tables.outcomes).limit(1)).mappings().one()
        forged = {**row, "outcome": "rejected"}
        forged["digest"] = shape(tables.outcomes).digest(forged)
        this = tables.outcomes.c.operation == row["operation"]
        connection.execute(tables.outcomes.update().where(this).values(**forged))

    place = sole(verify(engine).places)

    assert (place.table, place.fault.startswith("replaced")) == ("outcomes", True)


def test_a_payload_that_nobody_purged_is_missed(engine: Engine) -> None:
    """A purge accounts for what it emptied; the rest is kept, byte by byte."""
    changed = sole(altered(engine, "UPDATE records SET payload = '{}' WHERE id = 5"))
    emptied = altered(
        engine, "UPDATE records SET payload = NULL WHERE id = 5", "DELETE FROM purges"
    )

    assert changed == Place("records", 5, "payload changed")
    missing = {place.key for place in emptied if place.fault == "payload missing"}
    assert missing == {1, 2, 5}


def test_an_older_copy_is_told_by_the_seals(engine: Engine, tmp_path: Path) -> None:
    """It is sound in itself; the seals beside it tell that a later run had ended."""
    before = tmp_path / "before.db"
    with (
        closing(sqlite3.connect(tmp_path / "ledger.db")) as ledger,
        closing(sqlite3.connect(before)) as copy,
    ):
        ledger.backup(copy)
    write_runs(engine, 1)
    replace(engine, tmp_path, before)

    place = sole(verify(engine).places)

    assert (place.table, "ended there" in place.fault) == ("chain", True)


KEYED = {"seal_key": "the auditor's"}


@pytest.fixture
def sealed(rehearsal: Any, messages: Any, ledger_url: str, tmp_path: Path) -> Any:
    """Two runs of which the second one is signed, in either database; and how it is verified."""
    seals = tmp_path / "seals.jsonl"
    rehearsal.settings |= {"ledger_url": ledger_url, "seals": str(seals)}
    lines = [messages.schema("s", {"Id": "string"}), messages.record("s", Id="a")]
    rehearsal.run(lines)
    rehearsal.run(lines, **KEYED)

    def verdict(key: str = KEYED["seal_key"]) -> Verdict:
        return verify(open_database(ledger_url), seals=seals, seal_key=key)

    return rehearsal, lines, seals, verdict


def test_a_signed_run_is_sound_for_who_has_the_key_alone(sealed: Any) -> None:
    """What came before the key needs no signature; another key is none."""
    *_, verdict = sealed

    assert (verdict().places, verdict().seals) == ([], 2)
    assert verdict("a guess").places == [Place("seals.jsonl", 2, "is not signed with this key")]


def test_who_has_no_key_cannot_seal_anew(sealed: Any) -> None:
    """Neither with a seal without a signature, nor with none."""
    rehearsal, lines, seals, verdict = sealed
    rehearsal.run(lines)
    assert verdict().places == [Place("seals.jsonl", 3, "is not signed with this key")]

    kept = seals.read_text().splitlines(keepends=True)
    seals.write_text("".join(kept[:2]))
    assert (place := sole(verdict().places)).table == "run_ends"
    assert place.fault == "ended without a seal in seals.jsonl"

    seals.write_text("".join(kept[:1]))
    assert Place("seals.jsonl", None, "holds no seal that is signed") in verdict().places


def test_the_command_takes_the_key_from_the_environment(
    sealed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Meltano hands it on; it is no option, which others could read in the list of processes."""
    rehearsal, _, seals, _ = sealed
    monkeypatch.setenv("TARGET_MONDAY_SEAL_KEY", "a guess")
    monkeypatch.setenv("TARGET_MONDAY_SEALS", str(seals))

    ended = CliRunner().invoke(audit, ["verify", "--ledger-url", rehearsal.ledger_url])

    assert (ended.exit_code, "is not signed with this key" in ended.output) == (1, True)


def test_the_command_tells_sound_from_altered(engine: Engine, tmp_path: Path) -> None:
    """Exit code 0 or 1, and JSON for programs."""
    url = ["--ledger-url", f"sqlite:///{tmp_path / 'ledger.db'}"]
    sound = CliRunner().invoke(audit, ["verify", *url])
    altered(engine, "UPDATE alembic_version SET version_num = '0999'")
    spoilt = CliRunner().invoke(audit, ["verify", "--json", *url])

    assert (sound.exit_code, sound.output.startswith("sound: ")) == (0, True)
    assert (spoilt.exit_code, json.loads(spoilt.output)["places"]) == (
        1,
        [{"table": "alembic_version", "key": "0999", "fault": "changed"}],
    )


def seals_of(folder: Path) -> Path:
    return folder / "ledger.db.seals.jsonl"


def test_a_seal_that_is_gone_is_named_also_without_a_key(engine: Engine, tmp_path: Path) -> None:
    """Out of the middle, from the beginning, from the end; each run that has ended has one."""
    file = seals_of(tmp_path)
    write_runs(engine, 1)
    kept = file.read_text().splitlines(keepends=True)
    assert verify(engine).is_sound

    for gone in range(len(kept)):
        file.write_text("".join(kept[:gone] + kept[gone + 1 :]))
        place = sole(verify(engine).places)
        assert (place.table, place.fault) == (
            "run_ends",
            "ended without a seal in ledger.db.seals.jsonl",
        )
        assert place.key == json.loads(kept[gone])["run"]


@pytest.mark.parametrize("content", [None, b""], ids=["missing", "empty"])
def test_a_file_of_seals_that_is_gone_is_named_also_without_a_key(
    engine: Engine, tmp_path: Path, content: bytes | None
) -> None:
    """With how many runs have ended; a run after that does not make it good again."""
    file = seals_of(tmp_path)
    file.unlink()
    if content is not None:
        file.write_bytes(content)

    what = "is missing" if content is None else "is empty"
    place = sole(verify(engine).places)
    assert place == Place(file.name, None, f"{what}, but 3 runs have ended")

    write_runs(engine, 1)
    assert {each.table for each in verify(engine).places} == {"run_ends"}
    assert len(verify(engine).places) == 3


def test_the_seals_of_another_ledger_are_named_as_such(engine: Engine, tmp_path: Path) -> None:
    """Once, not line by line; so is a ledger that is not the one of its seals."""
    other_engine = open_database(f"sqlite:///{tmp_path / 'other.db'}")
    write_runs(other_engine)

    place = sole(verify(engine, seals=tmp_path / "other.db.seals.jsonl").places)

    assert place == Place("other.db.seals.jsonl", None, "holds the seals of another ledger")
    other_engine.dispose()


def test_a_ledger_without_runs_needs_no_seals(tmp_path: Path) -> None:
    """Nothing has ended in it."""
    engine = open_database(f"sqlite:///{tmp_path / 'ledger.db'}")

    assert (verify(engine).places, verify(engine).seals) == ([], None)
    engine.dispose()


def test_an_anchor_shows_a_ledger_that_was_rolled_back_with_its_seals(
    engine: Engine, tmp_path: Path
) -> None:
    """An older copy of both is sound in itself, and a key does not help; what was noted does."""
    file = seals_of(tmp_path)
    before, seals = tmp_path / "before.db", file.read_bytes()
    with (
        closing(sqlite3.connect(tmp_path / "ledger.db")) as ledger,
        closing(sqlite3.connect(before)) as copy,
    ):
        ledger.backup(copy)
    old = last_line(engine)
    write_runs(engine, 1)
    new = last_line(engine)
    assert verify(engine, anchors=[old, new, Anchor.of(str(new))]).is_sound

    replace(engine, tmp_path, before)
    file.write_bytes(seals)

    assert verify(engine, anchors=[old]).is_sound
    assert verify(engine, anchors=[new]).places == [
        Place("chain", new.seq, "missing: it was noted elsewhere")
    ]
    write_runs(engine, 1)
    assert verify(engine, anchors=[new]).places == [
        Place("chain", new.seq, "is not the line that was noted elsewhere")
    ]


@pytest.mark.parametrize(
    "text", ["", "5", "5:abc", "x:0123456789ab", "5:0123456789ag", "5:" + "0" * 65]
)
def test_an_anchor_that_cannot_be_one_is_refused(tmp_path: Path, text: str) -> None:
    """A part of a hash that is too short would prove nothing."""
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    open_database(url).dispose()

    ended = CliRunner().invoke(audit, ["verify", "--anchor", text, "--ledger-url", url])

    assert (ended.exit_code, "NUMBER:HASH" in ended.output) == (2, True)
