"""A transaction as the community sees it: a connection, one moment, fresh ids and the facts that it records.

It refuses to commit: the edge that opened it does, after everything that follows from the facts has run.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Any, Protocol, TypeVar

from sqlalchemy import Connection, Dialect
from sqlalchemy.exc import PendingRollbackError

from fedi_cluster.kernel.clock import Clock
from fedi_cluster.kernel.ids import IdSource
from fedi_cluster.storage import apsw_dbapi
from fedi_cluster.storage.engine import DRIVER_ERRORS
from fedi_cluster.storage.held import plainly, raw

T = TypeVar("T")

DEEPEST_FACTS = 50
"""Facts that follow from one another; more means that two reactions answer each other without end."""

React = Callable[["Unit", object], None]
"""Called with each recorded fact, in order, inside the transaction."""


class LateFault(Exception):
    """Of the rows that were written together one did not fit; `__cause__` says why, where it is no twin."""


class Writing(Protocol):
    """A statement that writes rows; those with a lower `order` go first, for others name their rows."""

    @property
    def order(self) -> int:
        """Its place among the statements of a transaction."""
        ...

    def run(self, reader: "Reader", rows: Sequence[Mapping[str, object]]) -> int:
        """Writes these rows; gives how many changed."""
        ...


class Reader:
    """A transaction that only reads; `now` is an aware datetime in UTC, the same for all of it."""

    __slots__ = ("_connection", "_driver", "_held", "dialect", "now")

    def __init__(self, connection: Connection, now: datetime) -> None:
        self._connection = connection
        self._driver = raw(connection) if connection.dialect.name == "sqlite" else None
        self.dialect: Dialect = connection.dialect
        self.now = now
        self._held: dict[str, dict[object, Any]] = {}

    @property
    def connection(self) -> Connection:
        """What statements are run on."""
        return self._connection

    @property
    def driver(self) -> apsw_dbapi.Connection | None:
        """The binding's own connection on SQLite, for what is prepared."""
        return self._driver

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
        "_clock", "_depth", "_depths", "_fault", "_followed", "_ids", "_in_part", "_late", "announced",
        "facts", "followers", "react",
    )  # fmt: skip

    def __init__(self, connection: Connection, clock: Clock, ids: IdSource) -> None:
        super().__init__(connection, clock.now())
        self._clock = clock
        self._ids = ids
        self._followed = 0
        self._depth = 0
        self._depths: list[int] = []
        self._in_part = False
        self._late: dict[tuple[Writing, bool], list[Mapping[str, object]]] | None = None
        self._fault: LateFault | None = None
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

    @property
    def connection(self) -> Connection:
        """What statements are run on; what was put off is written first."""
        if self._late:
            self._write_late()
        return self._connection

    @property
    def driver(self) -> apsw_dbapi.Connection | None:
        """The same of the binding's own connection."""
        if self._late:
            self._write_late()
        return self._driver

    @contextmanager
    def together(self) -> Iterator[None]:
        """Rows that are put off inside are written many at once: before the next statement, or at the end.

        Raises `LateFault` there where one does not fit, and at the end once more where somebody took it for
        an error of his own. It cannot be said whose it was, so that whoever works a batch goes back and
        begins again without this. Raises RuntimeError inside of itself.
        """
        if self._late is not None:
            raise RuntimeError("rows are put off here already")
        self._late = {}
        try:
            yield
            self._write_late()
            if self._fault is not None:
                raise self._fault
        finally:
            self._late = self._fault = None

    def put_off(self, writing: Writing, rows: Sequence[Mapping[str, object]], *, new: bool = False) -> bool:
        """Whether the rows will be written later, with those of the same statement: only in `together`.

        Where they are to be `new`, a twin of one is a `LateFault`.
        """
        if self._late is None:
            return False
        self._late.setdefault((writing, new), []).extend(rows)
        return True

    def _write_late(self) -> None:
        late, self._late = self._late or {}, {}
        for (writing, new), rows in sorted(late.items(), key=lambda one: one[0][0].order):
            cause = None
            try:
                fits = writing.run(self, rows) >= len(rows) or not new
            except Exception as error:  # whatever it is, it belongs to whoever put that row off
                fits, cause = False, error
            if not fits:
                self._fault = LateFault()
                raise self._fault from cause

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """A part that succeeds whole, with what follows from its facts, or leaves nothing behind.

        Its error comes through. For batches, in which one must not harm the others; RuntimeError in another.
        """
        if self._in_part:
            raise RuntimeError("parts of a transaction are not nested")
        recorded, followed, waiting = len(self.facts), self._followed, len(self.followers)
        fault = self._fault
        plainly(self.connection, "SAVEPOINT attempt")
        self._in_part = True
        try:
            yield
            self.follow_facts()
            if self._late:
                self._write_late()
        except BaseException:
            del self.facts[recorded:], self._depths[recorded:], self.followers[waiting:]
            self._followed = followed
            self._held.clear()
            self._fault = fault
            if self._late:
                self._late = {}
            # Where the database has ended the whole transaction, there is nothing to go back to.
            with suppress(*DRIVER_ERRORS, PendingRollbackError):
                plainly(self.connection, "ROLLBACK TO SAVEPOINT attempt")
                plainly(self.connection, "RELEASE SAVEPOINT attempt")
            raise
        finally:
            self._in_part = False
        plainly(self.connection, "RELEASE SAVEPOINT attempt")
