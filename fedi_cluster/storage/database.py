"""The door between the asynchronous edge and synchronous storage; no network, no rule, no HTTP behind it."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import Concatenate, ParamSpec, TypeVar, cast

from sqlalchemy import Engine, event

from fedi_cluster.kernel.clock import Clock
from fedi_cluster.kernel.errors import Unavailable
from fedi_cluster.kernel.ids import IdSource
from fedi_cluster.storage.engine import DRIVER_ERRORS, is_sqlite, open_engine, translated
from fedi_cluster.storage.glance import Glance
from fedi_cluster.storage.group_commit import GroupWriter
from fedi_cluster.storage.held import Held
from fedi_cluster.storage.own_commit import OwnWriter
from fedi_cluster.storage.unit import React, Reader, Unit
from fedi_cluster.storage.work import Work, Writer, inside_unit, refuse_inside
from fedi_cluster.telemetry.metrics import observe
from fedi_cluster.telemetry.traces import span

P = ParamSpec("P")
T = TypeVar("T")


class Database:
    """One database of one process.

    `react` is handed each fact that a unit recorded, in order, inside the same transaction. A function given
    to `write` may be run again (PostgreSQL: after a conflict), so that it changes nothing but the database
    and leaves the rest to `unit.on_commit`. All methods raise Unavailable where the database is locked by
    somebody else for five seconds, full or away; otherwise the function's own error comes through.
    """

    def __init__(
        self,
        url: str,
        clock: Clock,
        ids: IdSource,
        react: React | None = None,
        *,
        readers: int = 3,
        writers: int = 4,
    ) -> None:
        self.engine: Engine = open_engine(url, connections=readers + writers + 2)
        event.listen(self.engine, "commit", refuse_inside)
        event.listen(self.engine, "rollback", refuse_inside)
        self._clock = clock
        self._writer: Writer
        if is_sqlite(self.engine):
            self._writer = GroupWriter(self.engine, clock, ids, react)
        else:
            self._writer = OwnWriter(self.engine, clock, ids, react, threads=writers)
        self._held = Held(self.engine, read_only=True, isolation="REPEATABLE READ")
        self._readers = ThreadPoolExecutor(readers, thread_name_prefix="storage-reader")
        self.glance = Glance(self.engine, self.read)
        self._closed = False

    @property
    def commits(self) -> int:
        """How many transactions this process has committed."""
        return self._writer.commits

    async def read(self, fn: Callable[Concatenate[Reader, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What `fn(reader, …)` returns, run on a reader thread; all its queries see the same moment."""
        loop = asyncio.get_running_loop()
        try:
            read = partial(self.read_now, fn, *args, **kwargs)
            waiting = loop.run_in_executor(self._readers, copy_context().run, read)
        except RuntimeError as error:
            raise _stopping() from error
        return await waiting

    def read_now(self, fn: Callable[Concatenate[Reader, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The same in the calling thread: for the command line, tests, and point reads of microseconds."""
        if self._closed:
            raise _stopping()
        if inside_unit():
            raise RuntimeError("a unit's function asked for a reader; it would not see the unit's own rows")
        try:
            return self._read_once(lambda reader: fn(reader, *args, **kwargs))
        except DRIVER_ERRORS as error:
            if not getattr(error, "connection_invalidated", False):
                raise translated(error, reading=True) from error.__cause__
        try:  # the server had been started anew; a read may simply be repeated
            return self._read_once(lambda reader: fn(reader, *args, **kwargs))
        except DRIVER_ERRORS as error:
            raise translated(error, reading=True) from error.__cause__

    async def write(self, fn: Callable[Concatenate[Unit, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What `fn(unit, …)` returns, after it was committed for good.

        Cancelling the caller does not stop it: it is done whole or not at all.
        """
        work = self._submit(lambda unit: fn(unit, *args, **kwargs), asyncio.get_running_loop())
        return cast(T, await _measured(work))

    def write_now(self, fn: Callable[Concatenate[Unit, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The same, blocking the calling thread: for the command line and tests."""
        return cast(T, self._submit(lambda unit: fn(unit, *args, **kwargs)).blocked())

    async def write_locking(
        self, fn: Callable[Concatenate[Unit, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """As `write`, for functions that lock the rows which they take (FOR UPDATE SKIP LOCKED): PostgreSQL
        runs them at READ COMMITTED, where locks and not conflicts keep writers apart."""
        work = self._submit(lambda unit: fn(unit, *args, **kwargs), asyncio.get_running_loop(), locking=True)
        return cast(T, await _measured(work))

    def write_locking_now(
        self, fn: Callable[Concatenate[Unit, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """The same, blocking the calling thread."""
        return cast(T, self._submit(lambda unit: fn(unit, *args, **kwargs), locking=True).blocked())

    def close(self) -> None:
        """Finish what was taken, then close all connections; closing twice does no harm."""
        self._closed = True
        self._readers.shutdown()
        self._writer.close()
        self._held.close()
        self.glance.close()
        self.engine.dispose()

    def _read_once(self, fn: Callable[[Reader], T]) -> T:
        with self._held.connection() as connection, connection.begin():
            return fn(Reader(connection, self._clock.now()))

    def _submit(
        self,
        run: Callable[[Unit], object],
        loop: asyncio.AbstractEventLoop | None = None,
        *,
        locking: bool = False,
    ) -> Work:
        if inside_unit():
            raise RuntimeError("a unit's function asked for another transaction; use the one it has")
        work = Work(run, loop=loop, locking=locking)
        self._writer.submit(work)
        return work


async def _measured(work: Work) -> object:
    """The outcome of `work`; how long it took, the queue and the commit included, is counted."""
    began, outcome = time.perf_counter(), "cancelled"
    try:
        with span("database_write"):
            value = await work.awaited()
        outcome = "committed"
    except Unavailable:
        outcome = "unavailable"
        raise
    except Exception:
        outcome = "refused"
        raise
    finally:
        observe("database_write", time.perf_counter() - began, outcome=outcome)
    return value


def _stopping() -> Unavailable:
    return Unavailable("The server is stopping.", detail="the database is closed")
