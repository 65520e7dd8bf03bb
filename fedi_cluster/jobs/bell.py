"""Wakes the workers of this process when a transaction that gave them work has committed; it carries none.

Other processes are woken by `unit.announce()` and what listens to it; a worker that hears nothing polls.
"""

import threading
from collections.abc import Callable
from weakref import WeakKeyDictionary

from sqlalchemy import Engine

from fedi_cluster.storage.unit import Unit


class Bell:
    """Those who wait for work in one database; listeners must be callable from any thread."""

    def __init__(self) -> None:
        self._listeners: list[Callable[[], None]] = []
        self._lock = threading.Lock()

    def listen(self, listener: Callable[[], None]) -> None:
        """Call `listener` at each ring from now on."""
        with self._lock:
            self._listeners.append(listener)

    def forget(self, listener: Callable[[], None]) -> None:
        """Call `listener` no more."""
        with self._lock:
            self._listeners.remove(listener)

    def ring(self) -> None:
        """Call all listeners."""
        with self._lock:
            listeners = tuple(self._listeners)
        for listener in listeners:
            listener()


# Keyed by engine, because a process may hold several databases (the tests' towns do), and a unit of work
# knows which engine it belongs to, but not who works for it.
_bells: WeakKeyDictionary[Engine, Bell] = WeakKeyDictionary()
_lock = threading.Lock()


def bell_of(engine: Engine) -> Bell:
    """The one bell of a database in this process."""
    with _lock:
        bell = _bells.get(engine)
        if bell is None:
            bell = _bells[engine] = Bell()
        return bell


def ring_after(unit: Unit) -> None:
    """Ring when `unit` has committed, and tell other processes; once, however much it enqueued."""
    ring = bell_of(unit.connection.engine).ring
    if ring not in unit.followers:
        unit.on_commit(ring)
    unit.announce()
