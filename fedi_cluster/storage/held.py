"""Connections that stay open between transactions; it runs no statement of anybody on them."""

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from sqlalchemy import Connection, Engine

from fedi_cluster.storage import apsw_dbapi
from fedi_cluster.storage.engine import READ_ONLY, is_sqlite


class Held:
    """A stack of open connections of one kind: readers, or writers at one isolation level.

    Checking a connection out of the engine's pool for each transaction costs as much as a small query.
    """

    def __init__(self, engine: Engine, *, read_only: bool = False, isolation: str = "SERIALIZABLE") -> None:
        self._engine = engine
        self._read_only = read_only
        self._isolation = isolation  # PostgreSQL only: SQLite has one writer
        self._idle: deque[Connection] = deque()
        self._closed = False
        self._lock = threading.Lock()

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """One connection for the time of the block; it is dropped where it was lost or left in disorder."""
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = self._open()
        try:
            yield connection
        finally:
            self._give_back(connection)

    def close(self) -> None:
        """Close the idle ones now and the others when they come back."""
        with self._lock:
            self._closed = True
        self._drop_idle()

    def _drop_idle(self) -> None:
        with suppress(IndexError):  # others take from it at the same time
            while True:
                drop(self._idle.pop())

    def _open(self) -> Connection:
        connection = self._engine.connect()
        if not is_sqlite(self._engine):
            return connection.execution_options(
                isolation_level=self._isolation, postgresql_readonly=self._read_only
            )
        if self._read_only:
            connection.execution_options(**{READ_ONLY: True})
            raw(connection).execute("PRAGMA query_only = ON").close()
        return connection

    def _give_back(self, connection: Connection) -> None:
        if connection.invalidated:
            # The server went away, and with it what waits here: else each of them would fail somebody once.
            self._drop_idle()
        disorder = connection.closed or connection.invalidated or connection.get_transaction() is not None
        if not disorder and is_sqlite(self._engine):
            disorder = raw(connection).in_transaction  # a COMMIT that failed
        if disorder:
            drop(connection)
            return
        with self._lock:
            closed = self._closed
        if closed:
            drop(connection)
        else:
            self._idle.append(connection)


def drop(connection: Connection) -> None:
    """Close the connection itself, so that whatever it had open is rolled back."""
    if not connection.closed:
        if not connection.invalidated:
            connection.invalidate()
        connection.close()


def raw(connection: Connection) -> apsw_dbapi.Connection:
    """The binding's own connection under an SQLite one."""
    lowest = connection.connection.dbapi_connection
    assert isinstance(lowest, apsw_dbapi.Connection)
    return lowest


def plainly(connection: Connection, text: str) -> None:
    """Runs a statement without values or rows on the driver itself."""
    if connection.dialect.name == "sqlite":
        raw(connection).rows(text, ())
    else:
        connection.exec_driver_sql(text)
