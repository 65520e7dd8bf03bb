"""Databases for tests: an empty or a migrated one for each test, on SQLite and on a private PostgreSQL.

The PostgreSQL is started here from the binaries of the machine, in a folder of its own, and stopped at the
end; without binaries its tests are skipped with the reason, in CI they fail.
"""

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from fedi_cluster.storage import migrate

_START_SECONDS = 30
_ROOM = 1 << 30


@dataclass
class PostgresServer:
    """A running server without durability; `folder` has its socket."""

    folder: Path
    made: int = 0

    def url(self, name: str) -> str:
        """The database `name` as a URL for `open_engine`."""
        return f"postgresql://postgres@/{name}?host={self.folder}"

    def admin(self) -> "psycopg.Connection[tuple[object, ...]]":
        """A connection that makes and drops databases."""
        return psycopg.connect(host=str(self.folder), user="postgres", dbname="postgres", autocommit=True)

    def create(self, template: str = "template0") -> str:
        """Make a fresh database from a template; gives its name."""
        self.made += 1
        name = f"test_{self.made}"
        with self.admin() as connection:
            connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY = FILE_COPY')
        return name

    def drop(self, name: str) -> None:
        """Remove a database, whoever is still connected."""
        with self.admin() as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def binaries() -> Path | None:
    """The folder of `initdb` and `postgres`: on PATH, or the newest of Debian's."""
    found = shutil.which("initdb")
    if found and (Path(found).parent / "postgres").exists():
        return Path(found).parent
    folders = [file.parent for file in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    return max(folders, key=lambda folder: int(folder.parent.name), default=None)


def _owner() -> str | None:
    """Who runs the server: as root the user `postgres`, since PostgreSQL refuses root; else ourselves."""
    return "postgres" if os.geteuid() == 0 else None


def _memory() -> Path | None:
    """A folder in memory with room for a server: databases are made there twenty times faster."""
    folder = Path("/dev/shm")
    roomy = os.access(folder, os.W_OK) and shutil.disk_usage(folder).free > _ROOM
    return folder if roomy else None


def _cannot(reason: str) -> None:
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """One server for the session (for each worker, where several run)."""
    found = binaries()
    if found is None:
        _cannot("no PostgreSQL: neither initdb on PATH nor /usr/lib/postgresql/*/bin")
    assert found is not None
    owner = _owner()
    folder = Path(tempfile.mkdtemp(prefix="fc-pg-", dir=_memory()))
    try:
        if owner is not None:
            try:
                account = pwd.getpwnam(owner)
            except KeyError:
                _cannot("as root, PostgreSQL needs a user named postgres")
            os.chown(folder, account.pw_uid, account.pw_gid)
        yield from _running(found, folder, owner)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _running(binaries: Path, folder: Path, owner: str | None) -> Iterator[PostgresServer]:
    data = folder / "data"
    subprocess.run(
        [
            binaries / "initdb",
            "-D",
            data,
            "-U",
            "postgres",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C.UTF-8",
            "-N",
        ],
        check=True,
        capture_output=True,
        user=owner,
        group=owner,
        extra_groups=None if owner is None else [],
        cwd=folder,
    )
    settings = {
        "unix_socket_directories": str(folder),
        "listen_addresses": "",
        "fsync": "off",
        "full_page_writes": "off",
        "synchronous_commit": "off",
        "shared_buffers": "32MB",
        "max_connections": "100",
        "autovacuum": "off",
        "timezone": "Europe/Vilnius",  # not UTC: a moment that loses its zone on the way shows
    }
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [binaries / "postgres", "-D", data, *(f"--{name}={value}" for name, value in settings.items())],
            stdout=output,
            stderr=output,
            user=owner,
            group=owner,
            extra_groups=None if owner is None else [],
            cwd=folder,
        )
    server = PostgresServer(folder)
    try:
        _wait(server, process, log)
        yield server
    finally:
        process.terminate()
        try:
            process.wait(3)
        except subprocess.TimeoutExpired:
            # SIGTERM waits for clients; SIGINT disconnects them.
            process.send_signal(2)
            process.wait(10)


def _wait(server: PostgresServer, process: "subprocess.Popen[bytes]", log: Path) -> None:
    until = time.monotonic() + _START_SECONDS
    while True:
        try:
            server.admin().close()
        except psycopg.OperationalError:
            if process.poll() is not None or time.monotonic() > until:
                pytest.fail(f"PostgreSQL did not start:\n{log.read_text(errors='replace')}")
            time.sleep(0.05)
        else:
            return


_ENGINES = [
    pytest.param("sqlite", id="sqlite"),
    pytest.param("postgresql", id="postgresql", marks=pytest.mark.postgres),
]


@pytest.fixture(params=_ENGINES)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty database; the test runs once on each engine."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/empty.db"
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    name = server.create()
    yield server.url(name)
    server.drop(name)


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One migrated SQLite file, closed; it is copied and never opened again."""
    file = tmp_path_factory.mktemp("migrated") / "migrated.db"
    migrate.upgrade(f"sqlite:///{file}")
    assert not file.with_name("migrated.db-wal").exists()
    return file


@pytest.fixture(scope="session")
def migrated_postgres(postgres_server: PostgresServer) -> str:
    """The name of a migrated database that serves as a template."""
    name = postgres_server.create()
    migrate.upgrade(postgres_server.url(name))
    return name


@pytest.fixture(params=_ENGINES)
def migrated_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database with all tables and no rows; the test runs once on each engine."""
    if request.param == "sqlite":
        file = tmp_path / "fedi-cluster.db"
        shutil.copyfile(request.getfixturevalue("migrated_sqlite"), file)
        yield f"sqlite:///{file}"
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    name = server.create(template=request.getfixturevalue("migrated_postgres"))
    yield server.url(name)
    server.drop(name)
