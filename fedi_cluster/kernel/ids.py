"""Ids: 64-bit integers that grow with time and are shown as decimal strings; it knows no database."""

import os
import random
import threading
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_RANDOM_BITS = 16
_MINUTE = 60_000 << _RANDOM_BITS

# An id need not be hard to guess, and asking the system for it costs as much as a small query. A forked
# process throws dice of its own.
_DICE = random.Random()
os.register_at_fork(after_in_child=_DICE.seed)


class IdSource:
    """Makes ids: milliseconds since 1970 << 16, plus 16 random bits.

    Within a process they strictly grow; between processes the random part keeps them apart, and the
    primary key refuses the rare twin (Mastodon's snowflakes answer the same need).
    """

    def __init__(self) -> None:
        self._last = 0
        self._border = 0
        self._lock = threading.Lock()

    def begin_after(self, identifier: int) -> None:
        """Give no id up to `identifier` from now on, whatever the clock says (a database from a copy)."""
        with self._lock:
            self._border = max(self._border, identifier)

    def new(self, moment: datetime) -> int:
        """An id for an aware `moment`; greater than every id that this source gave before."""
        fresh = id_at(moment)
        with self._lock:
            if fresh <= self._border and self._last <= self._border:
                # A clock that went back: each process goes on at a place of its own within the next minute.
                fresh = self._border + 1 + _DICE.randrange(_MINUTE)
            self._last = fresh if fresh > self._last else self._last + 1 + _DICE.randrange(16)
            return self._last


def id_at(moment: datetime) -> int:
    """An id for something that was published at an aware `moment`, perhaps long ago, by whomever.

    What says that it is older than 1970 is as old as 1970: an id is never negative.
    """
    return max(first_id_at(moment), 0) | _DICE.getrandbits(_RANDOM_BITS)


def id_within_second(moment: datetime) -> int:
    """As `id_at`, for a moment that is known to the second: spread over it, so that a busy server's fit."""
    return id_at(moment + timedelta(milliseconds=_DICE.randrange(1000)))


def first_id_at(moment: datetime) -> int:
    """The smallest id that an aware `moment` can have: a border for paging by time."""
    return ((moment - _EPOCH) // timedelta(milliseconds=1)) << _RANDOM_BITS


def moment_of(identifier: int) -> datetime:
    """When an id was made, to the millisecond, in UTC."""
    return _EPOCH + timedelta(milliseconds=identifier >> _RANDOM_BITS)


def parse_id(text: str) -> int | None:
    """A decimal id from a path or parameter, or None where it cannot be one."""
    if not text.isascii() or not text.isdigit() or len(text) > 19:
        return None
    value = int(text)
    return value if value < 2**63 else None
