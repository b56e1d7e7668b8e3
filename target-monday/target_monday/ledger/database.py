"""The ledger's database: where it is, and how it is opened."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import URL, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from target_monday.errors import RunFailed, SettingsFault
from target_monday.ledger.tables import METADATA

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["default_ledger_url", "open_database"]

_BUSY_SECONDS: Final = 30


def default_ledger_url(environment: Mapping[str, str] | None = None) -> str:
    """A SQLite file below the Meltano project's `.meltano`, else in the working directory."""
    values = os.environ if environment is None else environment
    root = values.get("MELTANO_PROJECT_ROOT")
    if not root:
        return f"sqlite:///{Path.cwd() / 'target-monday.db'}"
    name = values.get("MELTANO_ENVIRONMENT") or "default"
    return f"sqlite:///{Path(root) / '.meltano' / 'target-monday' / f'ledger-{name}.db'}"


def open_database(url: str, *, create: bool = True) -> Engine:
    """The database with its tables. Raises SettingsFault for a bad address, RunFailed otherwise."""
    try:
        address = make_url(url)
        _make_folder(address, create=create)
        engine = create_engine(address)
        if engine.dialect.name == "sqlite":
            event.listen(engine, "connect", _prepare_sqlite)
        METADATA.create_all(engine)
    except (ArgumentError, ImportError) as error:
        raise SettingsFault([f"`ledger_url` cannot be used: {_first_line(error)}."]) from error
    except (SQLAlchemyError, OSError) as error:
        raise RunFailed(f"The ledger cannot be opened: {_first_line(error)}.") from error
    return engine


def _make_folder(address: URL, *, create: bool) -> None:
    if address.get_backend_name() != "sqlite" or not address.database:
        return
    path = Path(address.database)
    if create:
        path.parent.mkdir(parents=True, exist_ok=True)
    elif not path.exists():
        raise RunFailed(f"There is no ledger at {path}.")
    if create and not path.exists():
        path.touch(mode=0o600)  # payloads of rejects may be personal data


def _prepare_sqlite(connection: Any, _: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute(f"PRAGMA busy_timeout={_BUSY_SECONDS * 1000}")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0].rstrip(".")
