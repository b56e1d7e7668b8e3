"""Which version of the tables a ledger has, and how it comes to have the newest one.

Alembic takes a quarter of a second to import: it is asked only where a ledger is of an earlier
version. A new one is made at the newest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection, inspect, text

from target_monday.errors import LedgerFailed
from target_monday.ledger.sealed import begin_chain, writing
from target_monday.ledger.tables import METADATA

if TYPE_CHECKING:
    from sqlalchemy import Engine

__all__ = ["HEAD", "bring_up", "revision_of", "schema_kind"]

HEAD: Final = "0010"
_FIRST: Final = "0001"  # tables without a note of their version are of this one
_LOCK: Final = 5_023_711  # any number, as long as all who make tables take the same


def bring_up(engine: Engine, *, read_only: bool = False) -> None:
    """Make the tables, or change them to what this version expects; once, whoever comes first.

    Raises LedgerFailed for a ledger of a later version, one of an earlier version that is
    `read_only`, or a database that holds something else.
    """
    with engine.connect() as connection:
        found = revision_of(connection)
    if found == HEAD:
        return
    if read_only:
        raise LedgerFailed(
            f"The ledger is of version {found or '(none)'}, this program reads {HEAD}, and a "
            "read-only file cannot be brought up to it. Copy it to a folder that is writable and "
            "name the copy by `--ledger-url`."
        )
    with engine.connect() as plain:
        connection = plain.execution_options(ledger="durable")
        if engine.dialect.name == "sqlite":  # tables that others refer to are rebuilt
            _set_foreign_keys(plain, on=False)
        with connection.begin():
            if connection.dialect.name == "postgresql":
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
            found = revision_of(connection)  # another process may have been faster
            if found is None:
                METADATA.create_all(connection)
                connection.exec_driver_sql(
                    "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, "
                    "CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
                )
                note = text("INSERT INTO alembic_version VALUES (:revision)")
                connection.execute(note, {"revision": HEAD})
                begin_chain(connection, schema_kind(HEAD))
            elif found != HEAD:
                _migrate(connection, found)
                if not _has_chain(found):
                    begin_chain(connection, schema_kind(HEAD))
        if engine.dialect.name == "sqlite":
            _set_foreign_keys(plain, on=True)
    if found not in (None, HEAD) and _has_chain(str(found)):
        with writing(engine, schema_kind(HEAD)) as ledger:
            ledger.mark()


def _set_foreign_keys(connection: Connection, *, on: bool) -> None:
    raw = connection.connection.driver_connection
    if raw is not None:
        raw.execute(f"PRAGMA foreign_keys={'ON' if on else 'OFF'}")


def _has_chain(revision: str) -> bool:
    return revision > _FIRST


def schema_kind(revision: str) -> str:
    """What the chain says where a ledger came to have a revision."""
    return f"schema {revision}"


def revision_of(connection: Connection) -> str | None:
    """The revision of the tables; None if there are none. Raises LedgerFailed for other tables."""
    names = set(inspect(connection).get_table_names())
    if "alembic_version" in names:
        rows = connection.execute(text("SELECT version_num FROM alembic_version")).scalars().all()
        known = [str(row) for row in rows]
        if len(known) != 1 or not _FIRST <= known[0] <= HEAD:
            raise LedgerFailed(
                f"The ledger's tables are of version {', '.join(known) or '(none)'}, this program "
                f"knows {_FIRST} to {HEAD}: it is of a later one, or the note was altered."
            )
        return known[0]
    if not names:
        return None
    if {"items", "requests", "runs"} <= names:
        return _FIRST
    raise LedgerFailed("The database holds tables that are no ledger: give it one of its own.")


def _migrate(connection: Connection, revision: str) -> None:
    from alembic import command  # noqa: PLC0415 - it costs more than the start of a run may
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", "target_monday.ledger:migrations")
    config.attributes["connection"] = connection
    if revision == _FIRST:
        command.stamp(config, _FIRST)
    command.upgrade(config, HEAD)
