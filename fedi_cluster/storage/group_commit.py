"""SQLite's one writer: a thread that takes all waiting functions and commits them together.

Each function has its own savepoint, so that one that raises harms nobody else; the disk is waited for once a
group. It refuses work from inside its own functions, which would wait for themselves.
"""

import queue
import threading
from collections.abc import Sequence

from sqlalchemy import Connection, Engine

from fedi_cluster.kernel.clock import Clock
from fedi_cluster.kernel.errors import Unavailable
from fedi_cluster.kernel.ids import IdSource
from fedi_cluster.storage.engine import translated
from fedi_cluster.storage.held import Held, drop, raw
from fedi_cluster.storage.unit import React, Unit
from fedi_cluster.storage.work import Work, answer, call

MOST_IN_GROUP = 500


class GroupWriter:
    """Commits work in groups of up to MOST_IN_GROUP, in the order in which it came."""

    def __init__(self, engine: Engine, clock: Clock, ids: IdSource, react: React | None) -> None:
        self.commits = 0
        self._clock = clock
        self._ids = ids
        self._react = react
        self._held = Held(engine)
        self._queue: queue.SimpleQueue[Work | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._serve, name="storage-writer", daemon=True)
        self._thread.start()

    def submit(self, work: Work) -> None:
        """Take work; it is answered later. Raises Unavailable after `close`."""
        with self._lock:
            if self._closed:
                raise Unavailable("The server is stopping.", detail="the database is closed")
            self._queue.put(work)

    def close(self) -> None:
        """Finish what was taken, then end."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self._queue.put(None)
        self._thread.join()
        self._held.close()

    def _serve(self) -> None:
        while group := self._take():
            waiting: Sequence[Work] = group
            while waiting:
                waiting = self._commit(waiting)
            answer(group)

    def _take(self) -> list[Work]:
        """Wait for work, then take all that is there; empty once closed."""
        work = self._queue.get()
        group: list[Work] = []
        while work is not None:
            group.append(work)
            if len(group) == MOST_IN_GROUP:
                return group
            try:
                work = self._queue.get_nowait()
            except queue.Empty:
                return group
        if group:
            self._queue.put(None)  # closed: the group first, then the end
        return group

    def _commit(self, group: Sequence[Work]) -> Sequence[Work]:
        """One transaction; gives back what still waits because the transaction was lost on the way."""
        try:
            with self._held.connection() as connection:
                return self._run_all(connection, group)
        except BaseException as error:  # also a fault of ours must answer those who wait
            for work in group:
                work.fail(translated(error))
            return ()

    def _run_all(self, connection: Connection, group: Sequence[Work]) -> Sequence[Work]:
        root = connection.begin()
        for place, work in enumerate(group):
            self._run(connection, work)
            if not (root.is_active and raw(connection).in_transaction):
                # The disk is full or the file unreadable, and SQLite rolled all of it back by itself; or the
                # function has touched the transaction.
                drop(connection)
                for earlier in group[:place]:
                    earlier.fail(_lost(work.error))
                if work.error is None:  # it saw the error and went on as if nothing had been
                    work.fail(_lost(None))
                return group[place + 1 :]
        root.commit()
        self.commits += 1
        return ()

    def _run(self, connection: Connection, work: Work) -> None:
        database = raw(connection)
        database.execute("SAVEPOINT unit")
        unit = Unit(connection, self._clock, self._ids)
        try:
            call(work, unit, self._react)
            if connection.in_nested_transaction():
                raise RuntimeError("a unit's function left a savepoint open")
            if not database.in_transaction:
                raise _lost(None)
            database.execute("RELEASE unit")
            work.followers = unit.followers
        except BaseException as error:  # whatever it is, it belongs to the one who asked
            work.fail(translated(error))
            nested = connection.get_nested_transaction()
            if nested is not None:
                nested.close()
            if database.in_transaction:
                database.execute("ROLLBACK TO unit")
                database.execute("RELEASE unit")


def _lost(error: BaseException | None) -> Unavailable:
    fresh = Unavailable(
        "The database is not available right now; please try again.", detail=f"transaction lost: {error}"
    )
    fresh.__cause__ = error
    return fresh
