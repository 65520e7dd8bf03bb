"""A transaction as the community sees it: a connection, one moment, fresh ids and the facts that it records.

It refuses to commit: the edge that opened it does, after everything that follows from the facts has run.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, PendingRollbackError

from fedi_cluster.kernel.clock import Clock
from fedi_cluster.kernel.ids import IdSource
from fedi_cluster.storage.held import plainly, raw

T = TypeVar("T")

DEEPEST_FACTS = 50
"""Facts that follow from one another; more means that two reactions answer each other without end."""

React = Callable[["Unit", object], None]
"""Called with each recorded fact, in order, inside the transaction."""


class Reader:
    """A transaction that only reads; `now` is an aware datetime in UTC, the same for all of it.

    `driver` is the binding's own connection on SQLite, for what is prepared.
    """

    __slots__ = ("_held", "connection", "driver", "now")

    def __init__(self, connection: Connection, now: datetime) -> None:
        self.connection = connection
        self.driver = raw(connection) if connection.dialect.name == "sqlite" else None
        self.now = now
        self._held: dict[str, dict[object, Any]] = {}

    def held(self, family: str, key: object, read: Callable[[], T]) -> T:
        """What `read` gave for this key the first time in this transaction.

        For what many steps of a batch ask again. Whoever writes rows of a family says `forget`, or `hold`.
        """
        known = self._held.setdefault(family, {})
        if key not in known:
            known[key] = read()
        found: T = known[key]
        return found

    def hold(self, family: str, key: object, value: object) -> None:
        """What `held` gives for this key from now on: for who has just read it otherwise, or written it."""
        self._held.setdefault(family, {})[key] = value

    def holds(self, family: str, key: object) -> Any | None:
        """What `held` would give for this key without reading; None where it would read."""
        return self._held.get(family, {}).get(key)

    def forget(self, family: str) -> None:
        """Rows of this family have changed: they are read anew."""
        self._held.pop(family, None)


class Unit(Reader):
    """A transaction that writes. What its function does to anything but the database must wait for
    `on_commit`: the function may run again where the database asks for it."""

    __slots__ = (
        "_clock", "_depth", "_depths", "_followed", "_ids", "announced", "facts", "followers", "react"
    )  # fmt: skip

    def __init__(self, connection: Connection, clock: Clock, ids: IdSource) -> None:
        super().__init__(connection, clock.now())
        self._clock = clock
        self._ids = ids
        self._followed = 0
        self._depth = 0
        self._depths: list[int] = []
        self.react: React | None = None
        self.facts: list[object] = []
        self.followers: list[Callable[[], None]] = []
        self.announced = False

    def new_id(self) -> int:
        """A fresh 64-bit id of this moment, greater than those given before."""
        return self._ids.new(self.now)

    def record(self, fact: object) -> None:
        """Say that something happened; what follows from it runs in this transaction."""
        self.facts.append(fact)
        self._depths.append(self._depth)

    def on_commit(self, follower: Callable[[], None]) -> None:
        """Call `follower` once after the commit, on the event loop's thread where the writer awaits there."""
        self.followers.append(follower)

    def announce(self) -> None:
        """Wake other processes after the commit (PostgreSQL; on SQLite they see every commit)."""
        self.announced = True

    def follow_facts(self) -> None:
        """Runs what follows from each fact that was not followed yet, also from those that reactions record.

        Raises RuntimeError where more than DEEPEST_FACTS follow from one another.
        """
        try:
            while self._followed < len(self.facts):
                self._depth = self._depths[self._followed] + 1
                if self._depth > DEEPEST_FACTS:
                    raise RuntimeError(f"facts answer each other without end: {self.facts[-1]!r}")
                if self.react is not None:
                    self.react(self, self.facts[self._followed])
                self._followed += 1
        finally:
            self._depth = 0

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """A part that succeeds whole, with what follows from its facts, or leaves nothing behind.

        Its error comes through. For batches, in which one must not harm the others; parts are not nested.
        """
        recorded, waiting = len(self.facts), len(self.followers)
        plainly(self.connection, "SAVEPOINT attempt")
        try:
            yield
            self.follow_facts()
        except BaseException:
            del self.facts[recorded:], self._depths[recorded:], self.followers[waiting:]
            self._followed = min(self._followed, recorded)
            self._held.clear()
            # Where the database has ended the whole transaction, there is nothing to go back to.
            with suppress(DBAPIError, PendingRollbackError):
                plainly(self.connection, "ROLLBACK TO SAVEPOINT attempt")
                plainly(self.connection, "RELEASE SAVEPOINT attempt")
            raise
        plainly(self.connection, "RELEASE SAVEPOINT attempt")
