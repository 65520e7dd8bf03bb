"""Opens a database by URL, one SQLite file or PostgreSQL; it refuses versions that can lose what is kept."""

import os
from pathlib import Path

import orjson
import sqlalchemy
from sqlalchemy import URL, Engine, event
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry

from fedi_cluster.kernel.errors import ClusterError, Unavailable
from fedi_cluster.storage import apsw_dbapi

BUSY_SECONDS = 5.0
"""How long SQLite waits for another process that writes."""

KEEP_ALIVE = {
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}
"""How soon a PostgreSQL whose machine vanished without a word is noticed: seconds, the last milliseconds."""

READ_ONLY = "fedi_cluster_read_only"
"""Execution option of a connection: its transactions only read."""

_OLDEST_POSTGRES = 15

# What a host reads in the log of each state that passes once somebody sees to it; SQLite by primary code.
_SQLITE_TROUBLE = {
    5: "another process holds the database locked",
    6: "another connection holds the database locked",
    8: "the database or its disk is read-only",
    10: "the disk of the database is full, or cannot be read or written",
    13: "the disk of the database is full",
    14: "the database or its folder cannot be opened",
    15: "the database is locked by too many at once",
}
_POSTGRES_TROUBLE = {
    "25006": "PostgreSQL only reads now",
    "53000": "PostgreSQL lacks resources",
    "53100": "the disk of PostgreSQL is full",
    "53200": "PostgreSQL is out of memory",
    "53300": "PostgreSQL has too many connections",
    "55P03": "somebody else holds a lock",
    "57P01": "PostgreSQL was stopped",
    "57P02": "PostgreSQL crashed",
    "57P03": "PostgreSQL is starting or stopping",
    "58030": "the disk of PostgreSQL cannot be read or written",
}
DRIVER_ERRORS = (DBAPIError, apsw_dbapi.Error)
"""As SQLAlchemy raises them, and as a raw cursor and the preparation of a connection do."""

_NOT_WRITABLE = {8, 13, "25006", "53100"}
_SQLITE_READONLY = 8

# The cache is per connection, in KiB when negative: a writer and three readers hold 16 MiB together. After so
# many pages (16 MiB) what is in the log of writes goes to its place: most pages change again before that, and
# each commit that does it is kept waiting.
_PRAGMAS = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    "PRAGMA temp_store = MEMORY",
    "PRAGMA cache_size = -4096",
    "PRAGMA journal_size_limit = 67108864",
    "PRAGMA wal_autocheckpoint = 4000",
)


class UnfitDatabase(ClusterError):
    """The database or its library is not one that we dare to use; the text says what to do."""


def _json(value: object) -> str:
    return orjson.dumps(value).decode()


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


def translated(error: BaseException, *, reading: bool = False) -> BaseException:
    """What to raise for `error`: Unavailable where the database is locked, full, closed or away, else itself.

    The visitor reads that trying again helps; the log says which it is. `reading`: a transaction that only
    reads was told not to write; that is a fault of ours and stays itself.
    """
    cause: BaseException | None = error  # a raw cursor raises the binding's own errors
    away = False
    if isinstance(error, DBAPIError):
        cause = error.orig
        psycopg = type(cause).__module__.startswith("psycopg") and isinstance(error, OperationalError)
        away = error.connection_invalidated or (psycopg and getattr(cause, "sqlstate", "") is None)
    code, trouble = _trouble(cause, reading)
    if trouble is None and not away:
        return error
    public = "The database is not available right now; please try again."
    if code in _NOT_WRITABLE:
        public = "The server cannot save anything right now; please try again later."
    said = " ".join(str(cause).split())
    fresh = Unavailable(public, detail=f"{trouble}: {said}" if trouble else said)
    fresh.__cause__ = error
    return fresh


def _trouble(cause: BaseException | None, reading: bool) -> tuple[int | str | None, str | None]:
    """The driver's code of an error, and what it means where the state passes."""
    if isinstance(cause, apsw_dbapi.Error):
        primary = cause.sqlite_errorcode & 0xFF
        ours = reading and cause.sqlite_errorcode == _SQLITE_READONLY
        return primary, None if ours else _SQLITE_TROUBLE.get(primary)
    state = getattr(cause, "sqlstate", None)
    if not isinstance(state, str) or (reading and state == "25006"):
        return None, None
    return state, _POSTGRES_TROUBLE.get(state)


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
        hide_parameters=True,  # an error goes to the log, and people's words must not
        json_serializer=_json,
        json_deserializer=orjson.loads,  # a page of posts and authors has some hundred such columns
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
    lowest = connection.connection.dbapi_connection  # SQLAlchemy's own way costs as much as a small query
    assert isinstance(lowest, apsw_dbapi.Connection)
    lowest.rows("BEGIN" if read_only else "BEGIN IMMEDIATE", ())


def _open_postgres(url: URL, connections: int) -> Engine:
    engine = sqlalchemy.create_engine(
        url,
        connect_args={
            "application_name": "fedi-cluster",
            "connect_timeout": 10,
            **KEEP_ALIVE,
            "options": "-c timezone=UTC",
        },
        pool_size=connections,
        max_overflow=-1,
        pool_use_lifo=True,
        hide_parameters=True,
    )
    event.listen(engine, "connect", _check_server)
    return engine


def _check_server(connection: object, _entry: ConnectionPoolEntry) -> None:
    # A row of two attributes, not psycopg's type: that would import the driver where SQLite is used.
    info = getattr(connection, "info", None)
    check_postgres(int(getattr(info, "server_version", 0)))
