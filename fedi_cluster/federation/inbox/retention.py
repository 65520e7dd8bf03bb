"""Forgets what has served its time, a little at a time: bodies of the log, its ids, marks of what was undone.

Ids, tombstones and undone activities are kept for 90 days, as long as anybody may send them again; what was
given up is listed for 30 days, deliveries after their own 30 (limits.md). What waits in the log for a job
that is gone is worked again. It touches nothing that somebody published here.
"""

from datetime import timedelta

from sqlalchemy import ColumnElement, Table, delete, exists, select, update

from fedi_cluster.federation.inbox import claims, early
from fedi_cluster.federation.remote import log as inbox
from fedi_cluster.federation.remote.context import Federation
from fedi_cluster.federation.remote.lanes import DEAD
from fedi_cluster.jobs import standing
from fedi_cluster.jobs.queue import Job
from fedi_cluster.jobs.worker import Outcome, Rest
from fedi_cluster.kernel.ids import first_id_at
from fedi_cluster.storage.tables.federation import delivery, inbox_log
from fedi_cluster.storage.tables.inbox import early as early_table
from fedi_cluster.storage.tables.posts import post, tombstone
from fedi_cluster.storage.unit import Unit

BODIES = timedelta(days=3)
IDS = timedelta(days=90)
GIVEN_UP = timedelta(days=30)

_EVERY = timedelta(hours=6)
_AT_ONCE = 1000


def begin(unit: Unit) -> None:
    """Sees that it is done regularly."""
    standing.stand(unit, "federation.trim", {"trim": {}})


async def trim(federation: Federation, _job: Job) -> Outcome:
    """One round; where there is more, the next one follows at once, after those who wait."""
    more = await federation.db.write_locking(_trim, federation.at.host)
    raise Rest(timedelta() if more else _EVERY)


def _trim(unit: Unit, own_host: str) -> bool:
    log, stones = inbox_log.c, tombstone.c
    worked = log.state.not_in((inbox.OPEN, inbox.LATER))
    needed = exists().where(delivery.c.log_id == log.id) | exists().where(early_table.c.log_id == log.id)
    empty = (
        select(log.id)
        .where(
            worked,
            log.received_at < unit.now - BODIES,
            # From it what was given up can be worked again; the tries before took two days.
            (log.state != inbox.DEAD) | (log.received_at < unit.now - BODIES - GIVEN_UP),
            log.raw.is_not(None),
            ~needed,
        )
        .order_by(log.received_at)
        .limit(_AT_ONCE)
    )
    emptied = unit.connection.execute(update(inbox_log).where(log.id.in_(empty)).values(raw=None)).rowcount
    counts = [
        emptied,
        claims.trim(unit, _AT_ONCE),
        early.trim(unit, _AT_ONCE),
        inbox.reopen_orphans(unit, _AT_ONCE),
        # Ids of the log are as old as its entries.
        _delete(unit, inbox_log, worked & (log.id < first_id_at(unit.now - IDS)) & ~needed),
        _delete(
            unit, delivery, (delivery.c.state == DEAD) & (delivery.c.created_at < unit.now - 2 * GIVEN_UP)
        ),
        # Of posts that we never had; the others are what stays of a post.
        _delete(
            unit,
            tombstone,
            (stones.deleted_at < unit.now - IDS)
            & (stones.host != own_host)
            & ~exists().where(post.c.uri == stones.uri),
        ),
    ]
    return max(counts) >= _AT_ONCE


def _delete(unit: Unit, table: Table, which: ColumnElement[bool]) -> int:
    key = next(iter(table.primary_key.columns))
    some = select(key).where(which).limit(_AT_ONCE)
    return unit.connection.execute(delete(table).where(key.in_(some))).rowcount
