"""A transaction as the community sees it: a connection, one moment, fresh ids and the facts that it records.

It refuses to commit: the edge that opened it does, after everything that follows from the facts has run.
"""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Connection

from fedi_cluster.kernel.clock import Clock
from fedi_cluster.kernel.ids import IdSource

MOST_FACTS = 1000
"""Facts in one transaction; more means that two reactions answer each other without end."""

React = Callable[["Unit", object], None]
"""Called with each recorded fact, in order, inside the transaction."""


class Reader:
    """A transaction that only reads; `now` is an aware datetime in UTC, the same for all of it."""

    __slots__ = ("connection", "now")

    def __init__(self, connection: Connection, now: datetime) -> None:
        self.connection = connection
        self.now = now


class Unit(Reader):
    """A transaction that writes. What its function does to anything but the database must wait for
    `on_commit`: the function may run again where the database asks for it."""

    __slots__ = ("_clock", "_ids", "announced", "facts", "followers")

    def __init__(self, connection: Connection, clock: Clock, ids: IdSource) -> None:
        super().__init__(connection, clock.now())
        self._clock = clock
        self._ids = ids
        self.facts: list[object] = []
        self.followers: list[Callable[[], None]] = []
        self.announced = False

    def new_id(self) -> int:
        """A fresh 64-bit id of this moment, greater than those given before."""
        return self._ids.new(self.now)

    def record(self, fact: object) -> None:
        """Say that something happened; what follows from it runs in this transaction."""
        self.facts.append(fact)

    def on_commit(self, follower: Callable[[], None]) -> None:
        """Call `follower` once after the commit, on the event loop's thread where the writer awaits there."""
        self.followers.append(follower)

    def announce(self) -> None:
        """Wake other processes after the commit (PostgreSQL; on SQLite they see every commit)."""
        self.announced = True

    def follow_facts(self, react: React | None) -> None:
        """Hand each fact to `react`, also those that reactions record.

        Raises RuntimeError beyond MOST_FACTS facts.
        """
        done = 0
        while done < len(self.facts):
            if done >= MOST_FACTS:
                raise RuntimeError(f"more than {MOST_FACTS} facts in one transaction: {self.facts[-1]!r}")
            if react is not None:
                react(self, self.facts[done])
            done += 1
