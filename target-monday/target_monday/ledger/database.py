"""The ledger's database: where it is, and how it is opened."""

from __future__ import annotations

import logging
import os
import re
import sqlite3
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, SQLAlchemyError

from target_monday.errors import LedgerFailed, RunFailed, SettingsFault
from target_monday.ledger.revisions import bring_up
from target_monday.ledger.sealed import REDACT
from target_monday.ledger.seals import seals_beside
from target_monday.private import create_private, make_private_folder
from target_monday.redaction import Redactor

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["default_ledger_url", "open_database", "project_folder"]

_BUSY_SECONDS: Final = 30
_CACHE_KILOBYTES: Final = 4_000  # of pages that are kept: memory does not grow with the ledger
_log = logging.getLogger("target-monday")
# Of a connection to PostgreSQL, in libpq's words: seconds, but the last in milliseconds.
_ALIVE: Final[Mapping[str, int]] = {
    "connect_timeout": 30,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
_LIBPQ: Final = frozenset({"psycopg", "psycopg2"})  # drivers that take these words
_PROJECT: Final = "meltano.yml"
_DEFAULT_ENVIRONMENT: Final = re.compile(r"^default_environment:\s*['\"]?([\w.-]+)", re.MULTILINE)


def default_ledger_url(
    variables: Mapping[str, str] | None = None,
    folder: Path | None = None,
    *,
    environment: str | None = None,
) -> str:
    """A SQLite file below the Meltano project's `.meltano`, else in the working directory.

    Meltano tells its plugins where the project is and which environment runs. By hand, the project
    is the one that `folder` (the working directory) lies in, and its environment the one that it
    runs by default or, if it names none, the only one that has a ledger.
    """
    values = os.environ if variables is None else variables
    here = folder or Path.cwd()
    told = values.get("MELTANO_PROJECT_ROOT")
    root = Path(told) if told else project_folder(here)
    if root is None:
        return f"sqlite:///{here / 'target-monday.db'}"
    ledgers = root / ".meltano" / "target-monday"
    name = environment or values.get("MELTANO_ENVIRONMENT")
    if not name and not told:
        name = _default_environment(root) or _only_ledger(ledgers)
    name = name or "default"
    return f"sqlite:///{ledgers / f'ledger-{name}.db'}"


def project_folder(folder: Path) -> Path | None:
    """The Meltano project that a folder lies in."""
    return next((each for each in (folder, *folder.parents) if (each / _PROJECT).is_file()), None)


def _default_environment(root: Path) -> str | None:
    text = (root / _PROJECT).read_text(encoding="utf-8", errors="replace")
    found = _DEFAULT_ENVIRONMENT.search(text)
    return found[1] if found else None


def _only_ledger(folder: Path) -> str | None:
    names = [path.stem.removeprefix("ledger-") for path in folder.glob("ledger-*.db")]
    return names[0] if len(names) == 1 else None


def open_database(
    url: str, *, create: bool = True, as_is: bool = False, redact: Redactor | None = None
) -> Engine:
    """The database with its tables, those of an earlier version brought up to this one.

    `as_is`: take it as it is, for whoever wants to see what is wrong with it. `redact`: what
    diagnostics pass on their way into it, by default without knowing a secret. Raises
    SettingsFault for a bad address, LedgerFailed where there is a database that is no ledger, a
    damaged one or one of a later version, RunFailed for other reasons.
    """
    try:
        address = make_url(url)
        _make_folder(address, create=create)
        path = _file_of(address)
        read_only = path is not None and not create and not _is_writable(path)
        options = {REDACT: redact or Redactor()}
        engine = create_engine(
            address, execution_options=options, **_pool(address, path if read_only else None)
        )
        if engine.dialect.name == "sqlite":
            event.listen(engine, "connect", _prepare_reading if read_only else _prepare_sqlite)
            event.listen(engine, "begin", _begin_sqlite)
        if not as_is:
            bring_up(engine, read_only=read_only)
    except (ArgumentError, ImportError) as error:
        raise SettingsFault([f"`ledger_url` cannot be used: {_first_line(error)}."]) from error
    except DatabaseError as error:
        raise LedgerFailed(
            f"The ledger at {_shown(address)} cannot be opened: {_first_line(error)}. "
            f"{_advice(error)}"
        ) from error
    except (SQLAlchemyError, OSError) as error:
        raise RunFailed(f"The ledger cannot be opened: {_first_line(error)}.") from error
    return engine


def _shown(address: URL) -> str:
    """The address for people: where the database is, without user, password and parameters."""
    return address.set(username=None, password=None, query={}).render_as_string()


def _file_of(address: URL) -> Path | None:
    """The file of a ledger in SQLite; None for one in memory or on a server."""
    database = address.database
    if address.get_backend_name() != "sqlite" or not database or database == ":memory:":
        return None
    return Path(database)


def _is_writable(path: Path) -> bool:
    """Whether SQLite can write to a file, beside which it keeps its write-ahead log."""
    return os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)


