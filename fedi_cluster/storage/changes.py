"""Lets a running server notice that somebody wrote, also another process; it does not say what was written.

What was written stands in the tables: whoever is woken reads there again from its own cursor.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from typing import TYPE_CHECKING

from sqlalchemy import Engine

from fedi_cluster.storage import apsw_dbapi
from fedi_cluster.storage.announce import CHANNEL
from fedi_cluster.storage.engine import KEEP_ALIVE, READ_ONLY, is_sqlite
from fedi_cluster.storage.held import drop, raw

if TYPE_CHECKING:
    import psycopg

POLL_SECONDS = 0.15
_LONGEST_PAUSE = 5.0


class Changes:
    """Watches one database. SQLite tells of every commit, PostgreSQL of those that called `unit.announce()`;
    both also of this process's own, and several commits in a short time are one change."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def watch(self) -> AsyncIterator[None]:
        """One `None` for each change after the first step of the iteration, within 250 ms; and one at the
        start, for whatever happened before. It ends when its task is cancelled; a PostgreSQL that went away
        is asked for again, and its return counts as a change."""
        return self._poll() if is_sqlite(self._engine) else self._listen()

    async def call(self, on_change: Callable[[], None]) -> None:
        """Call `on_change` for each change, until cancelled."""
        async for _ in self.watch():
            on_change()

    async def _poll(self) -> AsyncIterator[None]:
        # Some microseconds in shared memory: the event loop's own thread may do it.
        connection = self._engine.connect().execution_options(**{READ_ONLY: True})
        try:
            database = raw(connection)
            seen: object = None
            while True:
                version = _version(database) or seen
                if version != seen:
                    seen = version
                    yield None
                await asyncio.sleep(POLL_SECONDS)
        finally:
            drop(connection)

    async def _listen(self) -> AsyncIterator[None]:
        import psycopg

        pause = 0.1
        while True:
            try:
                connection = await self._connect()
            except psycopg.Error:
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)
                continue
            try:
                await connection.execute(f"LISTEN {CHANNEL}")
                pause = 0.1
                yield None
                async for _ in connection.notifies():
                    yield None
            except psycopg.Error:
                await asyncio.sleep(pause)
            finally:
                await connection.close()

    async def _connect(self) -> "psycopg.AsyncConnection[tuple[object, ...]]":
        import psycopg

        _, arguments = self._engine.dialect.create_connect_args(self._engine.url)
        arguments.update(KEEP_ALIVE, application_name="fedi-cluster listener")
        return await psycopg.AsyncConnection.connect(autocommit=True, connect_timeout=10, **arguments)


def _version(database: apsw_dbapi.Connection) -> object:
    """A number that changes with every commit of another connection; None where it is unreadable now."""
    try:
        with closing(database.execute("PRAGMA data_version")) as cursor:
            row = cursor.fetchone()
    except apsw_dbapi.OperationalError:
        return None
    return row[0] if row else None
