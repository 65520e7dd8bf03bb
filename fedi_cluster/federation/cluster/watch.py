"""When sisters are compared: every quarter of an hour, and at once where there is reason to.

One standing job for each sister does it. Should it be lost (somebody emptied the queue), it comes back when
the sister reads our digest, which she does as often.
"""

import random
from datetime import timedelta

from sqlalchemy import select

from fedi_cluster.jobs import standing
from fedi_cluster.jobs.queue import DEAD
from fedi_cluster.storage.tables.jobs import job as job_table
from fedi_cluster.storage.unit import Unit

COMPARE = "cluster.compare"
_EVERY = timedelta(minutes=15)
_JITTER = 0.2


def compare_now(unit: Unit, host: str) -> None:
    """The sister on `host` is compared at once, and from then on regularly."""
    standing.stand(unit, COMPARE, {_key(host): {"host": host}})


def keep_watch(unit: Unit, host: str) -> None:
    """Sees that the sister is compared regularly; where she is, nothing changes."""
    job = job_table.c
    there = select(job.id).where(job.key == _key(host), job.state != DEAD)
    if unit.connection.execute(there).first() is None:
        standing.stand(unit, COMPARE, {_key(host): {"host": host}}, run_at=unit.now + pause())


def pause() -> timedelta:
    """How long until the next comparison: not the same for all, so that they part."""
    return _EVERY * (1 + _JITTER * (2 * random.random() - 1))


def _key(host: str) -> str:
    return f"compare:{host}"
