"""A throw-away PostgreSQL: Debian's own programs, a folder of its own, a free port of loopback."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Self

from sqlalchemy import create_engine, text

if TYPE_CHECKING:
    from collections.abc import Sequence

_PATIENCE = 60.0  # seconds


def programs() -> Path | None:
    """The folder of the newest `initdb` and `postgres`; None where there is none."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda each: each.parts[4])
    return found[-1].parent if found else None


def pooler() -> str | None:
    """The program of PgBouncer; None where there is none."""
    return shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


def _user() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        return pwd.getpwnam("nobody")


def as_user(command: Sequence[str]) -> list[str]:
    """A command for a process that is not root's."""
    if os.geteuid() != 0:
        return list(command)
    user = _user()
    ids = [f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
    return ["setpriv", *ids, *command]


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


class Cluster:
    """A server that lives as long as the `with` around it."""

    def __init__(self, bin_folder: Path) -> None:
        self._bin = bin_folder
        self._made = 0

    def __enter__(self) -> Self:
        """Make the cluster and start it."""
        self._folder = Path(tempfile.mkdtemp(prefix="postgresql-", dir="/tmp"))
        if os.geteuid() == 0:  # the server refuses to run as root
            user = _user()
            os.chown(self._folder, user.pw_uid, user.pw_gid)
        data = self._folder / "data"
        self._run(["initdb", "-D", str(data), "-U", "ledger", "-A", "trust", "-E", "UTF8", "-N"])
        self._port = _free_port()
        options = ["-D", str(data), "-p", str(self._port), "-k", str(self._folder)]
        quick = ["-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", "-c", "max_connections=40"]
        self._log = (self._folder / "log").open("wb")
        self._process = subprocess.Popen(
            self._as_user(["postgres", *options, *quick]), stdout=self._log, stderr=self._log
        )
        self._wait()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop it, and take everything away."""
        self._process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=_PATIENCE)
        self._process.kill()
        self._process.wait(timeout=_PATIENCE)
        self._log.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def database(self, template: str | None = None) -> str:
        """The address of a new database, empty or a copy of another one of this cluster."""
        self._made += 1
        name = f"ledger{self._made}"
        self.execute(f"CREATE DATABASE {name}" + (f" TEMPLATE {template}" if template else ""))
        return self.url(name)

    def url(self, name: str) -> str:
        """The address of a database."""
        return f"postgresql+psycopg://ledger@127.0.0.1:{self._port}/{name}"

    def drop_connections(self, name: str) -> None:
        """End all connections to a database from the server's side."""
        self.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "  # noqa: S608 - our own name
            f"WHERE datname = '{name}' AND pid <> pg_backend_pid()"
        )

    def execute(self, statement: str) -> None:
        """Run a statement of the server's own, outside of any transaction."""
        engine = create_engine(self.url("postgres"), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(statement))
        engine.dispose()

    @property
    def port(self) -> int:
        """The server's port."""
        return self._port

    def _as_user(self, command: Sequence[str]) -> list[str]:
        return as_user([str(self._bin / command[0]), *command[1:]])

    def _run(self, command: Sequence[str]) -> None:
        subprocess.run(self._as_user(command), check=True, capture_output=True, cwd=self._folder)

    def _wait(self) -> None:
        until = time.monotonic() + _PATIENCE
        while time.monotonic() < until:
            with suppress(OSError), socket.create_connection(("127.0.0.1", self._port), timeout=1):
                break
            if self._process.poll() is not None:
                break
            time.sleep(0.05)
        while True:  # it takes connections before it takes statements
            try:
                self.execute("SELECT 1")
            except Exception:
                if time.monotonic() > until or self._process.poll() is not None:
                    raise
                time.sleep(0.05)
            else:
                return


class Pooler:
    """PgBouncer in transaction mode before a cluster, as long as the `with` around it."""

    def __init__(self, program: str, cluster: Cluster) -> None:
        self._program, self._cluster = program, cluster

    def __enter__(self) -> Self:
        """Start it with two connections to the server, which all clients share."""
        self._folder = Path(tempfile.mkdtemp(prefix="pgbouncer-", dir="/tmp"))
        self._port = _free_port()
        settings = self._folder / "pgbouncer.ini"
        settings.write_text(
            f"""[databases]
* = host=127.0.0.1 port={self._cluster.port} user=ledger
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {self._port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 2
max_client_conn = 100
"""
        )
        if os.geteuid() == 0:
            os.chown(self._folder, _user().pw_uid, _user().pw_gid)
            settings.chmod(0o644)
        self._log = (self._folder / "log").open("wb")
        self._process = subprocess.Popen(
            as_user([self._program, str(settings)]), stdout=self._log, stderr=self._log
        )
        until = time.monotonic() + _PATIENCE
        while time.monotonic() < until and self._process.poll() is None:
            with suppress(OSError), socket.create_connection(("127.0.0.1", self._port), timeout=1):
                return self
            time.sleep(0.05)
        raise RuntimeError((self._folder / "log").read_text())

    def __exit__(self, *_: object) -> None:
        """Stop it, and take everything away."""
        self._process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=_PATIENCE)
        self._process.kill()
        self._process.wait(timeout=_PATIENCE)
        self._log.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def url(self, address: str) -> str:
        """A database's address by way of the pooler."""
        return address.replace(f":{self._cluster.port}/", f":{self._port}/")
