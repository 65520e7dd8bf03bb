"""A worker in a process of its own, for tests that share the queue or kill it.

`python -m tests.jobs.worker_process URL`. Each job notes when it ran in the table `identity`, whose key
refuses a second effect of the same job. It ends by itself when the queue is empty, or after a minute.
"""

import asyncio
import sys
import time
from datetime import timedelta

from sqlalchemy import insert

from fedi_cluster.jobs import queue, reports
from fedi_cluster.jobs.worker import Outcome, Worker
from fedi_cluster.kernel.clock import SystemClock
from fedi_cluster.kernel.ids import IdSource
from fedi_cluster.storage.database import Database
from fedi_cluster.storage.tables.instances import identity
from fedi_cluster.storage.unit import Unit


async def note(job: queue.Job) -> Outcome:
    """Take a millisecond of "network", then note lane, begin and end of it on the machine's clock."""
    begun = time.monotonic_ns()
    await asyncio.sleep(0.001)
    ended = time.monotonic_ns()

    def write(unit: Unit) -> None:
        row = {"name": str(job.id), "value": f"{job.lane} {begun} {ended}"}
        unit.connection.execute(insert(identity), row)

    return write


async def main(url: str) -> None:
    """Work until nothing is left."""
    db = Database(url, SystemClock(), IdSource())
    stop = asyncio.Event()
    worker = Worker(db, {"note": note}, SystemClock(), lease=timedelta(seconds=1), capacity={"main": 16})
    running = asyncio.create_task(worker.run(stop))
    for _ in range(1200):
        if not await db.read(reports.list_jobs, "waiting", limit=1):
            break
        await asyncio.sleep(0.05)
    stop.set()
    await running
    db.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
