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


class Cluster:
    """A server that lives as long as the `with` around it."""

    def __init__(self, bin_folder: Path) -> None:
        self._bin = bin_folder
        self._made = 0

    def __enter__(self) -> Self:
        """Make the cluster and start it."""
        self._folder = Path(tempfile.mkdtemp(prefix="postgresql-", dir="/tmp"))
        if os.geteuid() == 0:  # the server refuses to run as root
            user = self._user()
            os.chown(self._folder, user.pw_uid, user.pw_gid)
        data = self._folder / "data"
        self._run(["initdb", "-D", str(data), "-U", "ledger", "-A", "trust", "-E", "UTF8", "-N"])
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
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

    def execute(self, statement: str) -> None:
        """Run a statement of the server's own, outside of any transaction."""
        engine = create_engine(self.url("postgres"), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(statement))
        engine.dispose()

    def _user(self) -> pwd.struct_passwd:
        try:
            return pwd.getpwnam("postgres")
        except KeyError:
            return pwd.getpwnam("nobody")

    def _as_user(self, command: Sequence[str]) -> list[str]:
        program = [str(self._bin / command[0]), *command[1:]]
        if os.geteuid() != 0:
            return program
        user = self._user()
        ids = [f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
        return ["setpriv", *ids, *program]

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
