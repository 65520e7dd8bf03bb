"""How often something may be done in a window of time, counted over all processes of a database.

A window begins with the first use of a bucket and ends for all uses at once. It refuses to know who is
counted: a bucket is a name such as `login:192.0.2.7`.
"""

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from sqlalchemy import bindparam, case, delete, or_

from fedi_cluster.kernel.clock import Clock
from fedi_cluster.storage.database import Database
from fedi_cluster.storage.insert import Upsert
from fedi_cluster.storage.tables.base import Moment
from fedi_cluster.storage.tables.rate_limits import rate_limit
from fedi_cluster.storage.unit import Unit

_LONGEST = 255
_MOST_SHUT = 10_000
_TRIM_EVERY = 256


@dataclass(frozen=True, slots=True)
class Rate:
    """At most so many uses in so many seconds."""

    most: int
    seconds: int


class RateLimits:
    """The counts of one database. What was refused is remembered, so that a flood costs no transaction."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock
        self._shut: dict[str, datetime] = {}

    async def take(self, bucket: str, rate: Rate) -> int:
        """Counts one use: 0 where it is within `rate`, else in how many seconds to ask again.

        For use outside of a transaction; inside of one, `take` of this module does the same.
        """
        now = self._clock.now()
        until = self._shut.get(bucket)
        # Two windows ahead is no end that we wrote: the clock was set back.
        if until is not None and now < until <= now + timedelta(seconds=2 * rate.seconds):
            return _seconds(until - now)
        wait = await self._db.write_locking(take, bucket, rate)
        if wait:
            if len(self._shut) >= _MOST_SHUT:
                self._shut.clear()
            self._shut[bucket] = now + timedelta(seconds=wait)
        else:
            self._shut.pop(bucket, None)
        return wait


def take(unit: Unit, bucket: str, rate: Rate) -> int:
    """Counts one use: 0 where it is within `rate`, else in how many seconds the window ends (at least 1).

    One statement, so that no two processes count the same number. On PostgreSQL use `db.write_locking`:
    there the second waits for the first instead of conflicting with it.
    """
    window = timedelta(seconds=rate.seconds)
    row = {
        "bucket": _short(bucket),
        "count": 1,
        "ends_at": unit.now + window,
        "now": unit.now,
        "beyond": unit.now + 2 * window,
    }
    counted = _COUNT.first(unit, row)
    assert counted is not None, "each row is written"
    uses, ends_at = counted
    if uses == 1 and random.randrange(_TRIM_EVERY) == 0:
        trim(unit)
    return 0 if uses <= rate.most else _seconds(ends_at - unit.now)


def trim(unit: Unit) -> None:
    """Takes away windows that have ended; `take` calls it now and then."""
    unit.connection.execute(delete(rate_limit).where(rate_limit.c.ends_at <= unit.now))


def _seconds(left: timedelta) -> int:
    return max(1, math.ceil(left.total_seconds()))


def _short(bucket: str) -> str:
    """A name that fits its column; long ones keep their beginning, so that people can read the table."""
    if len(bucket) <= _LONGEST:
        return bucket
    return f"{bucket[:180]}#{sha256(bucket.encode()).hexdigest()}"


def _one_more(new: Any) -> Mapping[str, object]:
    """A window that has ended begins anew; two windows ahead is an end by a clock that was set back."""
    there = rate_limit.c
    now, beyond = bindparam("now", type_=Moment), bindparam("beyond", type_=Moment)
    over = or_(there.ends_at <= now, there.ends_at > beyond)
    return {
        "count": case((over, 1), else_=there.count + 1),
        "ends_at": case((over, new.ends_at), else_=there.ends_at),
    }


_COUNT = Upsert(rate_limit, ("bucket",), _one_more, returning=("count", "ends_at"))
