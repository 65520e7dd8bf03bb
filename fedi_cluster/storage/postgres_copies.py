"""Copies of a PostgreSQL database by its own pg_dump and pg_restore; no password stands on a command line."""

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from itertools import chain, count
from pathlib import Path

import sqlalchemy
from sqlalchemy import Connection

from fedi_cluster.kernel.errors import ClusterError
from fedi_cluster.storage.copy_shapes import Contents, DamagedCopy, InUse, NotEmpty
from fedi_cluster.storage.disk import sync
from fedi_cluster.storage.engine import open_engine

_ASIDE = "before_restore_"
_FOLDERS = Path("/usr/lib/postgresql")


class MissingProgram(ClusterError):
    """PostgreSQL's own programs are not on this machine, or too old for the server."""


class PostgresPlace:
    """A PostgreSQL database; its tables are in the schema `public`."""

    engine = "postgresql"
    file_name = "database.dump"

    def __init__(self, url: str) -> None:
        self.url = url

    def size(self) -> int:
        """What the tables take on the server's disk without their indexes: a dump is smaller."""
        query = (
            "SELECT sum(pg_table_size(oid)) FROM pg_class"
            " WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
        )
        with self._connected() as connection:
            found = connection.scalar(sqlalchemy.text(query))
        return int(found or 0)

    def contents(self) -> Contents:
        """What is in the database now."""
        with self._connected() as connection:
            return _contents(connection)

    def take(self, target: Path) -> Contents:
        """One snapshot for our counts and for pg_dump.

        DEFERRABLE waits for a moment in which no serializable writer can make the snapshot a state that never
        was; then nothing that happens later matters.
        """
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        with self._connected() as connection, connection.begin():
            connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE, READ ONLY, DEFERRABLE")
            snapshot = connection.scalar(sqlalchemy.text("SELECT pg_export_snapshot()"))
            contents = _contents(connection)
            self._run(
                "pg_dump",
                "--format=custom",
                "--no-owner",
                "--no-privileges",
                f"--exclude-schema={_ASIDE}*",
                f"--snapshot={snapshot}",
                f"--file={target}",
                database=True,
            )
        sync(target)
        return contents

    def examine(self, file: Path) -> None:
        """pg_restore reads the list and every row, and writes them nowhere."""
        try:
            listed = self._run("pg_restore", "--list", str(file))
            self._run("pg_restore", "--file=/dev/null", str(file))
        except MissingProgram:
            raise
        except ClusterError as error:
            raise DamagedCopy(f"The copy {file} is damaged: {error.detail}") from error
        if "TABLE DATA" not in listed:
            raise DamagedCopy(f"The copy {file} is damaged: it has no tables.")

    def put_back(
        self, file: Path, prepare: Callable[[str], None], *, stamp: str, replace: bool
    ) -> str | None:
        """Into the empty schema `public`; one that has tables is renamed first, and back where it fails."""
        self.examine(file)
        with self._connected() as connection, connection.begin():
            aside = _free_name(connection, f"{_ASIDE}{stamp.lower()}")
            there = bool(_tables(connection))
            if there and not replace:
                raise NotEmpty(
                    "The database of database_url has tables already; --replace moves them aside (into a "
                    "schema of another name) and takes the copy."
                )
            _refuse_in_use(connection)
            if there:
                connection.exec_driver_sql(f'ALTER SCHEMA public RENAME TO "{aside}"')
                connection.exec_driver_sql("CREATE SCHEMA public")
        try:
            self._run(
                "pg_restore",
                "--no-owner",
                "--no-privileges",
                "--exit-on-error",
                "--single-transaction",
                str(file),
                database=True,
            )
            prepare(self.url)
        except BaseException:
            self._undo(aside if there else None)
            raise
        return f"schema {aside}" if there else None

    def _undo(self, aside: str | None) -> None:
        """Drop the tables that were put back into the empty `public`, and give it its old name again."""
        with self._connected() as connection, connection.begin():
            if tables := _tables(connection):
                names = ", ".join(f'public."{name}"' for name in tables)
                connection.exec_driver_sql(f"DROP TABLE {names} CASCADE")
            if aside:
                connection.exec_driver_sql("DROP SCHEMA public")
                connection.exec_driver_sql(f'ALTER SCHEMA "{aside}" RENAME TO public')

    @contextmanager
    def _connected(self) -> Iterator[Connection]:
        engine = open_engine(self.url, connections=1)
        try:
            with engine.connect() as connection:
                yield connection
        finally:
            engine.dispose()

    @cached_property
    def _server(self) -> int:
        """The major version of the server."""
        with self._connected() as connection:
            info = getattr(connection.connection.dbapi_connection, "info", None)
            return int(getattr(info, "server_version", 0)) // 10_000

    def _run(self, name: str, *arguments: str, database: bool = False) -> str:
        """What the program says; `database`: it is told where ours is. Raises ClusterError with its fault."""
        command = [str(_program(name, self._server)), *arguments]
        environment = dict(os.environ)
        if database:
            place, password = _place_and_password(self.url)
            command.append(f"--dbname={place}")
            if password:
                environment["PGPASSWORD"] = password
        done = subprocess.run(  # noqa: S603 - a program of PostgreSQL, arguments of our own
            command, check=False, capture_output=True, text=True, env=environment, stdin=subprocess.DEVNULL
        )
        if done.returncode:
            said = " ".join(done.stderr.split())
            raise ClusterError(f"{name} failed: {said}", detail=said)
        return done.stdout


