"""A PostgreSQL of the benchmarks' own, durable as a host would run it; it starts and ends with the run."""

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType

import psycopg
from psycopg.sql import SQL, Identifier

from tests.benchmarks.measure import CannotRun

_START_SECONDS = 30


class Postgres:
    """A running server that nobody else can reach; as a context manager it ends with its block."""

    def __init__(self) -> None:
        named = shutil.which("initdb")
        folders = [file.parent for file in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
        newest = max(folders, key=lambda folder: int(folder.parent.name), default=None)
        found = Path(named).parent if named else newest
        if found is None:
            raise CannotRun("no PostgreSQL: neither initdb on PATH nor /usr/lib/postgresql/*/bin")
        self._binaries = found
        # PostgreSQL refuses root.
        self._owner = "postgres" if os.geteuid() == 0 else None

    def __enter__(self) -> "Postgres":
        self._folder = Path(tempfile.mkdtemp(prefix="fc-bench-pg-"))
        if self._owner is not None:
            account = pwd.getpwnam(self._owner)
            os.chown(self._folder, account.pw_uid, account.pw_gid)
        data = self._folder / "data"
        owner = self._owner
        others: list[str] | None = [] if owner else None
        subprocess.run(
            [self._binaries / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8",
             "--locale=C.UTF-8"],
            check=True, capture_output=True, cwd=self._folder, user=owner, group=owner, extra_groups=others,
        )  # fmt: skip
        with (self._folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [self._binaries / "postgres", "-D", data, f"--unix_socket_directories={self._folder}",
                 "--listen_addresses=", "--shared_buffers=256MB", "--max_connections=100"],
                stdout=log, stderr=log, cwd=self._folder, user=owner, group=owner, extra_groups=others,
            )  # fmt: skip
        ends = time.monotonic() + _START_SECONDS
        while True:
            try:
                self._admin().close()
            except psycopg.OperationalError as error:
                if self._process.poll() is not None or time.monotonic() > ends:
                    raise CannotRun(f"PostgreSQL did not start: {error}") from error
                time.sleep(0.05)
            else:
                return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._process.send_signal(2)  # SIGINT disconnects clients, SIGTERM would wait for them
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _admin(self) -> "psycopg.Connection[tuple[object, ...]]":
        return psycopg.connect(host=str(self._folder), user="postgres", dbname="postgres", autocommit=True)

    def url(self, name: str) -> str:
        """The database `name` as the settings have it."""
        return f"postgresql://postgres@/{name}?host={self._folder}"

    def create(self, name: str, *, template: str | None = None) -> str:
        """Makes a database, empty or a copy of the one at the URL `template`; gives its URL."""
        source = _name_in(template) if template else "template0"
        made = SQL("CREATE DATABASE {} TEMPLATE {}").format(Identifier(name), Identifier(source))
        with self._admin() as connection:
            connection.execute(made)
        return self.url(name)

    def drop(self, url: str) -> None:
        """Removes the database at a URL, whoever is still connected."""
        gone = SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(Identifier(_name_in(url)))
        with self._admin() as connection:
            connection.execute(gone)


def _name_in(url: str) -> str:
    return url.partition("@/")[2].partition("?")[0]
