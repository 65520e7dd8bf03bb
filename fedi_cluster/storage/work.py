"""One function that waits for its transaction, and the way of its answer; it opens no transaction itself."""

import asyncio
import logging
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from contextvars import copy_context
from typing import Protocol

from fedi_cluster.storage.unit import React, Unit

_log = logging.getLogger(__name__)
_thread = threading.local()


class Work:
    """A function and where its answer goes: to an event loop, or to a thread that blocks.

    `locking`: on PostgreSQL at READ COMMITTED, for functions that lock the rows which they take.
    """

    __slots__ = ("_blocked", "_context", "_loop", "_waiter", "error", "followers", "locking", "run", "value")

    def __init__(
        self,
        run: Callable[[Unit], object],
        *,
        loop: asyncio.AbstractEventLoop | None = None,
        locking: bool = False,
    ) -> None:
        self.run = run
        self.locking = locking
        self.value: object = None
        self.error: BaseException | None = None
        self.followers: list[Callable[[], None]] = []
        # What is logged on the way, on whatever thread, says for which request or job it was.
        self._context = copy_context()
        self._loop = loop
        self._waiter: asyncio.Future[None] | None = loop.create_future() if loop else None
        self._blocked: Future[None] | None = None if loop else Future()

    def in_context(self, unit: Unit) -> object:
        """Runs the function where its caller stands: with his request or job."""
        return self._context.run(self.run, unit)

    def fail(self, error: BaseException) -> None:
        """Nothing of this was kept, because of `error`."""
        self.value, self.error = None, error
        self.followers = []

    async def awaited(self) -> object:
        """The function's value, or its error. Cancelling the caller leaves the work whole: it is done
        completely or not at all, and its followers are called."""
        assert self._waiter is not None
        await asyncio.shield(self._waiter)
        return self._outcome()

    def blocked(self) -> object:
        """The same for a thread without an event loop."""
        assert self._blocked is not None
        self._blocked.result()
        self._follow()
        return self._outcome()

    def _outcome(self) -> object:
        if self.error is not None:
            raise self.error
        return self.value

    def _follow(self) -> None:
        for follower in self.followers:
            try:
                self._context.run(follower)
            except Exception:  # the commit stands; an error here must not say otherwise
                _log.exception("a follower of a commit failed")


class Writer(Protocol):
    """Commits work: together on SQLite, each alone on PostgreSQL."""

    commits: int

    def submit(self, work: Work) -> None:
        """Take work; it is answered later. Raises Unavailable after `close`."""
        ...

    def close(self) -> None:
        """Finish what was taken, then end."""
        ...


def answer(done: Iterable[Work]) -> None:
    """Wake those who wait; one call into each event loop however many of its callers wait."""
    loops: dict[asyncio.AbstractEventLoop, list[Work]] = defaultdict(list)
    for work in done:
        if work._loop is not None:
            loops[work._loop].append(work)
        elif work._blocked is not None:
            work._blocked.set_result(None)
    for loop, works in loops.items():
        try:
            loop.call_soon_threadsafe(_answer_here, works)
        except RuntimeError:
            _log.warning("%d answers found their event loop closed; the work itself is done", len(works))


def _answer_here(works: list[Work]) -> None:
    for work in works:
        work._follow()
        if work._waiter is not None and not work._waiter.done():
            work._waiter.set_result(None)


def inside_unit() -> bool:
    """Whether this thread is inside a transaction's function: waiting for another one would never end."""
    return getattr(_thread, "inside", False)


def call(work: Work, unit: Unit, react: React | None) -> None:
    """Run the function of `work` and what follows from its facts; the error is the caller's to catch."""
    _thread.inside = True
    try:
        unit.react = react
        work.value = work.in_context(unit)
        unit.follow_facts()
    finally:
        _thread.inside = False


def refuse_inside(_connection: object) -> None:
    """A listener for commits and rollbacks: inside a unit they would tear apart what belongs together."""
    if inside_unit():
        raise RuntimeError("a unit's function may neither commit nor roll back; raise, or use begin_nested()")
