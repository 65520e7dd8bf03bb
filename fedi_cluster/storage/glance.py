"""Asks whether what was made from the database still holds, by one row or by all of it; it reads no more.

Embedded, a look costs some microseconds and is taken on the event loop's own thread, as libraries.md 3.4
proposes; on PostgreSQL it is one round trip on a reader thread.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import apsw
from sqlalchemy import Dialect, Engine, Select, text

from fedi_cluster.kernel.errors import Unavailable
from fedi_cluster.storage.engine import DRIVER_ERRORS, READ_ONLY, is_sqlite
from fedi_cluster.storage.held import drop, raw
from fedi_cluster.storage.unit import Reader

_SNAPSHOT = text("SELECT pg_current_snapshot()::text")


class Read(Protocol):
    """`Database.read`."""

    def __call__(self, fn: Callable[[Reader], Any], /) -> Awaitable[Any]:
        """What `fn` reads."""
        ...


class RowStamp:
    """The columns of a row that something was made from; `statement` has one parameter, `id`.

    Two stamps are equal where nobody changed these columns in between. They are as the driver gives them:
    good for comparing, and for nothing else.
    """

    def __init__(self, statement: Select[Any]) -> None:
        self._statement = statement
        self._texts: dict[str, str] = {}

    def text(self, dialect: Dialect) -> str:
        """The statement for the driver; compiled once."""
        known = self._texts.get(dialect.name)
        if known is None:
            known = self._texts[dialect.name] = str(
                self._statement.compile(dialect=dialect, compile_kwargs={"render_postcompile": True})
            )
        return known

    def read(self, reader: Reader, row_id: int) -> tuple[object, ...] | None:
        """The stamp as this transaction sees it, None where there is no row."""
        connection = reader.connection
        said = self.text(connection.dialect)
        ids = (row_id,) if connection.dialect.positional else {"id": row_id}
        row = connection.exec_driver_sql(said, ids).first()
        return None if row is None else tuple(row)


class Glance:
    """Looks into one database, from one event loop."""

    def __init__(self, engine: Engine, read: Read) -> None:
        self._engine = engine
        self._read = read
        self._embedded = is_sqlite(engine)
        self._look: _Look | None = None

    async def row(self, stamp: RowStamp, row_id: int) -> tuple[object, ...] | None:
        """The stamp of a row as it is now, None where there is no row or it cannot be read at once."""
        if self._embedded:
            return self._first(stamp.text(self._engine.dialect), (row_id,))
        try:
            found: tuple[object, ...] | None = await self._read(lambda reader: stamp.read(reader, row_id))
        except Unavailable:
            return None  # the ordinary way asks again, and says so
        return found

    async def version(self) -> object:
        """Something that stays equal exactly as long as nobody, in whatever process, has committed.

        Taken before a read, it says of what that read sees: nothing newer was there. None where it cannot be
        read at once: then nothing is known to hold.
        """
        if self._embedded:
            return self._first("PRAGMA data_version", ())
        try:
            return await self._read(lambda reader: reader.connection.execute(_SNAPSHOT).scalar_one())
        except Unavailable:
            return None

    def close(self) -> None:
        """Closes what was opened."""
        if self._look is not None:
            self._look.close()

    def _first(self, said: str, values: tuple[int, ...]) -> tuple[object, ...] | None:
        try:
            if self._look is None:
                self._look = _Look(self._engine)
            return self._look.first(said, values)
        except (*DRIVER_ERRORS, apsw.Error):
            return None  # locked or full: the ordinary way waits, and says so


class _Look:
    """A connection to SQLite that never waits and holds no transaction between two statements."""

    def __init__(self, engine: Engine) -> None:
        self._connection = engine.connect().execution_options(**{READ_ONLY: True})
        self._driver = raw(self._connection).driver_connection
        self._driver.exec_trace = None  # nobody needs the columns, and no SQLAlchemy stands between
        self._driver.set_busy_timeout(0)
        self._driver.execute("PRAGMA query_only = ON")
        self._driver.execute("PRAGMA cache_size = -512")

    def first(self, said: str, values: tuple[int, ...]) -> tuple[object, ...] | None:
        """The first row of a statement, read to its end."""
        rows: list[tuple[object, ...]] = self._driver.execute(said, values).fetchall()
        return rows[0] if rows else None

    def close(self) -> None:
        """Closes the connection itself."""
        drop(self._connection)
