"""What becomes of the queue of a database that comes from a copy; it runs no job and drops none."""

from collections.abc import Collection

from sqlalchemy import update

from fedi_cluster.jobs.queue import DEAD
from fedi_cluster.storage.tables.jobs import job as job_table
from fedi_cluster.storage.unit import Unit

_job = job_table.c


def end_leases(unit: Unit) -> int:
    """Whoever worked a job when the copy was made is not here any more: it is due now. Gives how many.

    Every job may run twice, so what was done after the copy does no harm when it is done again.
    """
    leased = update(job_table).where(_job.leased_by.is_not(None), _job.state != DEAD)
    return unit.connection.execute(leased.values(leased_until=None, leased_by=None, run_at=unit.now)).rowcount


def hold(unit: Unit, kinds: Collection[str], reason: str) -> int:
    """List jobs of these kinds as given up with `reason`, until `queue.requeue`. Gives how many.

    All jobs of a lane must be of these kinds or none: else the next one of the lane would not come forward.
    """
    waiting = update(job_table).where(_job.kind.in_(kinds), _job.state != DEAD)
    changed = {"state": DEAD, "run_at": unit.now, "leased_until": None, "leased_by": None, "error": reason}
    return unit.connection.execute(waiting.values(changed)).rowcount
