"""Makes few transactions of many small writes: what waits while one is committed goes together in the next.

It keeps no order between callers but that of their calls, and refuses nothing: who must be refused is refused
before.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from fedi_cluster.kernel.errors import Unavailable
from fedi_cluster.storage.database import Database
from fedi_cluster.storage.unit import Unit

T = TypeVar("T")

MOST_TOGETHER = 500


class Gatherer(Generic[T]):
    """Writes the items of one kind with `write(unit, items)`, up to MOST_TOGETHER in one transaction.

    Where that fails by another fault than a database that is away, each is written by itself, and fails
    alone. `write` may be run again after a conflict; on PostgreSQL it runs as in `Database.write_locking`. It
    belongs to one event loop.
    """

    def __init__(self, db: Database, write: Callable[[Unit, Sequence[T]], None]) -> None:
        self._db = db
        self._write = write
        self._waiting: list[tuple[T, asyncio.Future[None]]] = []
        self._running: asyncio.Task[None] | None = None

    def add(self, item: T) -> asyncio.Future[None]:
        """Done when `item` is committed for good; its error (`Unavailable`, or that of `write`) otherwise."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, done))
        if self._running is None:
            self._running = asyncio.create_task(self._serve())
        return done

    async def _serve(self) -> None:
        try:
            # Whoever is ready in this turn of the loop comes along.
            await asyncio.sleep(0)
            while self._waiting:
                batch = self._waiting[:MOST_TOGETHER]
                del self._waiting[:MOST_TOGETHER]
                await self._commit(batch)
        finally:
            self._running = None

    async def _commit(self, batch: list[tuple[T, asyncio.Future[None]]]) -> None:
        try:
            await self._db.write_locking(self._write, [item for item, _ in batch])
        except Exception as error:
            if len(batch) > 1 and not isinstance(error, Unavailable):
                for one in batch:  # one that cannot be written must not fail those beside it
                    await self._commit([one])
                return
            for _, done in batch:
                if not done.done():
                    done.set_exception(error)
                    done.exception()  # looked at here: who went away leaves no warning
            return
        for _, done in batch:
            if not done.done():
                done.set_result(None)