def _pool(address: URL, read_only: Path | None) -> dict[str, Any]:
    """Return what `create_engine` needs besides the address.

    Behind a pooler in transaction mode (PgBouncer) each transaction may have another connection to
    the server, so nothing is prepared there. A connection that was dropped while it was idle is
    replaced before it is used, and one that is dead is given up after half a minute.
    """
    if read_only is not None:
        return {"creator": partial(_open_read_only, read_only)}
    if address.get_backend_name() != "postgresql":
        return {}
    driver = address.get_driver_name()
    arguments: dict[str, Any] = {"prepare_threshold": None} if driver == "psycopg" else {}
    if driver in _LIBPQ:
        arguments |= {name: each for name, each in _ALIVE.items() if name not in address.query}
    return {"pool_pre_ping": True, "connect_args": arguments}


def _open_read_only(path: Path) -> sqlite3.Connection:
    """Open a file that cannot be written: as another process leaves it, else as it stands.

    Raises LedgerFailed where its newest changes are in a log that cannot be applied.
    """
    try:
        return _opened(path, "mode=ro")
    except sqlite3.OperationalError:
        log = path.with_name(f"{path.name}-wal")
        if log.exists() and log.stat().st_size:
            raise LedgerFailed(
                f"The ledger at {path} is read-only, and its newest changes are in {log.name}, "
                "which SQLite applies only where it may write. Copy both files to a folder that is "
                "writable and name the copy by `--ledger-url`."
            ) from None
        return _opened(path, "mode=ro&immutable=1")


def _opened(path: Path, query: str) -> sqlite3.Connection:
    address = f"file:{quote(str(path.absolute()))}?{query}"
    connection = sqlite3.connect(address, uri=True, check_same_thread=False)
    try:
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _advice(error: DatabaseError) -> str:
    """Return what to do about a database that cannot be opened, by what is wrong with it."""
    name = getattr(error.orig, "sqlite_errorname", "")
    if name in {"SQLITE_CORRUPT", "SQLITE_NOTADB"}:
        return (
            "If it is damaged, restore it from a backup, or move it away: the next run then reads "
            "the boards back and starts a new one."
        )
    if name.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM")):
        return "Nothing was sent. Make the file and its folder writable, or change `ledger_url`."
    return "Nothing was sent. Check the database and `ledger_url`."


def _make_folder(address: URL, *, create: bool) -> None:
    if address.get_backend_name() != "sqlite" or not address.database:
        return
    path = Path(address.database)
    seals = seals_beside(address)
    if path.exists():
        if seals is not None and seals.exists() and path.stat().st_size == 0:
            raise LedgerFailed(
                f"The ledger at {path} is empty, but runs have ended in it ({seals.name} says so): "
                "restore it from a backup, or move both files away to start a new one."
            )
        return
    if not create:
        raise RunFailed(_no_ledger(path))
    make_private_folder(path.parent)
    if seals is not None and seals.exists():
        kept = seals.with_suffix(f".before-{time.time():.0f}.jsonl")
        seals.rename(kept)
        _log.warning(
            "ledger.lost path=%s: a new one is begun; the seals of the old are in %s",
            *(path, kept.name),
        )
    create_private(path)


def _no_ledger(path: Path) -> str:
    others = ", ".join(sorted(each.name for each in path.parent.glob("*.db")))
    hint = f" There are: {others}. Name one by `--environment` or `--ledger-url`." if others else ""
    return f"There is no ledger at {path}.{hint}"


def _prepare_reading(connection: Any, _: object) -> None:
    connection.isolation_level = None  # transactions are begun by `_begin_sqlite`
    connection.execute(f"PRAGMA busy_timeout={_BUSY_SECONDS * 1000}")


def _prepare_sqlite(connection: Any, record: object) -> None:
    _prepare_reading(connection, record)
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute(f"PRAGMA cache_size=-{_CACHE_KILOBYTES}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    """Writers take their place at once; a durable one is on the disk when it has ended."""
    kind = connection.get_execution_options().get("ledger")
    if kind is None:
        connection.exec_driver_sql("BEGIN")
        return
    connection.exec_driver_sql(f"PRAGMA synchronous={'FULL' if kind == 'durable' else 'NORMAL'}")
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0].rstrip(".")
