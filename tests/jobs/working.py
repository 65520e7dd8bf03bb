"""What tests of the worker share: handlers, and looks at the queue."""

import asyncio
import time
from collections.abc import Callable, Mapping

from sqlalchemy import insert, select

from fedi_cluster.jobs import queue, reports
from fedi_cluster.jobs.queue import Job
from fedi_cluster.jobs.worker import Handler, Outcome
from fedi_cluster.storage.database import Database
from fedi_cluster.storage.tables.instances import identity
from fedi_cluster.storage.unit import Reader, Unit


def note(job: Job) -> Outcome:
    def write(unit: Unit) -> None:
        unit.connection.execute(insert(identity), {"name": str(job.id), "value": str(job.tries)})

    return write


async def noted(job: Job) -> Outcome:
    return note(job)


def effects(reader: Reader) -> dict[int, int]:
    rows = reader.connection.execute(select(identity.c.name, identity.c.value))
    return {int(row.name): int(row.value) for row in rows}


async def add(db: Database, lane: str | None = None, kind: str = "do") -> int:
    return await db.write(lambda unit: queue.enqueue(unit, kind, {}, lane=lane))


async def only_job(db: Database) -> Job:
    [job] = await db.read(reports.list_jobs)
    return job


def raising(error: Callable[[], Exception]) -> Mapping[str, Handler]:
    async def handler(_job: Job) -> Outcome:
        raise error()

    return {"do": handler}


async def until(true: Callable[[], bool], seconds: float = 5) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen in time"
        await asyncio.sleep(0.005)


async def until_empty(db: Database) -> None:
    for _ in range(500):
        if not await db.read(reports.list_jobs):
            return
        await asyncio.sleep(0.01)
    raise AssertionError("the queue did not become empty in time")
