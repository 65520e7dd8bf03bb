"""When each stranger's key was asked for last, and whether that failed: over all processes of the database.

It keeps no keys; those are in the rows of their actors.
"""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import bindparam, delete, or_, select

from fedi_cluster.storage.insert import Upsert
from fedi_cluster.storage.tables.base import Moment
from fedi_cluster.storage.tables.federation import key_attempt
from fedi_cluster.storage.unit import Reader, Unit

_there = key_attempt.c
_LONGEST_REASON = 500
_KEPT = timedelta(days=1)  # as long as the settings allow for any pause
_TRIM_EVERY = 256
_NOTE = Upsert(
    key_attempt,
    ("key_id",),
    lambda new: {name: new[name] for name in ("at", "failed", "gone", "reason")},
    where=or_(_there.at <= bindparam("before", type_=Moment), _there.at >= bindparam("after", type_=Moment)),
    returning=("key_id",),
)


@dataclass(frozen=True, slots=True)
class Attempt:
    """The last time that a key was asked for; `reason` says why it `failed`, `gone` that its owner is
    deleted, which is a failure too."""

    at: datetime
    failed: bool
    reason: str
    gone: bool = False

    def is_within(self, span: timedelta, now: datetime) -> bool:
        """Whether it was less than `span` ago; a clock that was set back makes no attempt last for ever."""
        return abs(now - self.at) < span


def last(reader: Reader, key_id: str) -> Attempt | None:
    """The last attempt, by whichever process."""
    row = reader.connection.execute(
        select(_there.at, _there.failed, _there.reason, _there.gone).where(_there.key_id == key_id)
    ).first()
    return Attempt(row.at, row.failed, row.reason or "", row.gone) if row else None


def claim(unit: Unit, key_id: str, host: str, pause: timedelta) -> bool:
    """Notes an attempt of now; False, and nothing noted, where the last one was less than `pause` ago.

    Of several processes that ask at once, one is told True (PostgreSQL: in `db.write_locking`).
    """
    if random.randrange(_TRIM_EVERY) == 0:
        trim(unit)
    return _write(unit, key_id, host, pause, Attempt(unit.now, False, ""))


def note_failure(unit: Unit, key_id: str, host: str, reason: str, *, gone: bool = False) -> None:
    """The attempt that just ended failed, because of `reason`; `gone`: the key's owner is deleted."""
    failure = Attempt(unit.now, True, reason[:_LONGEST_REASON], gone)
    _write(unit, key_id, host, timedelta(), failure)


def trim(unit: Unit) -> None:
    """Takes away attempts that nobody asks for any more; `claim` calls it now and then."""
    unit.connection.execute(delete(key_attempt).where(_there.at < unit.now - _KEPT))


def _write(unit: Unit, key_id: str, host: str, pause: timedelta, attempt: Attempt) -> bool:
    row = {
        "key_id": key_id,
        "host": host,
        "at": attempt.at,
        "failed": attempt.failed,
        "gone": attempt.gone,
        "reason": attempt.reason or None,
        "before": unit.now - pause,
        "after": unit.now + pause,
    }
    return _NOTE.first(unit, row) is not None