def _place_and_password(url: str) -> tuple[str, str | None]:
    """How libpq is told where the database is, without the password, and the password."""
    from psycopg.conninfo import make_conninfo

    parsed = sqlalchemy.make_url(url).set(drivername="postgresql+psycopg")
    _, given = parsed.get_dialect()().create_connect_args(parsed)
    password = given.pop("password", None)
    return make_conninfo("", **given), str(password) if password else None


def _program(name: str, server: int) -> Path:
    """The oldest that is not older than the server: a newer one may write what the server cannot read."""
    found = [
        (int(file.parent.parent.name), file)
        for file in _FOLDERS.glob(f"*/bin/{name}")
        if file.parent.parent.name.isdecimal()
    ]
    on_path = shutil.which(name)
    if on_path and server not in dict(found):
        found.append((_major(on_path), Path(on_path)))
    fit = [(major, file) for major, file in found if major >= server]
    if fit:
        return min(fit)[1]
    if found:
        raise MissingProgram(f"{name} is older than the server; install postgresql-client-{server}.")
    raise MissingProgram(
        f"{name} is not on this machine, neither on PATH nor in {_FOLDERS}/*/bin; "
        f"install postgresql-client-{server}."
    )


def _major(program: str) -> int:
    """The version that a program says of itself: `pg_dump (PostgreSQL) 15.13` is 15."""
    done = subprocess.run([program, "--version"], check=False, capture_output=True, text=True)  # noqa: S603
    said = re.search(r"\d+", done.stdout)
    return int(said[0]) if said else 0


def _free_name(connection: Connection, name: str) -> str:
    """A name that no schema has, also where another restore was a moment ago."""
    taken = set(connection.scalars(sqlalchemy.text("SELECT nspname FROM pg_namespace")))
    return next(one for one in chain((name,), (f"{name}_{n}" for n in count(2))) if one not in taken)


def _tables(connection: Connection) -> list[str]:
    query = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename"
    return list(connection.scalars(sqlalchemy.text(query)))


def _contents(connection: Connection) -> Contents:
    counts: dict[str, int] = {}
    for name in _tables(connection):
        counts[name] = int(connection.scalar(sqlalchemy.text(f'SELECT count(*) FROM public."{name}"')) or 0)  # noqa: S608
    schema = None
    if counts.pop("alembic_version", 0):
        schema = connection.scalar(sqlalchemy.text("SELECT version_num FROM public.alembic_version"))
    return Contents(schema, counts)


def _refuse_in_use(connection: Connection) -> None:
    others = connection.scalar(
        sqlalchemy.text(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND application_name LIKE 'fedi-cluster%' AND pid <> pg_backend_pid()"
        )
    )
    if others:
        raise InUse(
            f"The database is in use ({others} connections); stop the servers and “fedi-cluster work” first."
        )
