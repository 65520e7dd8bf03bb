"""A memory of what was made once, bounded by bytes; it never says whether that still holds."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from functools import lru_cache
from typing import Any, Generic, ParamSpec, TypeVar, cast
from weakref import WeakSet

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
P = ParamSpec("P")

_ROW = 500
"""Bytes of an entry beside its value: key, links, objects."""


class ByteLru(Generic[K, V]):
    """Keeps what was used last, up to `most` bytes together; it may be asked from several threads."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._held: OrderedDict[K, tuple[V, int]] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()
        with _counting:
            _all.add(self)

    def get(self, key: K) -> V | None:
        """What was kept under `key`, or None."""
        with self._lock:
            found = self._held.get(key)
            if found is None:
                return None
            self._held.move_to_end(key)
            return found[0]

    def put(self, key: K, value: V, size: int) -> None:
        """Keeps `value` of about `size` bytes; what was used longest ago makes room, and what would fill
        more than an eighth alone is not kept."""
        size += _ROW
        with self._lock:
            before = self._held.pop(key, None)
            if before is not None:
                self._bytes -= before[1]
            if size > self._most // 8:
                return
            self._held[key] = (value, size)
            self._bytes += size
            while self._bytes > self._most:
                _, (_, gone) = self._held.popitem(last=False)
                self._bytes -= gone

    @property
    def bytes(self) -> int:
        """How much is kept now."""
        return self._bytes

    def __len__(self) -> int:
        return len(self._held)


_all: WeakSet[ByteLru[Any, Any]] = WeakSet()
_counting = threading.Lock()
_functions: list[tuple[Callable[[], int], int]] = []


def remembered(most: int, *, each: int) -> Callable[[Callable[P, V]], Callable[P, V]]:
    """`functools.lru_cache` of `most` results for what is asked of each person or server that is met.

    `each` is what a result and its arguments usually take, in bytes: together they count in `bytes_in_all`.
    Where strangers choose the arguments, whoever calls asks only for those of a usual length.
    """

    def wrap(function: Callable[P, V]) -> Callable[P, V]:
        cached = lru_cache(maxsize=most)(function)
        _functions.append((lambda: cached.cache_info().currsize, each))
        return cast("Callable[P, V]", cached)

    return wrap


def bytes_in_all() -> int:
    """How much all memories of this process keep now."""
    with _counting:
        now = tuple(_all)
    return sum(one.bytes for one in now) + sum(number() * each for number, each in _functions)
