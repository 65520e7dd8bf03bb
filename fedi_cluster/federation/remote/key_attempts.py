"""When each stranger's key was asked for last, and whether that failed: over all processes of the database.

It keeps no keys; those are in the rows of their actors.
"""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

from sqlalchemy import Insert, bindparam, delete, or_, select

from fedi_cluster.storage.tables.base import Moment
from fedi_cluster.storage.tables.federation import key_attempt
from fedi_cluster.storage.unit import Reader, Unit

_there = key_attempt.c
_LONGEST_REASON = 500
_KEPT = timedelta(days=1)  # as long as the settings allow for any pause
_TRIM_EVERY = 256


@dataclass(frozen=True, slots=True)
class Attempt:
    """The last time that a key was asked for; `reason` says why it `failed`."""

    at: datetime
    failed: bool
    reason: str

    def is_within(self, span: timedelta, now: datetime) -> bool:
        """Whether it was less than `span` ago; a clock that was set back makes no attempt last for ever."""
        return abs(now - self.at) < span


def last(reader: Reader, key_id: str) -> Attempt | None:
    """The last attempt, by whichever process."""
    row = reader.connection.execute(
        select(_there.at, _there.failed, _there.reason).where(_there.key_id == key_id)
    ).first()
    return Attempt(row.at, row.failed, row.reason or "") if row else None


def claim(unit: Unit, key_id: str, host: str, pause: timedelta) -> bool:
    """Notes an attempt of now; False, and nothing noted, where the last one was less than `pause` ago.

    Of several processes that ask at once, one is told True (PostgreSQL: in `db.write_locking`).
    """
    if random.randrange(_TRIM_EVERY) == 0:
        trim(unit)
    return _write(unit, key_id, host, pause)


def note_failure(unit: Unit, key_id: str, host: str, reason: str) -> None:
    """The attempt that just ended failed, because of `reason`."""
    _write(unit, key_id, host, timedelta(), failed=True, reason=reason[:_LONGEST_REASON])


def trim(unit: Unit) -> None:
    """Takes away attempts that nobody asks for any more; `claim` calls it now and then."""
    unit.connection.execute(delete(key_attempt).where(_there.at < unit.now - _KEPT))


def _write(
    unit: Unit, key_id: str, host: str, pause: timedelta, *, failed: bool = False, reason: str | None = None
) -> bool:
    values = {
        "key_id": key_id,
        "host": host,
        "at": unit.now,
        "failed": failed,
        "reason": reason,
        "before": unit.now - pause,
        "after": unit.now + pause,
    }
    return unit.connection.execute(_statement(unit.connection.dialect.name), values).first() is not None


@cache
def _statement(dialect: str) -> Insert:
    if dialect == "sqlite":
        from sqlalchemy.dialects.sqlite import insert
    else:
        from sqlalchemy.dialects.postgresql import insert  # type: ignore[assignment]
    made = insert(key_attempt)
    new = made.excluded
    return made.on_conflict_do_update(
        index_elements=[_there.key_id],
        set_={"at": new.at, "failed": new.failed, "reason": new.reason},
        where=or_(
            _there.at <= bindparam("before", type_=Moment), _there.at >= bindparam("after", type_=Moment)
        ),
    ).returning(_there.key_id)
