"""Opens a database by URL, one SQLite file or PostgreSQL; it refuses versions that can lose what is kept."""

import os
from pathlib import Path

import sqlalchemy
from sqlalchemy import URL, Engine, event
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry

from fedi_cluster.kernel.errors import ClusterError, Unavailable
from fedi_cluster.storage import apsw_dbapi

BUSY_SECONDS = 5.0
"""How long SQLite waits for another process that writes."""

READ_ONLY = "fedi_cluster_read_only"
"""Execution option of a connection: its transactions only read."""

_OLDEST_POSTGRES = 15
_BUSY_CODES = {5, 6, 13}  # SQLITE_BUSY, SQLITE_LOCKED, SQLITE_FULL

# The cache is per connection, in KiB when negative: a writer and three readers hold 16 MiB together.
_PRAGMAS = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    "PRAGMA temp_store = MEMORY",
    "PRAGMA cache_size = -4096",
    "PRAGMA journal_size_limit = 67108864",
)


class UnfitDatabase(ClusterError):
    """The database or its library is not one that we dare to use; the text says what to do."""


def is_sqlite(engine: Engine) -> bool:
    """Whether the engine is the embedded one."""
    return engine.dialect.name == "sqlite"


def open_engine(url: str, *, connections: int = 5) -> Engine:
    """An engine for `sqlite:///FILE` or `postgresql://…`; `connections` is how many it holds at most.

    On SQLite every transaction begins with BEGIN IMMEDIATE, unless the connection has the execution option
    `READ_ONLY`: a deferred one that reads and then writes fails at once where another process has written.
    Raises UnfitDatabase for another kind of URL, a missing folder, and a library that can lose commits.
    """
    try:
        parsed = sqlalchemy.make_url(url)
    except ArgumentError as error:
        raise UnfitDatabase(
            "The database URL cannot be read; write sqlite:///FILE or postgresql://USER@HOST/NAME."
        ) from error
    if parsed.drivername == "sqlite":
        return _open_sqlite(parsed, connections)
    if parsed.drivername in {"postgresql", "postgresql+psycopg"}:
        return _open_postgres(parsed.set(drivername="postgresql+psycopg"), connections)
    raise UnfitDatabase(
        f"The database {parsed.drivername} is not supported; use sqlite:///FILE or postgresql://USER@HOST/NAME."
    )


def check_sqlite(version: tuple[int, int, int]) -> None:
    """Raise UnfitDatabase where several connections to one WAL can lose commits.

    The fault of the WAL reset was repaired in SQLite 3.51.3, and in the back-ports 3.50.7 and 3.44.6.
    """
    fixed = version >= (3, 51, 3) or (3, 50, 7) <= version < (3, 51) or (3, 44, 6) <= version < (3, 45)
    if not fixed:
        raise UnfitDatabase(
            f"SQLite {'.'.join(map(str, version))} can lose committed data (its WAL-reset fault);"
            " install an apsw that brings SQLite 3.51.3 or newer: pip install --upgrade apsw."
        )


def check_postgres(version: int) -> None:
    """Raise UnfitDatabase for a server older than 15; `version` as the server counts: 150013 is 15.13."""
    if version // 10_000 < _OLDEST_POSTGRES:
        raise UnfitDatabase(
            f"PostgreSQL {version // 10_000} is too old; version {_OLDEST_POSTGRES} or newer is needed."
        )


def translated(error: BaseException) -> BaseException:
    """What to raise for `error`: Unavailable where the database is locked, full or away, else itself."""
    cause: BaseException | None = error  # a raw cursor raises the binding's own errors
    away = False
    if isinstance(error, DBAPIError):
        cause = error.orig
        psycopg = type(cause).__module__.startswith("psycopg") and isinstance(error, OperationalError)
        away = error.connection_invalidated or (psycopg and getattr(cause, "sqlstate", "") is None)
    busy = isinstance(cause, apsw_dbapi.Error) and cause.sqlite_errorcode & 0xFF in _BUSY_CODES
    if not busy and not away:
        return error
    fresh = Unavailable("The database is not available right now; please try again.", detail=str(cause))
    fresh.__cause__ = error
    return fresh


def _open_sqlite(url: URL, connections: int) -> Engine:
    check_sqlite(apsw_dbapi.sqlite_version_info)
    if not url.database or url.database == ":memory:":
        raise UnfitDatabase("An SQLite database needs a file: sqlite:///data/fedi-cluster.db.")
    file = Path(url.database).absolute()
    if not file.parent.is_dir():
        raise UnfitDatabase(f"The folder {file.parent} of the database does not exist; make it first.")
    try:
        # Private keys are inside: only the owner reads it. WAL and index take the rights of the main file.
        # A file that exists is never opened here: closing it would drop SQLite's own locks on it.
        os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        pass
    except OSError as error:
        raise UnfitDatabase(f"The database {file} cannot be made: {error.strerror}.") from error
    engine = sqlalchemy.create_engine(
        URL.create("sqlite", database=str(file)),
        module=apsw_dbapi,
        connect_args={"timeout": BUSY_SECONDS},
        pool_size=connections,
        max_overflow=-1,
        isolation_level="AUTOCOMMIT",
    )
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: apsw_dbapi.Connection, _entry: ConnectionPoolEntry) -> None:
    for pragma in _PRAGMAS:
        connection.execute(pragma).close()


def _begin_sqlite(connection: sqlalchemy.Connection) -> None:
    read_only = connection.get_execution_options().get(READ_ONLY, False)
    connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")


def _open_postgres(url: URL, connections: int) -> Engine:
    engine = sqlalchemy.create_engine(
        url,
        connect_args={
            "application_name": "fedi-cluster",
            "connect_timeout": 10,
            "options": "-c timezone=UTC",
        },
        pool_size=connections,
        max_overflow=-1,
        pool_use_lifo=True,
    )
    event.listen(engine, "connect", _check_server)
    return engine


def _check_server(connection: object, _entry: ConnectionPoolEntry) -> None:
    # A row of two attributes, not psycopg's type: that would import the driver where SQLite is used.
    info = getattr(connection, "info", None)
    check_postgres(int(getattr(info, "server_version", 0)))
