"""PostgreSQL's writers: each function in its own transaction on a pool thread, again where the server asks.

SERIALIZABLE is the default, so that a function means the same as on SQLite, where writers follow one another.
"""

import logging
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, PendingRollbackError, SQLAlchemyError

from fedi_cluster.kernel.clock import Clock
from fedi_cluster.kernel.errors import Unavailable
from fedi_cluster.kernel.ids import IdSource
from fedi_cluster.storage.announce import Announcer
from fedi_cluster.storage.engine import translated
from fedi_cluster.storage.held import Held, drop
from fedi_cluster.storage.unit import React, Unit
from fedi_cluster.storage.work import Work, answer, call

MOST_RETRIES = 10
_log = logging.getLogger(__name__)
_AGAIN = {"40001", "40P01"}  # serialization_failure, deadlock_detected


class OwnWriter:
    """Commits each work alone, on one of `threads` threads; they do not follow one another."""

    def __init__(
        self, engine: Engine, clock: Clock, ids: IdSource, react: React | None, *, threads: int
    ) -> None:
        self.commits = 0
        self._clock = clock
        self._ids = ids
        self._react = react
        self._serial = Held(engine)
        self._locking = Held(engine, isolation="READ COMMITTED")
        self._announcer = Announcer(engine)
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="storage-writer")

    def submit(self, work: Work) -> None:
        """Take work; it is answered later. Raises Unavailable after `close`."""
        try:
            self._pool.submit(self._serve, work)
        except RuntimeError as error:
            raise Unavailable("The server is stopping.", detail="the database is closed") from error

    def close(self) -> None:
        """Finish what was taken, then end."""
        self._pool.shutdown()
        self._announcer.close()
        self._serial.close()
        self._locking.close()

    def _serve(self, work: Work) -> None:
        try:
            self._persist(work)
        except BaseException as error:  # also a fault of ours must answer the one who waits
            work.fail(translated(error))
        answer((work,))

    def _persist(self, work: Work) -> None:
        """Run and commit; again after a conflict, and after a lost connection unless COMMIT had been sent."""
        held = self._locking if work.locking else self._serial
        for attempt in range(MOST_RETRIES + 1):
            try:
                with held.connection() as connection:
                    self._run(connection, work)
                return
            except (DBAPIError, PendingRollbackError) as error:
                if attempt == MOST_RETRIES or not _worth_again(error):
                    if _state(error) in _AGAIN:
                        raise _contended(error) from error
                    raise
                _log.debug("again after %s", _state(error))
                # Up to 4, 8, 16, 32 ms: those who collided must not meet again.
                time.sleep(random.uniform(0.0, 0.004 * 2 ** min(attempt, 3)))

    def _run(self, connection: Connection, work: Work) -> None:
        root = connection.begin()
        unit = Unit(connection, self._clock, self._ids)
        try:
            call(work, unit, self._react)
            if connection.in_nested_transaction():
                raise RuntimeError("a unit's function left a savepoint open")
        except BaseException:
            if root.is_active:
                with suppress(DBAPIError):
                    root.rollback()
            else:  # the function has touched the transaction itself
                drop(connection)
            raise
        try:
            root.commit()
        except DBAPIError as error:
            root.rollback()  # PostgreSQL has rolled back already; this tells SQLAlchemy
            if error.connection_invalidated:
                raise Unavailable(
                    "The database went away; it is not known whether this was kept.", detail=str(error.orig)
                ) from error
            raise
        work.followers = unit.followers
        with self._lock:
            self.commits += 1
        if unit.announced:
            self._announcer.wake()


def _state(error: SQLAlchemyError) -> str | None:
    return getattr(getattr(error, "orig", None), "sqlstate", None)


def _worth_again(error: SQLAlchemyError) -> bool:
    """Also where the function went on after the connection was lost (PendingRollbackError)."""
    lost = not isinstance(error, DBAPIError) or error.connection_invalidated
    return lost or _state(error) in _AGAIN


def _contended(error: SQLAlchemyError) -> Unavailable:
    return Unavailable(
        "Too many write the same thing at once; please try again.",
        detail=str(getattr(error, "orig", error)),
    )
