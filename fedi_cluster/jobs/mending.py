"""Puts right what a killed process or a wrong clock has left in the queue; it works no job.

Leases of the dead would run out by themselves, but not at once. A wait that was decided by a clock that went
ahead would last until the right one has caught up.
"""

import hashlib
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from sqlalchemy import or_, select, update

from fedi_cluster.jobs.bell import ring_after
from fedi_cluster.jobs.queue import READY
from fedi_cluster.storage.tables.jobs import job as job_table
from fedi_cluster.storage.unit import Unit

TOLERANCE = timedelta(seconds=60)
"""What was decided so far ahead was decided by a wrong clock. What is nearer is waited out: where clocks
differ a little, or one is put right by seconds, no job that runs shall be taken away (docs/processes.md)."""

_job = job_table.c


def worker_name() -> str:
    """A name that tells where a lease is held: host and process.

    Two machines may have one name, and names of containers differ only at their ends: the mark behind the
    first letters is of the whole name and of this start of the machine.
    """
    host = socket.gethostname()
    try:
        start = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")
    except OSError:
        start = ""
    mark = hashlib.sha256(f"{host} {start}".encode()).hexdigest()[:10]
    return f"{host[:16]}-{mark}:{os.getpid()}"


def is_dead(worker: str) -> bool:
    """Whether a worker of this name has certainly ended: a process of this machine that is no more, or one
    that had our own number before us. What other machines do is not known here."""
    host, _, number = worker.rpartition(":")
    own_host, _, own_number = worker_name().rpartition(":")
    if host != own_host or not number.isdigit():
        return False
    if number == own_number:
        return True
    with suppress(PermissionError):
        try:
            os.kill(int(number), 0)
        except (ProcessLookupError, OverflowError):
            return True
    return False


def free_leases(unit: Unit, is_dead: Callable[[str], bool] = is_dead) -> int:
    """Jobs that were leased by the dead are due at once; gives how many. For a process that starts, before
    it claims anything itself."""
    tokens = unit.connection.execute(
        select(_job.leased_by).distinct().where(_job.leased_by.is_not(None), _job.state == READY)
    ).scalars()
    ended = [token for token in tokens if token is not None and is_dead(token.rpartition("/")[0])]
    if not ended:
        return 0
    freed = update(job_table).where(_job.leased_by.in_(ended), _job.state == READY)
    count = unit.connection.execute(freed.values(leased_by=None, leased_until=None, run_at=unit.now)).rowcount
    ring_after(unit)
    return count


def free_the_future(unit: Unit, lease: timedelta) -> int:
    """What waits, or is leased, by a clock that was ahead is due now; gives how many."""
    soon = unit.now + TOLERANCE
    ahead = or_(_job.decided_at > soon, _job.created_at > soon, _job.leased_until > soon + lease)
    count = unit.connection.execute(
        update(job_table)
        .where(_job.state == READY, ahead)
        .values(leased_by=None, leased_until=None, run_at=unit.now, decided_at=unit.now, created_at=unit.now)
    ).rowcount
    if count:
        ring_after(unit)
    return count
